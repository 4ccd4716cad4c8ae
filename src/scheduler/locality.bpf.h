/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lblc and lblcr share: the memory of who serves an address, and when a destination is so busy
 * that another one should help. Two CPUs may change the same locality at once; then one change is
 * lost and made again by a later packet. */
#ifndef XLVS_SCHEDULER_LOCALITY_BPF_H
#define XLVS_SCHEDULER_LOCALITY_BPF_H

#include "abi/locality.h"
#include "scheduler/scheduler.bpf.h"

static const struct xlvs_locality xlvs_locality_empty;

static __always_inline bool xlvs_locality_key_of(const struct xlvs_pick *pick,
						 const struct xlvs_tuple *tuple,
						 struct xlvs_locality_key *key)
{
	union xlvs_chunk *head = xlvs_chunk_at(pick->list);

	if (!head)
		return false;
	key->binding = head->head.cursor;
	if (tuple->family == XLVS_AF_INET)
		key->address[0] = tuple->key.v4.daddr;
	else
		__builtin_memcpy(key->address, tuple->key.v6.daddr, sizeof(key->address));
	return true;
}

/* What is remembered of an address, NULL when it is nothing or unused for as long as the setting
 * `timeout` says. */
static __always_inline struct xlvs_locality *xlvs_locality_find(const struct xlvs_locality_key *key,
								__u32 timeout, __u32 now)
{
	struct xlvs_locality *locality = bpf_map_lookup_elem(&xlvs_localities, key);
	struct xlvs_runtime *runtime = xlvs_runtime_get();

	if (!locality || !runtime || now - locality->used >= runtime->timeout_ticks[timeout])
		return (void *)0;
	locality->used = now;
	return locality;
}

/* A new memory of an address, without members; NULL when there is no room. */
static __always_inline struct xlvs_locality *xlvs_locality_new(const struct xlvs_locality_key *key,
							       __u32 now)
{
	struct xlvs_locality *locality;

	if (bpf_map_update_elem(&xlvs_localities, key, &xlvs_locality_empty, BPF_ANY))
		return (void *)0;
	locality = bpf_map_lookup_elem(&xlvs_localities, key);
	if (locality)
		locality->used = now;
	return locality;
}

static __always_inline void xlvs_locality_write(struct xlvs_locality *locality, __u32 n, __u32 dest,
						__u32 now)
{
	struct xlvs_dest *named = xlvs_dest_at(dest);

	if (!named || n >= XLVS_LOCALITY_MEMBERS)
		return;
	locality->members[n].dest = dest;
	locality->members[n].serial = named->serial;
	locality->n_members = n + 1;
	locality->changed = now;
}

/* The n-th member, NULL when its slot is another destination's by now. */
static __always_inline struct xlvs_dest *xlvs_locality_member(const struct xlvs_locality *locality,
							      __u32 n)
{
	struct xlvs_dest *dest;

	if (n >= XLVS_LOCALITY_MEMBERS || n >= locality->n_members)
		return (void *)0;
	dest = xlvs_dest_at(locality->members[n].dest);
	return dest && dest->serial == locality->members[n].serial ? dest : (void *)0;
}

struct xlvs_idle_search {
	struct xlvs_pick pick;
	__u32 found;
};

static long xlvs_look_for_idle(__u32 i, struct xlvs_idle_search *search)
{
	struct xlvs_cell *cell = xlvs_cell_at(&search->pick, i);
	struct xlvs_dest *dest = cell ? xlvs_dest_at(cell->dest) : (void *)0;

	search->found = dest && (__s64)dest->active * 2 < cell->weight;
	return search->found;
}

/* A destination with more active connections than its weight, while another one of the list has
 * less than half of its own, should be helped. Not inlined: what the search needs must not lie on
 * the stack while members are looked at, for all calls together have 512 bytes. */
static __noinline bool xlvs_dest_needs_help(const struct xlvs_pick *pick,
					    const struct xlvs_dest *dest)
{
	struct xlvs_idle_search search = {.pick = *pick};

	if ((__s64)dest->active <= dest->weight)
		return false;
	bpf_loop(pick->n_dests, xlvs_look_for_idle, &search, 0);
	return search.found;
}

#endif
