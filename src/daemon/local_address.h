/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests about the local addresses of services, which FULLNAT connections come from. */
#ifndef XLVS_DAEMON_LOCAL_ADDRESS_H
#define XLVS_DAEMON_LOCAL_ADDRESS_H

#include "control/request.h"
#include "daemon/director.h"

/* -ESRCH no such service, -EADDRNOTAVAIL not an address of the director, -EINVAL of the wrong
 * family, -EEXIST, -ENOSPC. */
int xlvs_local_address_add(struct xlvs_director *director, const struct xlvs_request *request,
			   struct xlvs_error *reterr);
/* -ESRCH, -ENOENT. Connections from it go on. */
int xlvs_local_address_delete(struct xlvs_director *director, const struct xlvs_request *request,
			      struct xlvs_error *reterr);
/* Those of one service, or of all. -ESRCH. */
int xlvs_local_address_list(const struct xlvs_director *director,
			    const struct xlvs_request *request, struct xlvs_reply *reply);

#endif
