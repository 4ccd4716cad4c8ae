/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A running director: its parts, for those that need several of them, and how it begins and ends.
 * One in a network namespace: the control socket is taken first and given up last. */
#ifndef XLVS_DAEMON_DIRECTOR_H
#define XLVS_DAEMON_DIRECTOR_H

#include "control/server.h"
#include "daemon/estimator.h"
#include "daemon/network.h"
#include "daemon/ring.h"
#include "daemon/trash.h"
#include "daemon/watch.h"

struct xlvs_director {
	struct xlvs_server *server;
	struct xlvs_model *model;
	struct xlvs_loader *loader;
	struct xlvs_network *network;
	struct xlvs_ring *ring;
	struct xlvs_estimator *estimator;
	struct xlvs_trash *trash;
	struct xlvs_watch watch;
	bool adopted; /* what a former daemon had left */
	uint64_t started_sec; /* xlvs_now_sec() */
};

/* Load or adopt the packet path and attach it. On failure nothing is left but what a former
 * daemon had left, and *reterr has the sentence. *options must outlive the director. */
int xlvs_director_start(const struct xlvs_options *options, struct xlvs_director *director,
			struct xlvs_error *reterr);

enum xlvs_director_end {
	XLVS_DIRECTOR_STOP, /* forwarding ends: the packet path is removed */
	XLVS_DIRECTOR_LEAVE, /* forwarding goes on, for the next daemon to take over */
};

void xlvs_director_stop(struct xlvs_director *director, enum xlvs_director_end end);

#endif
