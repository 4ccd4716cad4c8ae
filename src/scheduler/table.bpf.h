/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the schedulers share that pick by one look into a table that their other half has filled. */
#ifndef XLVS_SCHEDULER_TABLE_BPF_H
#define XLVS_SCHEDULER_TABLE_BPF_H

#include "scheduler/scheduler.bpf.h"

/* What stands in a slot, 0 for nobody; `table` is the first chunk of it. */
static __always_inline __u32 xlvs_table_entry(__u32 table, __u32 slot)
{
	union xlvs_chunk *chunk = xlvs_chunk_at(table + slot / XLVS_SLOTS_PER_CHUNK);

	return chunk ? chunk->slots[slot % XLVS_SLOTS_PER_CHUNK] : 0;
}

/* The destination of an entry, or -XLVS_DROP_NO_DEST when it takes no connections. */
static __always_inline int xlvs_table_dest(__u32 entry)
{
	struct xlvs_dest *dest = xlvs_dest_at(entry - 1);

	if (!dest || dest->weight <= 0 || dest->overloaded)
		return -XLVS_DROP_NO_DEST;
	return entry - 1;
}

#endif
