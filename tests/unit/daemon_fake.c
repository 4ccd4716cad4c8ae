// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon_fake.h"

#include "loader/grace.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static unsigned int leapt_sec;

/* In place of the library's. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
	int r = (int)syscall(SYS_clock_gettime, clock, now);

	now->tv_sec += leapt_sec;
	return r;
}

void fake_leap(unsigned int seconds)
{
	leapt_sec += seconds;
}

/* The loader. */

struct xlvs_loader *fake_loader_new(void)
{
	struct xlvs_loader *loader = calloc(1, sizeof(*loader));
	struct xlvs_maps *maps = &loader->maps;

	maps->n_conns = FAKE_CONNS;
	maps->n_cpus = FAKE_CPUS;
	assert_int_equal(posix_memalign((void **)&maps->conns, 64,
					(size_t)FAKE_CONNS * sizeof(*maps->conns)),
			 0);
	maps->controls = calloc(FAKE_CONNS, sizeof(*maps->controls));
	memset(maps->conns, 0, (size_t)FAKE_CONNS * sizeof(*maps->conns));
	maps->dests = calloc(XLVS_DESTS_MAX, sizeof(*maps->dests));
	maps->reasons = calloc((size_t)FAKE_CPUS * XLVS_REASONS_MAX, sizeof(*maps->reasons));
	assert_int_equal(posix_memalign((void **)&maps->runtime, 64, sizeof(*maps->runtime)), 0);
	memset(maps->runtime, 0, sizeof(*maps->runtime));
	maps->runtime->constants.ticks_per_sec = 250;
	loader->nexthops = calloc(XLVS_DESTS_MAX, sizeof(*loader->nexthops));
	loader->local = calloc(XLVS_DESTS_MAX, sizeof(*loader->local));
	return loader;
}

void fake_loader_free(struct xlvs_loader *loader)
{
	free(loader->maps.conns);
	free(loader->maps.controls);
	free(loader->maps.dests);
	free(loader->maps.reasons);
	free(loader->maps.runtime);
	free(loader->nexthops);
	free(loader->local);
	free(loader);
}

const struct xlvs_maps *xlvs_loader_maps(const struct xlvs_loader *loader)
{
	return &loader->maps;
}

int xlvs_loader_attach(struct xlvs_loader *loader, uint32_t ifindex, enum xlvs_mode mode,
		       bool *ret_native, struct xlvs_error *reterr)
{
	assert_true(ifindex < FAKE_ATTACHED);
	if (loader->attach_error)
		return xlvs_refuse(reterr, loader->attach_error, "the fake loader refuses");
	loader->attached[ifindex] = true;
	*ret_native = mode != XLVS_MODE_GENERIC;
	return 0;
}

int xlvs_loader_detach(struct xlvs_loader *loader, uint32_t ifindex)
{
	assert_true(ifindex < FAKE_ATTACHED);
	if (!loader->attached[ifindex])
		return -ENOENT;
	loader->attached[ifindex] = false;
	return 0;
}

int xlvs_loader_apply(struct xlvs_loader *loader, const struct xlvs_model *model,
		      const struct xlvs_plan *plan, struct xlvs_error *reterr)
{
	if (loader->apply_error)
		return xlvs_refuse(reterr, loader->apply_error, "the fake loader refuses");
	for (size_t i = 0; i < plan->n_ops; i++) {
		const struct xlvs_op *op = &plan->ops[i];

		loader->n_ops[op->kind]++;
		if (op->kind == XLVS_OP_DEST_PUT)
			loader->maps.dests[op->dest].flags =
				xlvs_model_dest(model, op->dest) ? XLVS_DEST_USED : 0;
		if (op->kind == XLVS_OP_DEST_FREE)
			loader->maps.dests[op->dest].flags = 0;
	}
	return 0;
}

int xlvs_loader_set_nexthop(struct xlvs_loader *loader, uint32_t dest,
			    const struct xlvs_nexthop *nexthop)
{
	loader->n_set++;
	loader->nexthops[dest] = nexthop ? *nexthop : (struct xlvs_nexthop){0};
	return 0;
}

void xlvs_loader_set_local(struct xlvs_loader *loader, uint32_t dest, bool is_local)
{
	loader->local[dest] = is_local;
}

int xlvs_loader_set_detour(struct xlvs_loader *loader, uint32_t ifindex, bool by_detour)
{
	(void)loader;
	(void)ifindex;
	(void)by_detour;
	return 0;
}

int xlvs_loader_attach_egress(struct xlvs_loader *loader, uint32_t ifindex,
			      struct xlvs_error *reterr)
{
	(void)reterr;
	assert_true(loader->attached[ifindex]);
	loader->egress[ifindex] = true;
	return 0;
}

int xlvs_loader_serve_host(struct xlvs_loader *loader, uint32_t near_ifindex, uint32_t far_ifindex,
			   struct xlvs_error *reterr)
{
	(void)reterr;
	assert_true(!near_ifindex == !far_ifindex);
	loader->host_ifindex = near_ifindex;
	return 0;
}

void xlvs_grace_wait(void)
{
}

int xlvs_loader_carry_marks(struct xlvs_loader *loader, uint32_t near_ifindex, uint32_t far_ifindex,
			    struct xlvs_error *reterr)
{
	(void)loader;
	(void)reterr;
	assert_true(!near_ifindex == !far_ifindex);
	return 0;
}

void xlvs_loader_bump_generation(struct xlvs_loader *loader)
{
	loader->n_bumps++;
}

/* Of every destination the number of its connections opened so far, ten packets and a thousand
 * bytes each. */
void xlvs_loader_dest_counters(const struct xlvs_loader *loader, uint32_t dest,
			       struct xlvs_counters *ret_counters)
{
	uint64_t conns = loader->maps.dests[dest].conns;

	*ret_counters = (struct xlvs_counters){
		.conns = conns,
		.in_packets = 10 * conns,
		.in_bytes = 1000 * conns,
	};
}

void xlvs_loader_service_counters(const struct xlvs_loader *loader, const struct xlvs_model *model,
				  uint32_t service, struct xlvs_counters *ret_counters)
{
	const struct xlvs_model_service *found = xlvs_model_service(model, service);

	*ret_counters = (struct xlvs_counters){0};
	for (uint32_t i = 0; i < found->n_dests; i++) {
		struct xlvs_counters counters;

		xlvs_loader_dest_counters(loader, found->dests[i], &counters);
		ret_counters->conns += counters.conns;
		ret_counters->in_packets += counters.in_packets;
		ret_counters->in_bytes += counters.in_bytes;
	}
}

uint64_t xlvs_loader_reason(const struct xlvs_loader *loader, uint32_t reason)
{
	return loader->maps.reasons[reason];
}

/* rtnetlink. */

uint16_t fake_family(const char *address)
{
	return strchr(address, ':') ? AF_INET6 : AF_INET;
}

struct xlvs_address fake_address(const char *address)
{
	struct xlvs_address bytes = {{0}};

	assert_int_equal(inet_pton(fake_family(address), address, &bytes), 1);
	return bytes;
}

struct xlvs_neigh_key fake_neigh_key(uint32_t ifindex, const char *address)
{
	return (struct xlvs_neigh_key){
		.ifindex = ifindex,
		.family = fake_family(address),
		.address = fake_address(address),
	};
}

struct xlvs_link fake_link(uint32_t ifindex, const char *name)
{
	struct xlvs_link link = {
		.ifindex = ifindex,
		.flags = IFF_UP | IFF_RUNNING,
		.mtu_bytes = 1500,
		.type = ARPHRD_ETHER,
		.mac = {2, 0, 0, 0, 0, (uint8_t)ifindex},
	};

	strncpy(link.name, name, sizeof(link.name) - 1);
	return link;
}

struct xlvs_rtnl *fake_rtnl_new(void)
{
	return calloc(1, sizeof(struct xlvs_rtnl));
}

const char *fake_rtnl_journal(struct xlvs_rtnl *rtnl)
{
	static char journal[sizeof(rtnl->journal)];

	memcpy(journal, rtnl->journal, sizeof(journal));
	rtnl->journal[0] = '\0';
	return journal;
}

static void write_down(struct xlvs_rtnl *rtnl, const char *what, const struct xlvs_neigh_key *key)
{
	size_t used = strlen(rtnl->journal);
	char text[INET6_ADDRSTRLEN];

	inet_ntop((int)key->family, &key->address, text, sizeof(text));
	snprintf(rtnl->journal + used, sizeof(rtnl->journal) - used, "%s%s %u %s", used ? ", " : "",
		 what, key->ifindex, text);
}

int xlvs_rtnl_neigh_keep(struct xlvs_rtnl *rtnl, const struct xlvs_neigh_key *key)
{
	write_down(rtnl, "keep", key);
	return rtnl->keep_error;
}

int xlvs_rtnl_neigh_release(struct xlvs_rtnl *rtnl, const struct xlvs_neigh_key *key)
{
	write_down(rtnl, "release", key);
	return 0;
}

int xlvs_rtnl_neigh_probe(struct xlvs_rtnl *rtnl, const struct xlvs_neigh_key *key)
{
	write_down(rtnl, "probe", key);
	return 0;
}

int xlvs_rtnl_route(struct xlvs_rtnl *rtnl, uint16_t family, const struct xlvs_address *address,
		    struct xlvs_route *ret_route)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(family, address, text, sizeof(text));
	rtnl->n_lookups++;
	for (const struct fake_route *route = rtnl->routes; route->address; route++) {
		if (strcmp(route->address, text) != 0)
			continue;
		*ret_route = (struct xlvs_route){
			.type = route->type,
			.gateway = fake_neigh_key(route->ifindex,
						  route->gateway ? route->gateway : text),
			.mtu_bytes = route->mtu_bytes,
		};
		if (route->source)
			ret_route->source = fake_address(route->source);
		return 0;
	}
	return -ENETUNREACH;
}

/* All but unicast routes, as routes to one address. */
int xlvs_rtnl_locals(struct xlvs_rtnl *rtnl,
		     int (*visit)(void *context, const struct xlvs_prefix *prefix), void *context)
{
	int r = 0;

	for (const struct fake_route *route = rtnl->routes; route->address && r == 0; route++) {
		const struct xlvs_prefix prefix = {
			.family = fake_family(route->address),
			.bits = fake_family(route->address) == AF_INET ? 32 : 128,
			.type = route->type,
			.address = fake_address(route->address),
		};

		if (route->type != RTN_UNICAST && route->type != RTN_BLACKHOLE)
			r = visit(context, &prefix);
	}
	return r;
}

bool xlvs_rtnl_has_news(const struct xlvs_rtnl *rtnl)
{
	(void)rtnl;
	return false;
}

int xlvs_rtnl_open(const struct xlvs_rtnl_handler *handler, struct xlvs_rtnl **ret_rtnl)
{
	static const struct fake_route routes[] = {
		{"0.0.0.0", RTN_LOCAL, 1, NULL, NULL, 0},
		{"192.0.2.1", RTN_LOCAL, 1, NULL, NULL, 0},
		{"192.0.2.255", RTN_BROADCAST, 2, NULL, NULL, 0},
	};

	*ret_rtnl = fake_rtnl_new();
	(*ret_rtnl)->handler = handler;
	memcpy((*ret_rtnl)->routes, routes, sizeof(routes));
	return 0;
}

void xlvs_rtnl_close(struct xlvs_rtnl *rtnl)
{
	free(rtnl);
}

int xlvs_rtnl_fd(const struct xlvs_rtnl *rtnl)
{
	(void)rtnl;
	return -1;
}

int xlvs_rtnl_read(struct xlvs_rtnl *rtnl)
{
	(void)rtnl;
	return 0;
}

/* With the routes of xlvs_rtnl_open() this is the machine of tests that open a network: lo, eth1
 * and eth2, its address is 192.0.2.1/24. */
int xlvs_rtnl_dump(struct xlvs_rtnl *rtnl)
{
	struct xlvs_link links[] = {fake_link(1, "lo"), fake_link(2, "eth1"), fake_link(3, "eth2")};

	links[0].type = ARPHRD_LOOPBACK;
	links[0].flags |= IFF_LOOPBACK;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		rtnl->handler->link(rtnl->handler->context, &links[i], false);
	return 0;
}
