/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scan that the least-connection family shares: every destination of the list is looked at,
 * and the one with the least overhead for its weight wins, the first in list order among equals.
 * Each scheduler says what overhead and weight are. */
#ifndef XLVS_SCHEDULER_LEAST_BPF_H
#define XLVS_SCHEDULER_LEAST_BPF_H

#include "scheduler/scheduler.bpf.h"

struct xlvs_least {
	__u32 list;
	__u32 n_dests;
	__u32 best; /* index of the destination, XLVS_NONE so far */
	__u32 unused;
	__s64 overhead;
	__s64 weight;
};

/* Offer a destination: it replaces the best so far when strictly less loaded for its weight,
 * compared crosswise because the overheads are fractions. */
static __always_inline void xlvs_least_offer(struct xlvs_least *least, __u32 dest, __s64 overhead,
					     __s64 weight)
{
	if (least->best != XLVS_NONE && least->overhead * weight <= overhead * least->weight)
		return;
	least->best = dest;
	least->overhead = overhead;
	least->weight = weight;
}

/* Defines the callback for one chunk of cells and the scheduler's function around it.
 * OVERHEAD and WEIGHT are expressions over `dest` and `cell`. */
#define XLVS_LEAST_SCHEDULER(name, OVERHEAD, WEIGHT)                                        \
	static long name##_chunk(__u32 n, struct xlvs_least *least)                         \
	{                                                                                   \
		union xlvs_chunk *chunk = xlvs_chunk_at(least->list + 1 + n);               \
                                                                                            \
		if (!chunk)                                                                 \
			return 1;                                                           \
		for (__u32 i = 0; i < XLVS_CELLS_PER_CHUNK; i++) {                          \
			struct xlvs_cell *cell = &chunk->cells[i];                          \
			struct xlvs_dest *dest;                                             \
                                                                                            \
			if (n * XLVS_CELLS_PER_CHUNK + i >= least->n_dests)                 \
				return 1;                                                   \
			if (cell->weight <= 0)                                              \
				continue;                                                   \
			dest = xlvs_dest_at(cell->dest);                                    \
			if (dest && !dest->overloaded)                                      \
				xlvs_least_offer(least, cell->dest, OVERHEAD, WEIGHT);      \
		}                                                                           \
		return 0;                                                                   \
	}                                                                                   \
                                                                                            \
	int xlvs_sched_##name(struct xlvs_pick *pick, struct xlvs_tuple *tuple)             \
	{                                                                                   \
		struct xlvs_least least = {.best = XLVS_NONE};                              \
                                                                                            \
		(void)tuple;                                                                \
		if (!pick)                                                                  \
			return -XLVS_DROP_INTERNAL;                                         \
		least.list = pick->list;                                                    \
		least.n_dests = pick->n_dests;                                              \
		bpf_loop((pick->n_dests + XLVS_CELLS_PER_CHUNK - 1) / XLVS_CELLS_PER_CHUNK, \
			 name##_chunk, &least, 0);                                          \
		return least.best == XLVS_NONE ? -XLVS_DROP_NO_DEST : (int)least.best;      \
	}

#endif
