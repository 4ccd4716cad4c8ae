// SPDX-License-Identifier: GPL-2.0-or-later
/* Locality-based least connections with replication: as lblc, but an address is served by a set of
 * destinations. The least loaded of the set is chosen; when it needs help, wlc's choice joins the
 * set. A set that has not changed for long loses its most loaded member
 * (net/netfilter/ipvs/ip_vs_lblcr.c). A full set takes nobody in: the choice is served all the
 * same. */
#include "scheduler/locality.bpf.h"

struct choice {
	struct xlvs_locality *locality;
	__s64 overhead;
	__s64 weight;
	__u32 member; /* XLVS_NONE so far */
	__u32 unused;
};

static __always_inline __s64 overhead_of(const struct xlvs_dest *dest)
{
	return (__s64)dest->active * 256 + dest->inactive;
}

static __always_inline void choose(struct choice *choice, __u32 member, __s64 overhead,
				   __s64 weight)
{
	choice->member = member;
	choice->overhead = overhead;
	choice->weight = weight;
}

/* From the newest member to the oldest. */
static long offer_as_least(__u32 i, struct choice *least)
{
	__u32 member = XLVS_LOCALITY_MEMBERS - 1 - i;
	struct xlvs_dest *dest = xlvs_locality_member(least->locality, member);
	__s64 overhead;

	if (!dest || dest->weight <= 0 || dest->overloaded || !(dest->flags & XLVS_DEST_AVAILABLE))
		return 0;
	overhead = overhead_of(dest);
	if (least->member == XLVS_NONE || least->overhead * dest->weight > overhead * least->weight)
		choose(least, member, overhead, dest->weight);
	return 0;
}

/* A deleted or overloaded one may be the most loaded as well. */
static long offer_as_most(__u32 i, struct choice *most)
{
	__u32 member = XLVS_LOCALITY_MEMBERS - 1 - i;
	struct xlvs_dest *dest = xlvs_locality_member(most->locality, member);
	__s64 overhead;

	if (!dest || dest->weight <= 0)
		return 0;
	overhead = overhead_of(dest);
	if (most->member == XLVS_NONE || most->overhead * dest->weight < overhead * most->weight)
		choose(most, member, overhead, dest->weight);
	return 0;
}

static __noinline int drop_most_loaded(struct xlvs_locality *locality, __u32 now)
{
	struct choice most = {.locality = locality, .member = XLVS_NONE};

	bpf_loop(XLVS_LOCALITY_MEMBERS, offer_as_most, &most, 0);
	if (most.member == XLVS_NONE)
		return 0;
	for (__u32 i = 0; i < XLVS_LOCALITY_MEMBERS - 1; i++)
		if (i >= most.member)
			locality->members[i] = locality->members[i + 1];
	locality->n_members--;
	locality->changed = now;
	return 0;
}

/* Destination of the least loaded member, XLVS_NONE without a usable one. */
static __noinline __u32 least_loaded(struct xlvs_locality *locality)
{
	struct choice least = {.locality = locality, .member = XLVS_NONE};

	bpf_loop(XLVS_LOCALITY_MEMBERS, offer_as_least, &least, 0);
	if (least.member >= XLVS_LOCALITY_MEMBERS)
		return XLVS_NONE;
	return locality->members[least.member].dest;
}

/* The set's own choice, XLVS_NONE when it needs help. */
static __always_inline __u32 choose_within(const struct xlvs_pick *pick,
					   struct xlvs_locality *locality, __u32 now)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	__u32 chosen = least_loaded(locality);
	struct xlvs_dest *dest = xlvs_dest_at(chosen);

	if (runtime && locality->n_members > 1 &&
	    (__s32)(now - locality->changed - runtime->timeout_ticks[XLVS_TIMEOUT_LBLCR]) > 0)
		drop_most_loaded(locality, now);
	return dest && !xlvs_dest_needs_help(pick, dest) ? chosen : XLVS_NONE;
}

static __noinline int join(struct xlvs_locality *locality, __u32 dest, __u32 now)
{
	for (__u32 i = 0; i < XLVS_LOCALITY_MEMBERS; i++)
		if (xlvs_locality_member(locality, i) && locality->members[i].dest == dest)
			return 0;
	xlvs_locality_write(locality, locality->n_members, dest, now);
	return 0;
}

int xlvs_sched_lblcr(struct xlvs_pick *pick, struct xlvs_tuple *tuple)
{
	struct xlvs_locality_key key = {};
	struct xlvs_locality *locality;
	__u32 now = xlvs_now(), within;
	int chosen;

	if (!pick || !tuple || !xlvs_locality_key_of(pick, tuple, &key))
		return -XLVS_DROP_INTERNAL;
	locality = xlvs_locality_find(&key, XLVS_TIMEOUT_LBLCR, now);
	if (locality) {
		within = choose_within(pick, locality, now);
		if (within != XLVS_NONE)
			return within;
	}
	chosen = xlvs_sched_wlc(pick, tuple);
	if (chosen < 0)
		return chosen;
	if (!locality)
		locality = xlvs_locality_new(&key, now);
	if (locality)
		join(locality, chosen, now);
	return chosen;
}
