/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The contract of a scheduler's packet-path half: given a service's scheduling list, name the
 * destination of a new connection. It reaches lists and destinations by the functions below alone,
 * so that its source also runs in a unit test. */
#ifndef XLVS_SCHEDULER_SCHEDULER_BPF_H
#define XLVS_SCHEDULER_SCHEDULER_BPF_H

#include <bpf/bpf_endian.h>

#include "datapath/connection.bpf.h"
#include "scheduler/list.h"

struct xlvs_pick {
	__u32 list; /* the head's chunk */
	__u32 n_dests; /* never 0 */
	__u32 scheduler; /* number in list.h */
	__u32 flags; /* of the service */
};

/* Each: index of a destination for the client of `tuple`, or -XLVS_DROP_NO_DEST. */
#define XLVS_SCHEDULER_PROTOTYPE(name, number) \
	int xlvs_sched_##name(struct xlvs_pick *pick, struct xlvs_tuple *tuple);
XLVS_SCHEDULERS(XLVS_SCHEDULER_PROTOTYPE)
#undef XLVS_SCHEDULER_PROTOTYPE

static __always_inline union xlvs_chunk *xlvs_chunk_at(__u32 index)
{
	return bpf_map_lookup_elem(&xlvs_chunks, &index);
}

/* The n-th cell of the list, NULL past its end. */
static __always_inline struct xlvs_cell *xlvs_cell_at(const struct xlvs_pick *pick, __u32 n)
{
	union xlvs_chunk *chunk = xlvs_chunk_at(pick->list + 1 + n / XLVS_CELLS_PER_CHUNK);

	if (!chunk || n >= pick->n_dests)
		return (void *)0;
	return &chunk->cells[n % XLVS_CELLS_PER_CHUNK];
}

/* May this cell's destination take a new connection? */
static __always_inline bool xlvs_cell_usable(const struct xlvs_cell *cell)
{
	struct xlvs_dest *dest;

	if (cell->weight <= 0)
		return false;
	dest = xlvs_dest_at(cell->dest);
	return dest && !dest->overloaded;
}

/* An address folded to 32 bits, in host order: the schedulers that hash begin with it. */
static __always_inline __u32 xlvs_fold_address(const __be32 *address)
{
	return bpf_ntohl(address[0] ^ address[1] ^ address[2] ^ address[3]);
}

static __always_inline __u32 xlvs_fold_client(const struct xlvs_tuple *tuple)
{
	if (tuple->family == XLVS_AF_INET)
		return bpf_ntohl(tuple->key.v4.saddr);
	return xlvs_fold_address(tuple->key.v6.saddr);
}

static __always_inline __u32 xlvs_fold_daddr(const struct xlvs_tuple *tuple)
{
	if (tuple->family == XLVS_AF_INET)
		return bpf_ntohl(tuple->key.v4.daddr);
	return xlvs_fold_address(tuple->key.v6.daddr);
}

/* hash_32() of the kernel's <linux/hash.h>, down to `bits` bits. */
static __always_inline __u32 xlvs_hash32(__u32 value, __u32 bits)
{
	return (value * 0x61C88647U) >> (32 - bits);
}

#endif
