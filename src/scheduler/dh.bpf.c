// SPDX-License-Identifier: GPL-2.0-or-later
/* Destination hashing: the address the packet is for names a slot of a table that dh.c has filled;
 * when its destination takes no connections, nobody does (net/netfilter/ipvs/ip_vs_dh.c). */
#include "scheduler/table.bpf.h"

enum dh_constant {
	DH_BITS = 8,
};

int xlvs_sched_dh(struct xlvs_pick *pick, struct xlvs_tuple *tuple)
{
	union xlvs_chunk *head;
	__u32 slot;

	if (!pick || !tuple)
		return -XLVS_DROP_INTERNAL;
	head = xlvs_chunk_at(pick->list);
	if (!head || head->head.n_slots != 1 << DH_BITS)
		return -XLVS_DROP_NO_DEST;
	slot = xlvs_hash32(xlvs_fold_daddr(tuple), DH_BITS);
	return xlvs_table_dest(xlvs_table_entry(pick->list + head->head.table, slot));
}
