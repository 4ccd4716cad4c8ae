/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the schedulers share that go on from where they stopped: the list's cursor is moved by
 * compare-and-swap, and a CPU that loses walks on from where the winner stopped. */
#ifndef XLVS_SCHEDULER_CURSOR_BPF_H
#define XLVS_SCHEDULER_CURSOR_BPF_H

#include "scheduler/scheduler.bpf.h"

/* How often a cursor is tried against other CPUs before the destination found is served all the
 * same. */
enum xlvs_cursor_limit {
	XLVS_CURSOR_TRIES = 4,
};

/* Defines the scheduler's function around the file's own
 * bool serve_next(struct xlvs_pick *, struct xlvs_list_head *, __u32 *ret_dest): it looks for the
 * next destination (XLVS_NONE: there is none) and returns whether the cursor is settled. */
#define XLVS_CURSOR_SCHEDULER(name)                                             \
	int xlvs_sched_##name(struct xlvs_pick *pick, struct xlvs_tuple *tuple) \
	{                                                                       \
		union xlvs_chunk *head;                                         \
		__u32 dest = XLVS_NONE;                                         \
                                                                                \
		(void)tuple;                                                    \
		if (!pick)                                                      \
			return -XLVS_DROP_INTERNAL;                             \
		head = xlvs_chunk_at(pick->list);                               \
		if (!head)                                                      \
			return -XLVS_DROP_INTERNAL;                             \
		for (int tries = 0; tries < XLVS_CURSOR_TRIES; tries++)         \
			if (serve_next(pick, &head->head, &dest))               \
				break;                                          \
		return dest == XLVS_NONE ? -XLVS_DROP_NO_DEST : (int)dest;      \
	}

#endif
