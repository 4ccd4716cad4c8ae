/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Deleted destinations stay while connections use them, and a while longer, as in IPVS: looked at
 * every 60 seconds, a destination without connections is freed at the first look 120 seconds after
 * the one that found it so. When the director has no room for new destinations, all without
 * connections may be freed at once. */
#ifndef XLVS_DAEMON_TRASH_H
#define XLVS_DAEMON_TRASH_H

#include "loader/loader.h"

enum xlvs_trash_period {
	XLVS_TRASH_PERIOD_SEC = 60,
	XLVS_TRASH_KEEP_SEC = 120,
	/* Before that a packet under way may still be about to open a connection. */
	XLVS_TRASH_GRACE_SEC = 2,
};

struct xlvs_trash;

/* Reads the destinations' slots; model and slots must outlive the rest. */
int xlvs_trash_new(struct xlvs_model *model, const struct xlvs_dest *slots,
		   struct xlvs_trash **ret_trash);
void xlvs_trash_free(struct xlvs_trash *trash);

/* A destination was deleted just now. Seconds are of any clock that only goes forward. */
void xlvs_trash_put(struct xlvs_trash *trash, uint32_t dest, uint64_t now_sec);

/* The regular look, or, to make room, free everything that may be: frees in the model and appends
 * to *plan what the loader must do. -ENOMEM: what is in the plan must be done all the same. */
int xlvs_trash_look(struct xlvs_trash *trash, uint64_t now_sec, struct xlvs_plan *plan);
int xlvs_trash_empty(struct xlvs_trash *trash, uint64_t now_sec, struct xlvs_plan *plan);

#endif
