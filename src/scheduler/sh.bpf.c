// SPDX-License-Identifier: GPL-2.0-or-later
/* Source hashing: the client's address names a slot of a table that sh.c has filled with the
 * destinations by weight. With sh-port the client's port takes part; with sh-fallback an unusable
 * destination's clients spread over the other slots instead of being refused
 * (net/netfilter/ipvs/ip_vs_sh.c). */
#include "scheduler/table.bpf.h"

enum sh_constant {
	SH_BITS = 8,
	SH_SLOTS = 1 << SH_BITS,
	SH_FALLBACK = 0x08,
	SH_PORT = 0x10,
};

int xlvs_sched_sh(struct xlvs_pick *pick, struct xlvs_tuple *tuple)
{
	union xlvs_chunk *head;
	__u32 table, slot;
	int dest;

	if (!pick || !tuple)
		return -XLVS_DROP_INTERNAL;
	head = xlvs_chunk_at(pick->list);
	if (!head || head->head.n_slots != SH_SLOTS)
		return -XLVS_DROP_NO_DEST;
	table = pick->list + head->head.table;
	slot = xlvs_fold_client(tuple);
	if (pick->flags & SH_PORT)
		slot += bpf_ntohs(tuple->sport);
	slot = xlvs_hash32(slot, SH_BITS);
	dest = xlvs_table_dest(xlvs_table_entry(table, slot));
	if (dest >= 0 || !(pick->flags & SH_FALLBACK))
		return dest;
	for (__u32 i = 0; i < SH_SLOTS; i++) {
		dest = xlvs_table_dest(
			xlvs_table_entry(table, (slot + (i + slot) % SH_SLOTS) % SH_SLOTS));
		if (dest >= 0)
			return dest;
	}
	return -XLVS_DROP_NO_DEST;
}
