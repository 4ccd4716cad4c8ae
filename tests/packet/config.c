// SPDX-License-Identifier: GPL-2.0-or-later
/* What the daemon does for the packet path: services, destinations, next hops and scheduling lists
 * written into the maps. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "abi/hash.h"
#include "fixture.h"
#include "scheduler/scheduler.h"

enum {
	SERVICES_MAX = 32,
	CELLS_MAX = 64,
	FIRST_DEST = 3, /* low numbers name nothing, so that a zero is seen to be wrong */
	FIRST_CHUNK = 5,
};

struct service_list {
	uint32_t slot;
	uint16_t scheduler;
	uint32_t n_cells;
	struct xlvs_cell cells[CELLS_MAX]; /* newest first */
};

static struct {
	uint32_t n_lists;
	struct service_list lists[SERVICES_MAX];
	uint32_t next_dest;
	uint32_t next_chunk;
	uint64_t n_bindings;
} config;

#define SCTP(state) [XLVS_TIMEOUT_SCTP + XLVS_SCTP_##state]

static const uint32_t timeouts_sec[XLVS_TIMEOUTS] = {
	[XLVS_TCP_NONE] = 2,
	[XLVS_TCP_ESTABLISHED] = 900,
	[XLVS_TCP_SYN_SENT] = 120,
	[XLVS_TCP_SYN_RECV] = 60,
	[XLVS_TCP_FIN_WAIT] = 120,
	[XLVS_TCP_TIME_WAIT] = 120,
	[XLVS_TCP_CLOSE] = 10,
	[XLVS_TCP_CLOSE_WAIT] = 60,
	[XLVS_TCP_LAST_ACK] = 30,
	[XLVS_TCP_LISTEN] = 120,
	[XLVS_TCP_SYNACK] = 120,
	[XLVS_TIMEOUT_UDP] = 300,
	SCTP(NONE) = 2,
	SCTP(INIT1) = 4,
	SCTP(INIT) = 61,
	SCTP(COOKIE_SENT) = 61,
	SCTP(COOKIE_REPLIED) = 61,
	SCTP(COOKIE_WAIT) = 61,
	SCTP(COOKIE) = 61,
	SCTP(COOKIE_ECHOED) = 61,
	SCTP(ESTABLISHED) = 900,
	SCTP(SHUTDOWN_SENT) = 61,
	SCTP(SHUTDOWN_RECEIVED) = 61,
	SCTP(SHUTDOWN_ACK_SENT) = 61,
	SCTP(REJECTED) = 4,
	SCTP(CLOSED) = 61,
};

static const __s32 settings[XLVS_SETTINGS_END] = {
#define INITIAL(name, initial, least, most) initial,
	XLVS_SETTINGS(INITIAL)
#undef INITIAL
};

void director_reset(void)
{
	struct xlvs_runtime *runtime = director.table.runtime;

	memset(director.services, 0, XLVS_SERVICE_SLOTS * sizeof(struct xlvs_service));
	memset(director.table.conns, 0, director.table.n_conns * sizeof(struct xlvs_conn));
	memset(director.table.controls, 0, director.table.n_conns * sizeof(struct xlvs_control));
	memset(director.table.dests, 0, DIRECTOR_DESTS_MAX * sizeof(struct xlvs_dest));
	memset(director.nexthops, 0, DIRECTOR_DESTS_MAX * sizeof(struct xlvs_nexthop));
	memset(director.gateways, 0, XLVS_GATEWAYS_MAX * sizeof(struct xlvs_nexthop));
	memset(director.reasons, 0, director.n_cpus * XLVS_REASONS_MAX * sizeof(uint64_t));
	for (uint32_t cpu = 0; cpu < director.n_cpus; cpu++)
		memset(&director.traffic[cpu * XLVS_DESTS_MAX], 0,
		       DIRECTOR_DESTS_MAX * sizeof(struct xlvs_traffic));
	*runtime = (struct xlvs_runtime){
		.generation = 1,
		.conn_limit = director.table.n_conns / 4 * 3,
		.unproven_limit = director.table.n_conns / 4 * 3,
		.sweep_records = director.table.n_conns,
		.sweep_period_us = 5000,
		.constants = director.constants,
	};
	for (int i = 0; i < XLVS_TIMEOUTS; i++)
		runtime->timeout_ticks[i] = timeouts_sec[i] * director.constants.ticks_per_sec;
	memcpy(runtime->settings, settings, sizeof(settings));
	*director.lookups = 0;
	director_forget_icmp();
	director_say("%s", "");
	config.n_lists = 0;
	config.next_dest = FIRST_DEST;
	config.next_chunk = FIRST_CHUNK;
}

static int af_of(int family)
{
	return family == 4 ? AF_INET : AF_INET6;
}

static void parse(int family, const char *text, __be32 *ret_address)
{
	memset(ret_address, 0, 16);
	assert_int_equal(inet_pton(af_of(family), text, ret_address), 1);
}

static struct service_list *list_of(uint32_t slot)
{
	uint32_t i = 0;

	while (i < config.n_lists && config.lists[i].slot != slot)
		i++;
	assert_int_not_equal(i, config.n_lists);
	return &config.lists[i];
}

static uint32_t *n_services(const struct xlvs_service *service)
{
	return service->family == AF_INET ? &director.table.runtime->n_services4
					  : &director.table.runtime->n_services6;
}

uint32_t director_add_service(const struct packet *request, uint16_t scheduler)
{
	struct xlvs_service service = {
		.state = XLVS_SLOT_LIVE,
		.port = htons(request->dport),
		.protocol = request->protocol,
		.family = (uint8_t)af_of(request->family),
		.list = XLVS_NONE,
		.id = config.n_lists,
	};
	uint32_t slot;

	assert_true(config.n_lists < SERVICES_MAX);
	parse(request->family, request->to, service.address);
	slot = xlvs_hash_service(director.constants.seed, service.address, service.port,
				 service.protocol | (uint32_t)service.family << 8,
				 XLVS_SERVICE_SLOTS);
	while (director.services[slot].state == XLVS_SLOT_LIVE)
		slot = (slot + 1) % XLVS_SERVICE_SLOTS;
	director.services[slot] = service;
	config.lists[config.n_lists++] = (struct service_list){
		.slot = slot,
		.scheduler = scheduler,
	};
	++*n_services(&service);
	return slot;
}

void director_persist(uint32_t slot, uint32_t timeout_sec, uint32_t netmask)
{
	struct xlvs_service *service = &director.services[slot];

	service->flags |= XLVS_SVC_PERSISTENT;
	service->timeout_sec = timeout_sec;
	service->netmask = netmask ? netmask : service->family == AF_INET ? ~0U : 128;
	if (!service->port)
		*director.lookups |= XLVS_LOOKUP_PORT0;
	if (service->port == htons(21))
		*director.lookups |= XLVS_LOOKUP_FTP;
	director.table.runtime->unprivileged_port = 1024;
}

uint32_t director_slot(const struct packet *request)
{
	uint32_t i = 0;
	__be32 address[4];

	parse(request->family, request->to, address);
	for (; i < config.n_lists; i++) {
		const struct xlvs_service *service = &director.services[config.lists[i].slot];

		if (service->family == af_of(request->family) &&
		    service->protocol == request->protocol &&
		    service->port == htons(request->dport) &&
		    !memcmp(service->address, address, sizeof(address)))
			break;
	}
	assert_int_not_equal(i, config.n_lists);
	return config.lists[i].slot;
}

void director_delete_service(uint32_t slot)
{
	director.services[slot].state = XLVS_SLOT_DELETED;
	--*n_services(&director.services[slot]);
}

/* A new run for the list as it is now, then the store that makes it the service's. */
static void publish(const struct service_list *list, enum xlvs_schedule_change change)
{
	struct xlvs_service *service = &director.services[list->slot];
	uint32_t n_slots = xlvs_scheduler_slots(list->scheduler, XLVS_MH_SLOTS_DEFAULT);
	uint32_t n_chunks = xlvs_schedule_chunks(list->n_cells, n_slots);
	union xlvs_chunk *run = &director.chunks[config.next_chunk];
	struct xlvs_schedule_dest dests[CELLS_MAX];
	bool is_first = service->list == XLVS_NONE;
	struct xlvs_schedule schedule = {
		.chunks = run,
		.old = is_first ? NULL : &director.chunks[service->list],
		.dests = dests,
		.binding = ++config.n_bindings,
		.change = is_first ? XLVS_SCHEDULE_BIND : change,
	};

	for (uint32_t i = 0; i < list->n_cells; i++)
		dests[i] = (struct xlvs_schedule_dest){
			.address = ntohl(director.table.dests[list->cells[i].dest].address[0]),
			.last_weight = list->cells[i].weight,
		};
	memset(run, 0, n_chunks * sizeof(*run));
	run->head = (struct xlvs_list_head){
		.magic = XLVS_LIST_MAGIC,
		.n_chunks = n_chunks,
		.service = service->id,
		.n_dests = list->n_cells,
		.scheduler = list->scheduler,
		.flags = service->flags,
		.n_slots = n_slots,
	};
	memcpy(run[1].cells, list->cells, list->n_cells * sizeof(list->cells[0]));
	if (run->head.n_slots)
		run->head.table =
			1 + (list->n_cells + XLVS_CELLS_PER_CHUNK - 1) / XLVS_CELLS_PER_CHUNK;
	xlvs_scheduler_build(&schedule);
	__atomic_store_n(&service->list, config.next_chunk, __ATOMIC_RELEASE);
	config.next_chunk += n_chunks;
}

static void add_nexthop(uint32_t index, const struct dest_words *words)
{
	struct xlvs_nexthop *nexthop = &director.nexthops[index];

	*nexthop = (struct xlvs_nexthop){
		.state = XLVS_NEXTHOP_READY,
		.ifindex = words->ifindex,
		.dmac = {2, 0, 0, 0, 0x5e, (uint8_t)index},
		.smac = {2, 0, 0, 0, 0xd1, (uint8_t)index},
		.mtu_bytes = MTU_BYTES,
	};
	parse(words->family, director_address[words->family], nexthop->source);
}

uint32_t director_add_dest(uint32_t slot, const struct dest_words *words)
{
	struct service_list *list = list_of(slot);
	uint32_t dest = config.next_dest++;

	assert_true(list->n_cells < CELLS_MAX && dest < director.table.n_dests);
	add_nexthop(dest, words);
	director.table.dests[dest] = (struct xlvs_dest){
		.port = htons(words->port),
		.family = (uint8_t)af_of(words->family),
		.method = words->method,
		.flags = XLVS_DEST_USED | XLVS_DEST_AVAILABLE,
		.service = director.services[slot].id,
		.weight = words->weight,
		.nexthop = dest,
		.tunnel_type = words->tunnel_type,
		.outer = words->tunnel_type   ? XLVS_OUTER_SHIM
			 : words->family == 4 ? XLVS_OUTER_IPV4
					      : XLVS_OUTER_IPV6,
		.tunnel_port = words->tunnel_type == XLVS_TUNNEL_GUE ? htons(GUE_PORT) : 0,
		.tunnel_flags = words->tunnel_flags,
	};
	parse(words->family, words->address, director.table.dests[dest].address);
	memmove(&list->cells[1], &list->cells[0], list->n_cells++ * sizeof(list->cells[0]));
	list->cells[0] = (struct xlvs_cell){.dest = dest, .weight = words->weight};
	publish(list, XLVS_SCHEDULE_DEST_ADDED);
	return dest;
}

void director_delete_dest(uint32_t slot, uint32_t dest)
{
	struct service_list *list = list_of(slot);
	uint32_t kept = 0;

	for (uint32_t i = 0; i < list->n_cells; i++) {
		if (list->cells[i].dest != dest)
			list->cells[kept++] = list->cells[i];
	}
	assert_int_equal(kept, list->n_cells - 1);
	list->n_cells = kept;
	publish(list, XLVS_SCHEDULE_DEST_DELETED);
	director.table.dests[dest].flags &= ~(uint32_t)XLVS_DEST_AVAILABLE;
}

void director_weigh_dest(uint32_t slot, uint32_t dest, int weight)
{
	struct service_list *list = list_of(slot);

	for (uint32_t i = 0; i < list->n_cells; i++) {
		if (list->cells[i].dest == dest)
			list->cells[i].weight = weight;
	}
	director.table.dests[dest].weight = weight;
	publish(list, XLVS_SCHEDULE_DEST_EDITED);
}

void director_set_locals(uint32_t slot, int family, const char *const *addresses, uint32_t n)
{
	union xlvs_chunk *run = &director.chunks[config.next_chunk];
	uint32_t n_chunks = 1 + (n + XLVS_LOCALS_PER_CHUNK - 1) / XLVS_LOCALS_PER_CHUNK;

	memset(run, 0, n_chunks * sizeof(*run));
	run->locals = (struct xlvs_locals_head){
		.magic = XLVS_LOCALS_MAGIC,
		.n_chunks = n_chunks,
		.n_addresses = n,
		.n_ipv4 = family == 4 ? n : 0,
	};
	for (uint32_t i = 0; i < n; i++)
		parse(family, addresses[i],
		      run[1 + i / XLVS_LOCALS_PER_CHUNK].locals_at[i % XLVS_LOCALS_PER_CHUNK]);
	__atomic_store_n(&director.services[slot].locals, n ? config.next_chunk : 0,
			 __ATOMIC_RELEASE);
	config.next_chunk += n_chunks;
}

const char *server_address(int family, int n)
{
	static char text[2][100][40];
	char *address = text[family == 6][n];

	assert_in_range(n, 1, 99);
	snprintf(address, sizeof(text[0][0]), family == 4 ? "192.0.2.%d" : "2001:db8:3::%d",
		 n + 100);
	return address;
}

uint32_t director_serve(const struct packet *request, const struct dest_words *words)
{
	struct dest_words whole = *words;

	if (!whole.family)
		whole.family = request->family;
	if (!whole.address)
		whole.address = server_address(whole.family, 1);
	if (!whole.weight)
		whole.weight = 1;
	if (!whole.ifindex)
		whole.ifindex = INGRESS;
	return director_add_dest(director_add_service(request, XLVS_SCHEDULER_rr), &whole);
}
