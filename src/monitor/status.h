/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon knows of each real server, as a JSON document for whoever asks.
 *
 * Asked for at an abstract unix socket of the network namespace, "xlvs-ldirectord.NAME" with the
 * configuration's name: who connects is sent the document and the end. Only root, or the daemon's
 * own user, is answered. */
#ifndef XLVS_MONITOR_STATUS_H
#define XLVS_MONITOR_STATUS_H

#include "monitor/machine.h"

#include <uv.h>

struct xlvs_ld_status;

struct xlvs_ld_status_facts {
	const struct xlvs_machine *machine;
	const char *file;
	bool connected; /* to the director */
};

/* The document; the caller frees it, NULL without memory. */
char *xlvs_ld_status_document(const struct xlvs_ld_status_facts *facts);

/* Serve it; `facts` is called for each who asks. -EADDRINUSE: another daemon has this name. */
int xlvs_ld_status_serve(uv_loop_t *loop, const char *name,
			 struct xlvs_ld_status_facts (*facts)(void *context), void *context,
			 struct xlvs_ld_status **ret_status);
void xlvs_ld_status_close(struct xlvs_ld_status *status);

/* Ask the daemon of this name; the caller frees the document. -ECONNREFUSED: there is none;
 * -EPERM: it does not answer this user. */
int xlvs_ld_status_ask(const char *name, char **ret_document);

/* starting, running, stopping, reloading */
const char *xlvs_ld_condition_name(enum xlvs_ld_condition condition);

#endif
