/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scan that the least-connection family shares: every destination of the list is looked at,
 * and the one with the least overhead for its weight wins, the first in list order among equals.
 * Each scheduler says what overhead and weight are. */
#ifndef XLVS_SCHEDULER_LEAST_BPF_H
#define XLVS_SCHEDULER_LEAST_BPF_H

#include "scheduler/scheduler.bpf.h"

enum xlvs_least_constant {
	XLVS_LEAST_AT_ONCE = 4, /* so that the loop itself is a small part of what a cell costs */
};

struct xlvs_least {
	__u32 list;
	__u32 n_dests;
	__u32 best; /* index of the destination, XLVS_NONE so far */
	__u32 unused;
	__s64 overhead; /* at first 1 for a weight of 0: more than anybody's */
	__s64 weight;
};

/* Offer a destination: it replaces the best so far when strictly less loaded for its weight,
 * compared crosswise because the overheads are fractions. At weight 0 nobody does. */
static __always_inline void xlvs_least_offer(struct xlvs_least *least, struct xlvs_cell *cell,
					     struct xlvs_dest *dest, __s64 overhead, __s64 weight)
{
	if (least->overhead * weight <= overhead * least->weight || dest->overloaded)
		return;
	least->best = cell->dest;
	least->overhead = overhead;
	least->weight = weight;
}

static __always_inline struct xlvs_least xlvs_least_start(const struct xlvs_pick *pick)
{
	return (struct xlvs_least){
		.list = pick->list,
		.n_dests = pick->n_dests,
		.best = XLVS_NONE,
		.overhead = 1,
	};
}

/* Defines name_scan(&least), which offers it every destination of the list: by cell, by chunk, by
 * list. OVERHEAD and WEIGHT are expressions over `dest` and `cell`. Cells behind the last are zero.
 */
#define XLVS_LEAST_SCAN(name, OVERHEAD, WEIGHT)                                                    \
	static __always_inline void name##_offer(struct xlvs_least *least, struct xlvs_cell *cell) \
	{                                                                                          \
		struct xlvs_dest *dest = bpf_map_lookup_elem(&xlvs_dests, &cell->dest);            \
                                                                                                   \
		if (dest)                                                                          \
			xlvs_least_offer(least, cell, dest, OVERHEAD, WEIGHT);                     \
	}                                                                                          \
                                                                                                   \
	static long name##_chunk(__u32 n, struct xlvs_least *least)                                \
	{                                                                                          \
		union xlvs_chunk *chunk = xlvs_chunk_at(least->list + 1 + n);                      \
		struct xlvs_least best = *least;                                                   \
                                                                                                   \
		if (!chunk)                                                                        \
			return 1;                                                                  \
		for (__u32 i = 0; i < XLVS_CELLS_PER_CHUNK; i += XLVS_LEAST_AT_ONCE) {             \
			if (n * XLVS_CELLS_PER_CHUNK + i >= best.n_dests)                          \
				break;                                                             \
			name##_offer(&best, &chunk->cells[i]);                                     \
			name##_offer(&best, &chunk->cells[i + 1]);                                 \
			name##_offer(&best, &chunk->cells[i + 2]);                                 \
			name##_offer(&best, &chunk->cells[i + 3]);                                 \
		}                                                                                  \
		*least = best;                                                                     \
		return 0;                                                                          \
	}                                                                                          \
                                                                                                   \
	static __always_inline void name##_scan(struct xlvs_least *least)                          \
	{                                                                                          \
		bpf_loop((least->n_dests + XLVS_CELLS_PER_CHUNK - 1) / XLVS_CELLS_PER_CHUNK,       \
			 name##_chunk, least, 0);                                                  \
	}

/* Defines the whole scheduler. */
#define XLVS_LEAST_SCHEDULER(name, OVERHEAD, WEIGHT)                                   \
	XLVS_LEAST_SCAN(name, OVERHEAD, WEIGHT)                                        \
                                                                                       \
	int xlvs_sched_##name(struct xlvs_pick *pick, struct xlvs_tuple *tuple)        \
	{                                                                              \
		struct xlvs_least least;                                               \
                                                                                       \
		(void)tuple;                                                           \
		if (!pick)                                                             \
			return -XLVS_DROP_INTERNAL;                                    \
		least = xlvs_least_start(pick);                                        \
		name##_scan(&least);                                                   \
		return least.best == XLVS_NONE ? -XLVS_DROP_NO_DEST : (int)least.best; \
	}

#endif
