// SPDX-License-Identifier: GPL-2.0-or-later
/* Maglev hashing: the client's address names a slot of a table that mh.c has filled, in which few
 * clients change their destination when others come and go. With mh-port the client's port takes
 * part; with mh-fallback the clients of an unusable destination look at other slots, each client in
 * an order of its own (net/netfilter/ipvs/ip_vs_mh.c). */
#include "abi/hash.h"
#include "scheduler/table.bpf.h"

enum mh_flag {
	MH_FALLBACK = 0x08,
	MH_PORT = 0x10,
};

struct search {
	__u32 table;
	__u32 n_slots;
	__u32 client; /* address and port */
	__u32 own; /* the client's own slot */
	int dest;
};

static long try_another(__u32 i, struct search *search)
{
	__u32 value = search->client + (search->own + i) % search->n_slots;
	__u32 slot = xlvs_hash_maglev(value, XLVS_MAGLEV_OFFSET) % search->n_slots;
	__u32 entry = xlvs_table_entry(search->table, slot);

	if (!entry)
		return 1;
	search->dest = xlvs_table_dest(entry);
	return search->dest >= 0;
}

/* Only for a table that has been filled: then every slot has an entry. */
static __noinline int fall_back(__u32 table, __u32 n_slots, __u32 client, __u32 own)
{
	struct search search = {
		.table = table,
		.n_slots = n_slots,
		.client = client,
		.own = own,
		.dest = -XLVS_DROP_NO_DEST,
	};

	bpf_loop(n_slots, try_another, &search, 0);
	return search.dest;
}

int xlvs_sched_mh(struct xlvs_pick *pick, struct xlvs_tuple *tuple)
{
	union xlvs_chunk *head;
	__u32 table, n_slots, client, own, entry;
	int dest;

	if (!pick || !tuple)
		return -XLVS_DROP_INTERNAL;
	head = xlvs_chunk_at(pick->list);
	if (!head || !head->head.n_slots)
		return -XLVS_DROP_NO_DEST;
	table = pick->list + head->head.table;
	n_slots = head->head.n_slots;
	client = xlvs_fold_client(tuple);
	if (pick->flags & MH_PORT)
		client += bpf_ntohs(tuple->sport);
	own = xlvs_hash_maglev(client, XLVS_MAGLEV_OFFSET) % n_slots;
	entry = xlvs_table_entry(table, own);
	dest = xlvs_table_dest(entry);
	if (dest >= 0 || !entry || !(pick->flags & MH_FALLBACK))
		return dest;
	return fall_back(table, n_slots, client, own);
}
