/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where packets to each destination leave, and with which MAC addresses.
 *
 * Every destination's address is routed as the kernel would route it, the neighbour on that way is
 * kept resolved, and what comes out is given to the packet path. Destinations of one address share
 * the work. What may have changed is looked at again in small pieces, so that a hundred thousand
 * destinations do not hold up the loop; until then the old next hop stays in use. */
#ifndef XLVS_DAEMON_NEXTHOP_H
#define XLVS_DAEMON_NEXTHOP_H

#include "daemon/interface.h"
#include "daemon/neighbour.h"

struct xlvs_nexthops;

struct xlvs_nexthop_counts {
	uint32_t addresses; /* of destinations */
	uint32_t resolved; /* of these, with a next hop */
};

/* Owns the neighbours. *interfaces must outlive the rest. */
int xlvs_nexthops_new(struct xlvs_rtnl *rtnl, struct xlvs_interfaces *interfaces,
		      struct xlvs_nexthops **ret_nexthops);
/* release: the kernel need not keep the neighbours resolved any more. */
void xlvs_nexthops_free(struct xlvs_nexthops *nexthops, bool release);
/* Before anything is tracked. */
void xlvs_nexthops_start(struct xlvs_nexthops *nexthops, struct xlvs_loader *loader);

/* What the kernel's local tables say; borrowed. */
struct xlvs_locals *xlvs_nexthops_locals(struct xlvs_nexthops *nexthops);
struct xlvs_neighbours *xlvs_nexthops_neighbours(struct xlvs_nexthops *nexthops);

/* Whether the kernel's local tables have anything against this address as a new destination's:
 * -EINVAL for one that is no single host's. */
int xlvs_nexthops_check(struct xlvs_nexthops *nexthops, const struct xlvs_dest_key *key,
			struct xlvs_error *reterr);

/* Give a destination its next hop from now on: at once where its address is known, else by
 * xlvs_nexthops_settle(), before all that waits. Again for one that is tracked already: no effect.
 * -ENOMEM: it is left to the packet path. */
int xlvs_nexthops_track(struct xlvs_nexthops *nexthops, uint32_t dest,
			const struct xlvs_dest_key *key);
void xlvs_nexthops_untrack(struct xlvs_nexthops *nexthops, uint32_t dest);

/* The kernel's routes changed: to a prefix, or, without one, of a family (AF_UNSPEC: any). */
void xlvs_nexthops_changed(struct xlvs_nexthops *nexthops, uint16_t family,
			   const struct xlvs_prefix *prefix);
/* A router said that the path to a destination carries no more than this: for ten minutes, or until
 * its route changes. Above what is known: no effect. */
void xlvs_nexthops_learn(struct xlvs_nexthops *nexthops, uint16_t family,
			 const struct xlvs_address *address, uint32_t mtu_bytes);
/* What could not be resolved is tried again, and what was learnt long ago is forgotten; to be
 * called every few seconds. */
void xlvs_nexthops_retry(struct xlvs_nexthops *nexthops);

/* Whether changes wait, and a piece of the work they cause, of about so long. */
bool xlvs_nexthops_pending(const struct xlvs_nexthops *nexthops);
void xlvs_nexthops_settle(struct xlvs_nexthops *nexthops, uint64_t budget_ns);

struct xlvs_nexthop_counts xlvs_nexthops_count(const struct xlvs_nexthops *nexthops);

#endif
