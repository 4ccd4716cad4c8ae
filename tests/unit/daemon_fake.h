/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's two neighbours without a kernel: a loader that keeps its maps in plain memory, and
 * an rtnetlink whose links, neighbours and routes are what a test says. Both write down what the
 * daemon asked of them. */
#ifndef XLVS_TESTS_DAEMON_FAKE_H
#define XLVS_TESTS_DAEMON_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/rtnl.h"
#include "loader/loader.h"

enum fake_limit {
	FAKE_CONNS = 1024,
	FAKE_CPUS = 2,
	FAKE_ROUTES = 16,
	FAKE_ATTACHED = 16,
};

struct xlvs_loader {
	struct xlvs_maps maps;
	int apply_error; /* of every plan, once set */
	unsigned int n_ops[XLVS_OP_ZERO_ALL + 1]; /* carried out, by kind */
	unsigned int n_set; /* calls of xlvs_loader_set_nexthop() */
	unsigned int n_bumps;
	int attach_error;
	bool attached[FAKE_ATTACHED]; /* by ifindex */
	bool egress[FAKE_ATTACHED];
	uint32_t host_ifindex;
	struct xlvs_nexthop *nexthops; /* [destination], state XLVS_NEXTHOP_FREE: none */
	bool *local; /* [destination] */
};

/* Its maps have FAKE_CONNS connection records and 250 ticks a second. */
struct xlvs_loader *fake_loader_new(void);
void fake_loader_free(struct xlvs_loader *loader);

struct fake_route {
	const char *address; /* of the destination; NULL ends the list */
	uint8_t type; /* RTN_* */
	uint32_t ifindex;
	const char *gateway; /* NULL: on the link itself */
	const char *source;
	uint32_t mtu_bytes;
};

struct xlvs_rtnl {
	const struct xlvs_rtnl_handler *handler;
	struct fake_route routes[FAKE_ROUTES];
	unsigned int n_lookups;
	int keep_error;
	char journal[1024]; /* "keep 2 192.0.2.1, release ..." since fake_rtnl_journal() */
};

struct xlvs_rtnl *fake_rtnl_new(void);
/* What was asked since the last call: "keep 2 192.0.2.1" and so on, joined by ", ". */
const char *fake_rtnl_journal(struct xlvs_rtnl *rtnl);

/* The daemon's clock goes on by so much at once. */
void fake_leap(unsigned int seconds);

/* IPv4 or IPv6. */
uint16_t fake_family(const char *address);
struct xlvs_address fake_address(const char *address);
struct xlvs_neigh_key fake_neigh_key(uint32_t ifindex, const char *address);
/* An Ethernet interface that is up, its MAC address ending in its ifindex. */
struct xlvs_link fake_link(uint32_t ifindex, const char *name);

#endif
