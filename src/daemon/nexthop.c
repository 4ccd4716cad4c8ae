// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/nexthop.h"

#include "daemon/change.h"
#include "daemon/clock.h"
#include "daemon/locals.h"
#include "daemon/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <search.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* How often the clock is read during a piece of work. */
#define SETTLES_PER_LOOK 16
/* The kernel's own (net.ipv4.route.mtu_expires). */
#define PATH_MTU_SEC 600

/* No padding: compared as bytes. */
struct place {
	uint32_t family;
	struct xlvs_address address;
};

/* An address of destinations and the way to it. */
struct way {
	struct place place; /* first: the tree compares it */
	struct xlvs_follower follower; /* of the gateway */
	struct xlvs_neighbour *gateway; /* NULL: no usable route */
	struct xlvs_route route; /* with a gateway */
	uint32_t path_mtu_bytes; /* learnt; 0: nothing */
	uint64_t path_mtu_until_sec;
	bool is_local; /* the director's own address */
	bool is_known; /* what the packet path was told, all of it: */
	bool is_ready;
	struct xlvs_nexthop nexthop;
	uint32_t first_dest;
	bool is_dirty;
	TAILQ_ENTRY(way) dirty;
	LIST_ENTRY(way) all;
};

struct slot {
	struct way *way; /* NULL: not tracked */
	uint32_t next, previous; /* destinations of the same address */
};

struct xlvs_nexthops {
	struct xlvs_rtnl *rtnl;
	struct xlvs_interfaces *interfaces;
	struct xlvs_loader *loader;
	struct xlvs_neighbours *neighbours;
	struct xlvs_neighbour_handler handler;
	struct xlvs_locals *locals;

	void *tree; /* of struct way, by place */
	LIST_HEAD(, way) ways;
	TAILQ_HEAD(, way) dirty;
	struct slot *slots; /* [id of the destination] */
	struct xlvs_nexthop_counts counts;

	struct xlvs_changes changes;
	bool must_bump; /* next hops towards clients are stale */

	bool neighbours_full; /* said so */
	bool is_full; /* the kernel's table, when last asked: not asked again before the retry */
	bool keep_failed, tell_failed; /* since the last retry */
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct place));
}

static struct place place_of(const struct xlvs_dest_key *key)
{
	return (struct place){.family = key->family, .address = key->address};
}

static const char *place_text(const struct place *place, char text[INET6_ADDRSTRLEN])
{
	return inet_ntop((int)place->family, &place->address, text, INET6_ADDRSTRLEN);
}

static void mark(struct xlvs_nexthops *nexthops, struct way *way)
{
	if (way->is_dirty)
		return;
	way->is_dirty = true;
	TAILQ_INSERT_TAIL(&nexthops->dirty, way, dirty);
}

static void mark_first(struct xlvs_nexthops *nexthops, struct way *way)
{
	way->is_dirty = true;
	TAILQ_INSERT_HEAD(&nexthops->dirty, way, dirty);
}

static struct way *way_of_follower(struct xlvs_follower *follower)
{
	return (void *)((char *)follower - offsetof(struct way, follower));
}

static bool build(const struct xlvs_nexthops *nexthops, const struct way *way,
		  struct xlvs_nexthop *nexthop)
{
	const struct xlvs_interface *interface;

	*nexthop = (struct xlvs_nexthop){.state = XLVS_NEXTHOP_READY};
	if (way->is_local)
		return true; /* of no use to the packet path */
	if (!way->gateway || !way->gateway->has_mac)
		return false;
	interface = xlvs_interfaces_find(nexthops->interfaces, way->route.gateway.ifindex);
	if (!interface)
		return false;
	nexthop->ifindex = interface->link.ifindex;
	nexthop->behind_ifindex = interface->by_detour ? interface->link.ifindex : 0;
	nexthop->mtu_bytes = interface->link.mtu_bytes;
	if (way->route.mtu_bytes && way->route.mtu_bytes < nexthop->mtu_bytes)
		nexthop->mtu_bytes = way->route.mtu_bytes;
	if (way->path_mtu_bytes && way->path_mtu_bytes < nexthop->mtu_bytes)
		nexthop->mtu_bytes = way->path_mtu_bytes;
	memcpy(nexthop->dmac, way->gateway->mac, sizeof(nexthop->dmac));
	memcpy(nexthop->smac, interface->link.mac, sizeof(nexthop->smac));
	memcpy(nexthop->source, &way->route.source, sizeof(nexthop->source));
	return true;
}

/* Without a next hop the packet path asks the routing table itself: better than a wrong one. */
static int tell(struct xlvs_nexthops *nexthops, const struct way *way, uint32_t dest)
{
	int r;

	r = xlvs_loader_set_nexthop(nexthops->loader, dest,
				    way->is_ready && !way->is_local ? &way->nexthop : NULL);
	xlvs_loader_set_local(nexthops->loader, dest, way->is_local);
	if (r < 0)
		xlvs_loader_set_nexthop(nexthops->loader, dest, NULL);
	if (r < 0 && !nexthops->tell_failed)
		xlvs_log(LOG_WARNING, "next hops of destinations cannot be written: %s",
			 strerror(-r));
	nexthops->tell_failed |= r < 0;
	return r;
}

static void publish(struct xlvs_nexthops *nexthops, struct way *way)
{
	struct xlvs_nexthop nexthop;
	bool is_ready = build(nexthops, way, &nexthop);

	if (way->is_known && is_ready == way->is_ready &&
	    (!is_ready || !memcmp(&nexthop, &way->nexthop, sizeof(nexthop))))
		return;
	nexthops->counts.resolved += is_ready;
	nexthops->counts.resolved -= way->is_ready;
	way->is_known = true;
	way->is_ready = is_ready;
	way->nexthop = nexthop;
	for (uint32_t dest = way->first_dest; dest != XLVS_NONE; dest = nexthops->slots[dest].next)
		if (tell(nexthops, way, dest) < 0)
			way->is_known = false;
}

static void on_moved(void *context, struct xlvs_follower *follower)
{
	publish(context, way_of_follower(follower));
}

static void on_lost(void *context, struct xlvs_follower *follower)
{
	mark(context, way_of_follower(follower));
}

static void on_stale(void *context)
{
	struct xlvs_nexthops *nexthops = context;

	nexthops->must_bump = true;
}

/* By the rules of the packet path: it writes Ethernet frames. */
static bool is_usable(struct xlvs_nexthops *nexthops, const struct way *way,
		      const struct xlvs_route *route)
{
	struct xlvs_interface *interface;
	char text[INET6_ADDRSTRLEN];

	if (route->type != RTN_UNICAST)
		return false;
	interface = xlvs_interfaces_find(nexthops->interfaces, route->gateway.ifindex);
	if (!interface)
		return false;
	if (!interface->attached && !interface->complained) {
		interface->complained = true;
		xlvs_log(LOG_WARNING,
			 "packets to destination %s leave by %s, which is not attached: name it "
			 "with -i",
			 place_text(&way->place, text), interface->link.name);
	}
	return interface->link.type == ARPHRD_ETHER;
}

static void leave_gateway(struct xlvs_nexthops *nexthops, struct way *way)
{
	if (way->gateway)
		xlvs_neighbours_drop(nexthops->neighbours, way->gateway, &way->follower);
	way->gateway = NULL;
}

static void keep_gateway(struct xlvs_nexthops *nexthops, struct way *way)
{
	int r = -ENOBUFS;

	/* The kernel goes through its whole table before it says that there is no room. */
	if (!nexthops->is_full)
		r = xlvs_neighbours_keep(nexthops->neighbours, way->gateway);
	if (r == 0)
		return;
	nexthops->keep_failed = true;
	nexthops->is_full = r == -ENOBUFS;
	if (r != -ENOBUFS || nexthops->neighbours_full)
		return;
	nexthops->neighbours_full = true;
	xlvs_log(LOG_WARNING, "the kernel's neighbour table is full: raise "
			      "net.ipv4.neigh.default.gc_thresh3 (net.ipv6.neigh... for IPv6)");
}

/* Bring a way in line with what the kernel said of its route (error: there is none). */
static void settle_way(struct xlvs_nexthops *nexthops, struct way *way, int error,
		       const struct xlvs_route *route)
{
	bool is_local = error == 0 && route->type == RTN_LOCAL;

	if (is_local)
		xlvs_interfaces_want_egress(nexthops->interfaces);
	way->is_known &= is_local == way->is_local;
	way->is_local = is_local;
	if (error < 0 || !is_usable(nexthops, way, route)) {
		leave_gateway(nexthops, way);
	} else {
		if (way->gateway &&
		    memcmp(&way->gateway->key, &route->gateway, sizeof(route->gateway)) != 0)
			leave_gateway(nexthops, way);
		if (!way->gateway)
			way->path_mtu_bytes = 0;
		way->route = *route;
		if (!way->gateway && xlvs_neighbours_follow(nexthops->neighbours, &route->gateway,
							    &way->follower, &way->gateway) < 0)
			way->gateway = NULL;
		if (way->gateway)
			keep_gateway(nexthops, way);
	}
	publish(nexthops, way);
}

int xlvs_nexthops_new(struct xlvs_rtnl *rtnl, struct xlvs_interfaces *interfaces,
		      struct xlvs_nexthops **ret_nexthops)
{
	struct xlvs_nexthops *nexthops = calloc(1, sizeof(*nexthops));
	int r = -ENOMEM;

	if (!nexthops)
		return r;
	nexthops->rtnl = rtnl;
	nexthops->interfaces = interfaces;
	nexthops->handler = (struct xlvs_neighbour_handler){nexthops, on_moved, on_lost, on_stale};
	LIST_INIT(&nexthops->ways);
	TAILQ_INIT(&nexthops->dirty);
	nexthops->slots = calloc(XLVS_DESTS_MAX, sizeof(*nexthops->slots));
	if (nexthops->slots)
		r = xlvs_neighbours_new(rtnl, &nexthops->handler, &nexthops->neighbours);
	if (r == 0)
		r = xlvs_locals_new(rtnl, &nexthops->locals);
	if (r < 0) {
		xlvs_neighbours_free(nexthops->neighbours);
		free(nexthops->slots);
		free(nexthops);
		return r;
	}
	*ret_nexthops = nexthops;
	return 0;
}

void xlvs_nexthops_start(struct xlvs_nexthops *nexthops, struct xlvs_loader *loader)
{
	nexthops->loader = loader;
	/* A former daemon may have missed anything. */
	nexthops->must_bump = true;
}

static void remove_way(struct xlvs_nexthops *nexthops, struct way *way)
{
	leave_gateway(nexthops, way);
	if (way->is_dirty)
		TAILQ_REMOVE(&nexthops->dirty, way, dirty);
	LIST_REMOVE(way, all);
	tdelete(way, &nexthops->tree, compare);
	nexthops->counts.addresses--;
	nexthops->counts.resolved -= way->is_ready;
	free(way);
}

void xlvs_nexthops_free(struct xlvs_nexthops *nexthops, bool release)
{
	if (!nexthops)
		return;
	while (!LIST_EMPTY(&nexthops->ways)) {
		struct way *way = LIST_FIRST(&nexthops->ways);

		/* Without a word to the kernel the neighbour stays as it is. */
		if (way->gateway && !release)
			way->gateway->kept = false;
		remove_way(nexthops, way);
	}
	xlvs_neighbours_free(nexthops->neighbours);
	xlvs_locals_free(nexthops->locals);
	free(nexthops->slots);
	free(nexthops);
}

struct xlvs_locals *xlvs_nexthops_locals(struct xlvs_nexthops *nexthops)
{
	return nexthops->locals;
}

struct xlvs_neighbours *xlvs_nexthops_neighbours(struct xlvs_nexthops *nexthops)
{
	return nexthops->neighbours;
}

int xlvs_nexthops_check(struct xlvs_nexthops *nexthops, const struct xlvs_dest_key *key,
			struct xlvs_error *reterr)
{
	return xlvs_locals_check(nexthops->locals, key, reterr);
}

static struct way *make_way(struct xlvs_nexthops *nexthops, const struct place *place)
{
	struct way *way = calloc(1, sizeof(*way));

	if (!way)
		return NULL;
	way->place = *place;
	way->first_dest = XLVS_NONE;
	if (!tsearch(way, &nexthops->tree, compare)) {
		free(way);
		return NULL;
	}
	LIST_INSERT_HEAD(&nexthops->ways, way, all);
	nexthops->counts.addresses++;
	return way;
}

static void link_dest(struct xlvs_nexthops *nexthops, struct way *way, uint32_t dest)
{
	struct slot *slots = nexthops->slots;

	slots[dest] = (struct slot){
		.way = way,
		.next = way->first_dest,
		.previous = XLVS_NONE,
	};
	if (way->first_dest != XLVS_NONE)
		slots[way->first_dest].previous = dest;
	way->first_dest = dest;
}

int xlvs_nexthops_track(struct xlvs_nexthops *nexthops, uint32_t dest,
			const struct xlvs_dest_key *key)
{
	struct place place = place_of(key);
	struct way **known;
	struct way *way;

	if (nexthops->slots[dest].way && !compare(&nexthops->slots[dest].way->place, &place))
		return 0;
	xlvs_nexthops_untrack(nexthops, dest);
	known = tfind(&place, &nexthops->tree, compare);
	way = known ? *known : make_way(nexthops, &place);
	if (!way)
		return -ENOMEM;
	link_dest(nexthops, way, dest);
	if (way->is_known)
		way->is_known = tell(nexthops, way, dest) == 0;
	else if (!way->is_dirty)
		mark_first(nexthops, way);
	return 0;
}

void xlvs_nexthops_untrack(struct xlvs_nexthops *nexthops, uint32_t dest)
{
	struct slot *slots = nexthops->slots;
	struct slot slot = slots[dest];

	if (!slot.way)
		return;
	if (slot.next != XLVS_NONE)
		slots[slot.next].previous = slot.previous;
	if (slot.previous != XLVS_NONE)
		slots[slot.previous].next = slot.next;
	else
		slot.way->first_dest = slot.next;
	slots[dest].way = NULL;
	if (slot.way->first_dest == XLVS_NONE)
		remove_way(nexthops, slot.way);
}

void xlvs_nexthops_changed(struct xlvs_nexthops *nexthops, uint16_t family,
			   const struct xlvs_prefix *prefix)
{
	nexthops->must_bump = true;
	if (!prefix || prefix->type != RTN_UNICAST)
		xlvs_locals_changed(nexthops->locals);
	xlvs_changes_add(&nexthops->changes, family, prefix);
}

void xlvs_nexthops_learn(struct xlvs_nexthops *nexthops, uint16_t family,
			 const struct xlvs_address *address, uint32_t mtu_bytes)
{
	struct place place = {.family = family, .address = *address};
	struct way **known = tfind(&place, &nexthops->tree, compare);

	if (!known || !(*known)->is_ready || mtu_bytes >= (*known)->nexthop.mtu_bytes)
		return;
	(*known)->path_mtu_bytes = mtu_bytes;
	(*known)->path_mtu_until_sec = xlvs_now_sec() + PATH_MTU_SEC;
	publish(nexthops, *known);
}

void xlvs_nexthops_retry(struct xlvs_nexthops *nexthops)
{
	uint64_t now_sec = xlvs_now_sec();
	struct way *way;

	if (!nexthops->keep_failed)
		nexthops->neighbours_full = false;
	nexthops->keep_failed = nexthops->tell_failed = nexthops->is_full = false;
	LIST_FOREACH(way, &nexthops->ways, all)
	{
		if (way->path_mtu_bytes && now_sec >= way->path_mtu_until_sec) {
			way->path_mtu_bytes = 0;
			publish(nexthops, way);
		}
		if (!way->is_ready || !way->is_known)
			mark(nexthops, way);
	}
}

static void mark_concerned(struct xlvs_nexthops *nexthops)
{
	struct way *way;

	LIST_FOREACH(way, &nexthops->ways, all)
	if (xlvs_changes_concern(&nexthops->changes, (uint16_t)way->place.family,
				 &way->place.address))
		mark(nexthops, way);
	xlvs_changes_clear(&nexthops->changes);
}

bool xlvs_nexthops_pending(const struct xlvs_nexthops *nexthops)
{
	return nexthops->must_bump || xlvs_changes_any(&nexthops->changes) ||
	       !TAILQ_EMPTY(&nexthops->dirty);
}

void xlvs_nexthops_settle(struct xlvs_nexthops *nexthops, uint64_t budget_ns)
{
	uint64_t end_ns = xlvs_now_ns() + budget_ns;

	if (nexthops->must_bump)
		xlvs_loader_bump_generation(nexthops->loader);
	nexthops->must_bump = false;
	if (xlvs_changes_any(&nexthops->changes))
		mark_concerned(nexthops);
	for (unsigned int i = 1; !TAILQ_EMPTY(&nexthops->dirty); i++) {
		struct way *way = TAILQ_FIRST(&nexthops->dirty);
		struct xlvs_route route;
		int r;

		TAILQ_REMOVE(&nexthops->dirty, way, dirty);
		way->is_dirty = false;
		r = xlvs_rtnl_route(nexthops->rtnl, (uint16_t)way->place.family,
				    &way->place.address, &route);
		settle_way(nexthops, way, r, &route);
		if (i % SETTLES_PER_LOOK == 0 && xlvs_now_ns() >= end_ns)
			return;
	}
}

struct xlvs_nexthop_counts xlvs_nexthops_count(const struct xlvs_nexthops *nexthops)
{
	return nexthops->counts;
}
