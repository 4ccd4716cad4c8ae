/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request's way: checked against the network, made in the model, carried out in the packet path,
 * answered. What cannot be carried out is undone in the model, so that both always agree. */
#ifndef XLVS_DAEMON_DISPATCH_H
#define XLVS_DAEMON_DISPATCH_H

#include "control/server.h"
#include "daemon/director.h"

/* The xlvs_server_handler of a director (the context). */
int xlvs_dispatch(void *director, const struct xlvs_request *request, struct xlvs_reply *reply,
		  struct xlvs_error *reterr);

#endif
