/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A service's scheduling list: its destinations in scheduling order (newest first), the
 * scheduler's running state, and the scheduler's table if it has one.
 *
 * It is a run of consecutive chunks of the array xlvs_chunks: one head, then ceil(n/32) chunks of
 * cells, then ceil(slots/64) chunks of table. A published list never changes but for its cursor;
 * any change builds a new one and replaces the service's `list` by one store. The scheduler stands
 * in the head, so that a packet never meets one scheduler with the list of another. */
#ifndef XLVS_ABI_SCHEDULE_H
#define XLVS_ABI_SCHEDULE_H

#include <linux/types.h>

#include "abi/local.h"
#include "abi/mark.h"

enum xlvs_chunk_limit {
	XLVS_CELLS_PER_CHUNK = 32,
	XLVS_SLOTS_PER_CHUNK = 64,
};

struct xlvs_cell {
	__u32 dest; /* index in xlvs_dests */
	__s32 weight;
};

struct xlvs_list_head {
	__u32 magic; /* XLVS_LIST_MAGIC while the run is in use, 0 when free */
	__u32 n_chunks; /* of the whole run, head included */
	__u32 service;
	__u32 n_dests;
	__u16 scheduler; /* number in scheduler/list.h, 0 none */
	__u16 flags; /* of the service: IP_VS_SVC_F_SCHED* concern the scheduler */
	__u32 table; /* first table chunk, relative to the head; 0 none */
	__u32 n_slots; /* of the table */
	__s32 max_weight; /* wrr: mw */
	__s32 gcd_weight; /* wrr: di */
	__u32 unused;
	__u64 cursor; /* rr, wrr: low 32 bits position, high 32 bits threshold; lblc, lblcr: the
			 binding, see locality.h */
};

#define XLVS_LIST_MAGIC 0x786c7673U

union xlvs_chunk {
	struct xlvs_list_head head;
	struct xlvs_cell cells[XLVS_CELLS_PER_CHUNK];
	__u32 slots[XLVS_SLOTS_PER_CHUNK]; /* dest index plus one, 0 none */
	struct xlvs_locals_head locals; /* of a service's local addresses, see local.h */
	__be32 locals_at[XLVS_LOCALS_PER_CHUNK][4];
	struct xlvs_mark_head marks; /* of an image of mark rules, see mark.h */
	struct xlvs_mark_prefix mark_prefixes[XLVS_MARK_PREFIXES_PER_CHUNK];
	struct xlvs_mark_cell mark_cells[XLVS_MARK_CELLS_PER_CHUNK];
};

_Static_assert(sizeof(union xlvs_chunk) == 256, "a chunk is four cache lines");

#endif
