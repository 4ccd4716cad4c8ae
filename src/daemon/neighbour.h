/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The neighbours of this network namespace and their MAC addresses, as the kernel tells of them.
 *
 * Those that somebody follows (they are on the way to a destination) are kept resolved by the
 * kernel itself, as managed neighbours, also when the daemon is gone. The others are remembered
 * only to notice when a MAC address that the packet path may have cached is no longer right.
 *
 * Invariant: a neighbour is in the table while it has a MAC address or a follower. */
#ifndef XLVS_DAEMON_NEIGHBOUR_H
#define XLVS_DAEMON_NEIGHBOUR_H

#include <sys/queue.h>

#include "daemon/rtnl.h"

struct xlvs_neighbours;

/* Embedded in whatever follows a neighbour. */
struct xlvs_follower {
	LIST_ENTRY(xlvs_follower) link;
};

struct xlvs_neighbour {
	struct xlvs_neigh_key key;
	bool has_mac;
	uint8_t mac[6];
	bool settled;
	bool kept; /* the kernel was asked to keep it resolved */
	bool seen; /* in the dump under way */
	struct xlvs_neighbour *next_unseen;
	LIST_HEAD(, xlvs_follower) followers;
};

struct xlvs_neighbour_handler {
	void *context;
	/* A followed neighbour's MAC address is another one, known now, or not known any more. */
	void (*moved)(void *context, struct xlvs_follower *follower);
	/* A followed neighbour is not kept resolved any more: ask again. */
	void (*lost)(void *context, struct xlvs_follower *follower);
	/* A MAC address that was known is not right any more. */
	void (*stale)(void *context);
};

int xlvs_neighbours_new(struct xlvs_rtnl *rtnl, const struct xlvs_neighbour_handler *handler,
			struct xlvs_neighbours **ret_neighbours);
/* Nobody may follow any more. */
void xlvs_neighbours_free(struct xlvs_neighbours *neighbours);

/* What the kernel said. */
void xlvs_neighbours_event(struct xlvs_neighbours *neighbours, const struct xlvs_neigh *neigh,
			   bool is_gone);
/* Around a dump that tells of all neighbours: those not told of are gone. */
void xlvs_neighbours_before_dump(struct xlvs_neighbours *neighbours);
void xlvs_neighbours_after_dump(struct xlvs_neighbours *neighbours);

/* Follow a neighbour: *ret_neighbour lives until the follower drops it. -ENOMEM. */
int xlvs_neighbours_follow(struct xlvs_neighbours *neighbours, const struct xlvs_neigh_key *key,
			   struct xlvs_follower *follower, struct xlvs_neighbour **ret_neighbour);
/* Have the kernel keep a followed neighbour resolved, if that is not so already. Refusals of the
 * kernel: -ENOBUFS when its neighbour table is full, -ENODEV. */
int xlvs_neighbours_keep(struct xlvs_neighbours *neighbours, struct xlvs_neighbour *neighbour);
void xlvs_neighbours_drop(struct xlvs_neighbours *neighbours, struct xlvs_neighbour *neighbour,
			  struct xlvs_follower *follower);

/* The packet path met a next hop without a MAC address: have the kernel resolve it, once a second
 * at the most and a bounded number of them. now_ms: of any clock that only goes forward. */
void xlvs_neighbours_want(struct xlvs_neighbours *neighbours, const struct xlvs_neigh_key *key,
			  uint64_t now_ms);

#endif
