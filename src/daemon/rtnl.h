/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's links, neighbours and routes of this network namespace, over rtnetlink: what
 * changes is told to a handler, and questions are answered at once.
 *
 * Owns the two netlink sockets and the form of the messages; keeps nothing of what it reads. */
#ifndef XLVS_DAEMON_RTNL_H
#define XLVS_DAEMON_RTNL_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/spec.h"

struct xlvs_rtnl;

#define XLVS_LINK_KIND_BYTES 16

struct xlvs_link {
	uint32_t ifindex;
	uint32_t flags; /* of these IFF_UP, IFF_RUNNING, IFF_LOOPBACK, IFF_NOARP */
	uint32_t mtu_bytes;
	uint16_t type; /* ARPHRD_* */
	uint8_t mac[6];
	char name[IF_NAMESIZE];
	char kind[XLVS_LINK_KIND_BYTES]; /* "bridge", "vrf", ... or empty */
	char master_kind[XLVS_LINK_KIND_BYTES]; /* kind of the link it is a port of, or empty */
};

/* No padding: compared as bytes. */
struct xlvs_neigh_key {
	uint32_t ifindex;
	uint32_t family;
	struct xlvs_address address;
};

struct xlvs_neigh {
	struct xlvs_neigh_key key;
	bool settled; /* permanent, or of a device without neighbours: nothing to resolve */
	bool has_mac; /* known and not given up */
	uint8_t mac[6];
};

struct xlvs_prefix {
	uint16_t family;
	uint8_t bits;
	uint8_t type; /* of the route to it: RTN_UNICAST, RTN_LOCAL, ... */
	struct xlvs_address address;
};

struct xlvs_route {
	uint8_t type; /* RTN_UNICAST, RTN_LOCAL, RTN_BROADCAST, ... */
	struct xlvs_neigh_key gateway; /* on which link, and who there: itself where it is near */
	struct xlvs_address source; /* the director's address on that way */
	uint32_t mtu_bytes; /* the route's own, 0 without */
};

/* `changed` with a prefix: routes to it; without: an address or a rule, which may concern every
 * route of the family (AF_UNSPEC: of all). */
struct xlvs_rtnl_handler {
	void *context;
	void (*link)(void *context, const struct xlvs_link *link, bool is_gone);
	void (*neigh)(void *context, const struct xlvs_neigh *neigh, bool is_gone);
	void (*changed)(void *context, uint16_t family, const struct xlvs_prefix *prefix);
};

/* From here on changes are collected. *handler must outlive the rest. */
int xlvs_rtnl_open(const struct xlvs_rtnl_handler *handler, struct xlvs_rtnl **ret_rtnl);
void xlvs_rtnl_close(struct xlvs_rtnl *rtnl);

int xlvs_rtnl_fd(const struct xlvs_rtnl *rtnl);
/* Tell the handler what was collected, a bounded number. -ENOBUFS: the kernel had to leave some
 * out, dump everything again. */
int xlvs_rtnl_read(struct xlvs_rtnl *rtnl);
/* Whether something was collected that has not been told yet. */
bool xlvs_rtnl_has_news(const struct xlvs_rtnl *rtnl);
/* Tell the handler every link and neighbour there is. */
int xlvs_rtnl_dump(struct xlvs_rtnl *rtnl);

/* Every entry of the two local tables, to `visit`; what it returns below 0 ends the visits and is
 * returned. */
int xlvs_rtnl_locals(struct xlvs_rtnl *rtnl,
		     int (*visit)(void *context, const struct xlvs_prefix *prefix), void *context);

/* The route a packet of the director's own would take. -ENETUNREACH and others: none. */
int xlvs_rtnl_route(struct xlvs_rtnl *rtnl, uint16_t family, const struct xlvs_address *address,
		    struct xlvs_route *ret_route);

/* Never for a settled neighbour: the kernel would take its permanence away.
 * keep: resolve it and keep it resolved, now and when the daemon is gone; release: no more of
 * that; probe: resolve it once. */
int xlvs_rtnl_neigh_keep(struct xlvs_rtnl *rtnl, const struct xlvs_neigh_key *key);
int xlvs_rtnl_neigh_release(struct xlvs_rtnl *rtnl, const struct xlvs_neigh_key *key);
int xlvs_rtnl_neigh_probe(struct xlvs_rtnl *rtnl, const struct xlvs_neigh_key *key);

#endif
