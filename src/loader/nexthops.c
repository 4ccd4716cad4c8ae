// SPDX-License-Identifier: GPL-2.0-or-later
/* Next hops of destinations: each is written once, into a slot that no packet can know, and one
 * store makes a destination use it. */
#include <errno.h>
#include <string.h>

#include "abi/detour.h"
#include "loader/state.h"

/* The next hop as it stands at `index`: by the detour, if it leads behind one. */
static struct xlvs_nexthop placed(const struct xlvs_loader *loader, uint32_t index,
				  const struct xlvs_nexthop *nexthop)
{
	uint32_t detour = loader->maps.runtime->detour_ifindex;
	struct xlvs_nexthop at = *nexthop;

	at.state = XLVS_NEXTHOP_READY;
	at.behind_ifindex = 0;
	if (!nexthop->behind_ifindex || !detour)
		return at;
	at.behind_ifindex = at.ifindex;
	memcpy(at.behind_macs, at.macs, sizeof(at.macs));
	at.behind_mtu_bytes = (uint16_t)at.mtu_bytes;
	at.ifindex = detour;
	xlvs_detour_write_macs(at.macs, XLVS_DETOUR_NEXTHOP, index);
	return at;
}

/* Whether the destination leaves that way already. */
static bool is_same(const struct xlvs_loader *loader, uint32_t index,
		    const struct xlvs_nexthop *nexthop)
{
	struct xlvs_nexthop wanted;

	if (!index || !nexthop)
		return !index && !nexthop;
	wanted = placed(loader, index, nexthop);
	return !memcmp(&loader->maps.nexthops[index], &wanted, sizeof(wanted));
}

static uint32_t write_new(struct xlvs_loader *loader, const struct xlvs_nexthop *nexthop)
{
	uint32_t index = xlvs_runs_alloc(&loader->nexthops, 1);

	if (index == XLVS_NONE && xlvs_grace_reclaim(loader))
		index = xlvs_runs_alloc(&loader->nexthops, 1);
	if (index == XLVS_NONE)
		return XLVS_NONE;
	loader->maps.nexthops[index] = placed(loader, index, nexthop);
	return index;
}

int xlvs_loader_set_nexthop(struct xlvs_loader *loader, uint32_t dest,
			    const struct xlvs_nexthop *nexthop)
{
	uint32_t index = 0, former;

	if (dest >= XLVS_DESTS_MAX || !(loader->maps.dests[dest].flags & XLVS_DEST_USED))
		return -ENOENT;
	former = loader->maps.dests[dest].nexthop;
	if (is_same(loader, former, nexthop))
		return 0;
	if (xlvs_items_reserve(&loader->resting, 1))
		return -ENOMEM;
	if (nexthop) {
		index = write_new(loader, nexthop);
		if (index == XLVS_NONE)
			return -ENOSPC;
	}
	__atomic_store_n(&loader->maps.dests[dest].nexthop, index, __ATOMIC_RELEASE);
	if (former)
		xlvs_items_add(&loader->resting, (struct xlvs_item){XLVS_ITEM_NEXTHOP, former, 0});
	return 0;
}

void xlvs_loader_set_local(struct xlvs_loader *loader, uint32_t dest, bool is_local)
{
	uint32_t *flags = &loader->maps.dests[dest].flags;
	uint32_t wanted = (*flags & ~(uint32_t)XLVS_DEST_LOCAL) | (is_local ? XLVS_DEST_LOCAL : 0);

	if (*flags & XLVS_DEST_USED && *flags != wanted)
		__atomic_store_n(flags, wanted, __ATOMIC_RELEASE);
}

static void next_generation(struct xlvs_loader *loader)
{
	__atomic_add_fetch(&loader->maps.runtime->generation, 1, __ATOMIC_RELEASE);
}

static bool gateways_run_short(const struct xlvs_loader *loader)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < XLVS_GATEWAYS_MAX; i++)
		used += loader->maps.gateways[i].state != XLVS_NEXTHOP_FREE;
	return used > XLVS_GATEWAYS_MAX / 2;
}

/* Entries that nobody finds any more stay until room runs short; then all are freed. Whoever kept
 * an index while they were being freed has the generation in between, and looks again. */
void xlvs_loader_bump_generation(struct xlvs_loader *loader)
{
	next_generation(loader);
	if (!gateways_run_short(loader))
		return;
	xlvs_grace_wait();
	for (uint32_t i = 0; i < XLVS_GATEWAYS_MAX; i++)
		__atomic_store_n(&loader->maps.gateways[i].state, XLVS_NEXTHOP_FREE,
				 __ATOMIC_RELEASE);
	next_generation(loader);
}
