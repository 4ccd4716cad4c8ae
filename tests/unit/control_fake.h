/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A director without packets, for tests of the command line: the control socket's server in front
 * of a list in memory that refuses what IPVS refuses. It runs in a child process. */
#ifndef XLVS_TESTS_CONTROL_FAKE_H
#define XLVS_TESTS_CONTROL_FAKE_H

#include "control/server.h"

#include <sys/types.h>

#define FAKE_SERVICES_MAX 16384
#define FAKE_DESTS_MAX	  128

struct fake_dest {
	struct xlvs_dest_info info;
};

struct fake_service {
	struct xlvs_service_info info;
	size_t n_dests;
	struct xlvs_dest_info *dests; /* oldest first; listed newest first, as IPVS does */
};

/* What a test may set before fake_start(). Connections and documents are answered as they are. */
struct fake_director {
	size_t n_services;
	struct fake_service services[FAKE_SERVICES_MAX];
	struct xlvs_timeouts timeouts;
	struct xlvs_sync_spec syncs[2];
	size_t n_conns;
	struct xlvs_conn_entry *conns;
	const char *status;
	const char *drops;
	int refusal; /* when set: the answer to every command that changes something */
	const char *refusal_text;
};

/* IPVS's state after start: no services, timeouts 900 120 300. Allocated; free it. */
struct fake_director *fake_new(void);

/* Serve the abstract socket `name` in a child process until fake_stop(). Returns its pid; the
 * socket listens already. */
pid_t fake_start(const char *name, struct fake_director *director);
void fake_stop(pid_t pid);

/* The handler by itself: `context` is the struct fake_director. */
xlvs_server_handler fake_handle;

/* Serve until the process is killed. */
void fake_serve(struct xlvs_server *server);

#endif
