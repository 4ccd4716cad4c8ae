/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of a running director, for those that need several of them. main.c makes them. */
#ifndef XLVS_DAEMON_DIRECTOR_H
#define XLVS_DAEMON_DIRECTOR_H

#include "daemon/estimator.h"
#include "daemon/network.h"
#include "daemon/trash.h"
#include "daemon/watch.h"

struct xlvs_director {
	struct xlvs_model *model;
	struct xlvs_loader *loader;
	struct xlvs_network *network;
	struct xlvs_estimator *estimator;
	struct xlvs_trash *trash;
	struct xlvs_watch watch;
	bool adopted; /* what a former daemon had left */
	uint64_t started_sec; /* xlvs_now_sec() */
};

/* CLOCK_BOOTTIME: goes only forward, and also while the machine sleeps. */
uint64_t xlvs_now_sec(void);

#endif
