/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The director's schedulers as they ship, both halves, on this host: lists are built and published
 * into the host's maps as the loader does, and the packet path's own sources pick from them. There
 * is one service; destinations are named by their index in host_dests. */
#ifndef XLVS_TESTS_SCHEDULER_SHIPPED_H
#define XLVS_TESTS_SCHEDULER_SHIPPED_H

#include <stdint.h>

#include "abi/limits.h"
#include "scheduler_reference.h"

struct shipped {
	uint16_t scheduler;
	uint32_t list; /* the published run, 0 without */
	uint32_t mh_slots; /* a new one has the default */
	uint32_t n_dests;
	uint32_t dests[XLVS_DESTS_PER_SERVICE]; /* newest first */
	int32_t last_weights[XLVS_DESTS_PER_SERVICE]; /* by index */
};

void shipped_init(struct shipped *shipped, uint16_t scheduler);

void shipped_add(struct shipped *shipped, uint32_t id, int32_t weight);
void shipped_delete(struct shipped *shipped, uint32_t id);
void shipped_edit(struct shipped *shipped, uint32_t id, int32_t weight);
void shipped_bind(struct shipped *shipped, uint16_t scheduler);

/* The destination of a new connection, -1 for none. */
int64_t shipped_pick(const struct shipped *shipped, const struct arrival *arrival);

#endif
