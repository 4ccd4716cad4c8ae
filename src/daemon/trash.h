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
};

struct xlvs_trash;

/* Reads the destinations' slots; model and slots must outlive the rest. */
int xlvs_trash_new(struct xlvs_model *model, const struct xlvs_dest *slots,
		   struct xlvs_trash **ret_trash);
void xlvs_trash_free(struct xlvs_trash *trash);

/* A destination was deleted just now. */
void xlvs_trash_put(struct xlvs_trash *trash, uint32_t dest);

/* The regular look: frees in the model and appends to *plan what the loader must do. -ENOMEM: what
 * is in the plan must be done all the same. Seconds are of any clock that only goes forward. */
int xlvs_trash_look(struct xlvs_trash *trash, uint64_t now_sec, struct xlvs_plan *plan);

/* To make room: the same for everything without connections, without delay. The packets that were
 * under way when these were deleted must have been handled (loader/grace.h). */
int xlvs_trash_empty(struct xlvs_trash *trash, struct xlvs_plan *plan);
/* Whether anything was deleted since it was last emptied: else that is not worth while. */
bool xlvs_trash_has_new(const struct xlvs_trash *trash);

#endif
