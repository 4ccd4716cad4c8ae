// SPDX-License-Identifier: GPL-2.0-or-later
/* Services and servers come from a configuration and find themselves in the table, or not. */
#include "monitor/machine_inside.h"

#include "base/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* At a start servers are given so long to be found up before the fallback comes in. */
#define SETTLE_MS 1000

int xlvs_machine_new(const struct xlvs_machine_hooks *hooks, struct xlvs_machine **ret_machine)
{
	struct xlvs_machine *machine = calloc(1, sizeof(*machine));

	if (!machine)
		return -ENOMEM;
	machine->hooks = *hooks;
	TAILQ_INIT(&machine->services);
	for (size_t i = 0; i < sizeof(machine->places) / sizeof(machine->places[0]); i++)
		TAILQ_INIT(&machine->places[i]);
	*ret_machine = machine;
	return 0;
}

static void free_strays(struct xlvs_machine *machine, const struct xlvs_service *service)
{
	for (enum xlvs_slot_place place = XLVS_PLACE_WAITING; place <= XLVS_PLACE_REFUSED;
	     place++) {
		struct xlvs_slot *slot = TAILQ_FIRST(&machine->places[place]);

		while (slot) {
			struct xlvs_slot *next = TAILQ_NEXT(slot, link);

			if (slot->kind == XLVS_SLOT_STRAY && slot->service == service) {
				xlvs_machine_move(machine, slot, XLVS_PLACE_NONE);
				free(slot);
			}
			slot = next;
		}
	}
}

static void release_service(struct xlvs_machine *machine, struct xlvs_service *service)
{
	xlvs_machine_move(machine, &service->slot, XLVS_PLACE_NONE);
	for (size_t i = 0; i < service->n_servers; i++)
		xlvs_machine_move(machine, &service->servers[i].slot, XLVS_PLACE_NONE);
	if (service->fallback)
		xlvs_machine_move(machine, service->fallback, XLVS_PLACE_NONE);
	free_strays(machine, service);
	free(service->fallback);
	free(service->servers);
	free(service);
}

void xlvs_machine_free_service(struct xlvs_machine *machine, struct xlvs_service *service)
{
	TAILQ_REMOVE(&machine->services, service, link);
	release_service(machine, service);
}

void xlvs_machine_free(struct xlvs_machine *machine)
{
	if (!machine)
		return;
	while (!TAILQ_EMPTY(&machine->services))
		xlvs_machine_free_service(machine, TAILQ_FIRST(&machine->services));
	free(machine);
}

enum xlvs_ld_condition xlvs_machine_condition(const struct xlvs_machine *machine)
{
	return machine->condition;
}

const struct xlvs_services *xlvs_machine_services(const struct xlvs_machine *machine)
{
	return &machine->services;
}

/* A configuration comes. */

static struct xlvs_service *new_service(const struct xlvs_ld_virtual *conf, struct xlvs_time time)
{
	struct xlvs_service *service = calloc(1, sizeof(*service));

	if (!service)
		return NULL;
	service->servers = calloc(conf->n_reals + 1, sizeof(*service->servers));
	service->fallback = conf->fallback ? calloc(1, sizeof(*service->fallback)) : NULL;
	if (!service->servers || (conf->fallback && !service->fallback)) {
		free(service->servers);
		free(service->fallback);
		free(service);
		return NULL;
	}
	service->conf = conf;
	snprintf(service->name, sizeof(service->name), "%s", conf->name);
	service->spec = conf->spec;
	service->settle_ms = time.now_ms + SETTLE_MS;
	service->slot = (struct xlvs_slot){.service = service,
					   .kind = XLVS_SLOT_SERVICE,
					   .name = service->name,
					   .wanted.present = true};
	service->n_servers = conf->n_reals;
	for (size_t i = 0; i < conf->n_reals; i++)
		service->servers[i] = (struct xlvs_server){
			.slot = {.service = service,
				 .kind = XLVS_SLOT_REAL,
				 .key = conf->reals[i].key,
				 .name = conf->reals[i].name},
			.real = &conf->reals[i],
			.since_ms = time.wall_ms,
		};
	if (service->fallback)
		*service->fallback = (struct xlvs_slot){.service = service,
							.kind = XLVS_SLOT_FALLBACK,
							.key = conf->fallback->key,
							.name = conf->fallback->name};
	return service;
}

/* The configured ones of a list, sorted by id. */
struct index {
	struct xlvs_service **services;
	size_t n;
};

static int compare_ids(const void *one, const void *other)
{
	const struct xlvs_service *const *a = one, *const *b = other;

	return strcmp((*a)->conf->id, (*b)->conf->id);
}

static int make_index(const struct xlvs_services *services, struct index *ret_index)
{
	struct xlvs_service *service;
	struct index index = {0};
	size_t room = 1;

	TAILQ_FOREACH(service, services, link)
	room++;
	index.services = calloc(room, sizeof(struct xlvs_service *));
	if (!index.services)
		return -ENOMEM;
	TAILQ_FOREACH(service, services, link)
	if (service->conf)
		index.services[index.n++] = service;
	qsort(index.services, index.n, sizeof(struct xlvs_service *), compare_ids);
	*ret_index = index;
	return 0;
}

/* The one that a service, which need not be of the list, has its id in common with. */
static struct xlvs_service *find_namesake(const struct index *index,
					  const struct xlvs_service *service)
{
	struct xlvs_service **found = bsearch(&service, index->services, index->n,
					      sizeof(struct xlvs_service *), compare_ids);

	return found ? *found : NULL;
}

static int compare_servers(const void *one, const void *other)
{
	const struct xlvs_server *const *a = one, *const *b = other;

	return memcmp(&(*a)->slot.key, &(*b)->slot.key, sizeof((*a)->slot.key));
}

static struct xlvs_server **sorted_servers(const struct xlvs_service *service)
{
	struct xlvs_server **sorted = calloc(service->n_servers + 1, sizeof(struct xlvs_server *));

	if (!sorted)
		return NULL;
	for (size_t i = 0; i < service->n_servers; i++)
		sorted[i] = &service->servers[i];
	qsort(sorted, service->n_servers, sizeof(*sorted), compare_servers);
	return sorted;
}

static struct xlvs_server *find_server(struct xlvs_server *const *sorted, size_t n,
				       const struct xlvs_dest_key *key)
{
	const struct xlvs_server wanted = {.slot.key = *key};
	const struct xlvs_server *pointer = &wanted;
	struct xlvs_server *const *found =
		bsearch(&pointer, sorted, n, sizeof(struct xlvs_server *), compare_servers);

	return found ? *found : NULL;
}

/* What is known of a server outlives the configuration it was learnt under. */
static void inherit_server(struct xlvs_server *heir, const struct xlvs_server *old)
{
	struct xlvs_slot slot = heir->slot;
	const struct xlvs_ld_real *real = heir->real;

	slot.believed = old->slot.believed;
	*heir = *old;
	heir->slot = slot;
	heir->real = real;
	heir->slot.service->n_up += heir->up;
}

static int inherit_service(struct xlvs_service *heir, const struct xlvs_service *old)
{
	XLVS_AUTO_FREE struct xlvs_server **sorted = sorted_servers(heir);

	if (!sorted)
		return -ENOMEM;
	heir->listed = old->listed;
	heir->slot.believed = old->slot.believed;
	heir->fallback_told = old->fallback_told;
	heir->settle_ms = old->settle_ms;
	if (heir->fallback && old->fallback &&
	    memcmp(&heir->fallback->key, &old->fallback->key, sizeof(old->fallback->key)) == 0)
		heir->fallback->believed = old->fallback->believed;
	for (size_t i = 0; i < old->n_servers; i++) {
		struct xlvs_server *server =
			find_server(sorted, heir->n_servers, &old->servers[i].slot.key);

		if (server)
			inherit_server(server, &old->servers[i]);
	}
	return 0;
}

static int make_services(const struct index *before, const struct xlvs_ld_config *config,
			 struct xlvs_services *services, struct xlvs_time time)
{
	for (size_t i = 0; i < config->n_virtuals; i++) {
		const struct xlvs_ld_virtual *conf = &config->virtuals[i];
		struct xlvs_service *service = new_service(conf, time);
		const struct xlvs_service *old;

		if (!service)
			return -ENOMEM;
		TAILQ_INSERT_TAIL(services, service, link);
		old = find_namesake(before, service);
		if (old && inherit_service(service, old) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* It keeps no more than what its removal needs. */
static void let_leave(struct xlvs_machine *machine, struct xlvs_service *service)
{
	for (size_t i = 0; i < service->n_servers; i++)
		xlvs_machine_move(machine, &service->servers[i].slot, XLVS_PLACE_NONE);
	if (service->fallback)
		xlvs_machine_move(machine, service->fallback, XLVS_PLACE_NONE);
	free_strays(machine, service);
	free(service->servers);
	free(service->fallback);
	service->servers = NULL;
	service->n_servers = 0;
	service->fallback = NULL;
	service->conf = NULL;
	service->slot.wanted.present = false;
}

int xlvs_machine_configure(struct xlvs_machine *machine, const struct xlvs_ld_config *config,
			   struct xlvs_time time)
{
	struct index before = {0}, after = {0};
	struct xlvs_services services;
	struct xlvs_service *old, *next;
	int r;

	TAILQ_INIT(&services);
	r = make_index(&machine->services, &before);
	if (r == 0)
		r = make_services(&before, config, &services, time);
	if (r == 0)
		r = make_index(&services, &after);
	free(before.services);
	if (r < 0) {
		while ((old = TAILQ_FIRST(&services))) {
			TAILQ_REMOVE(&services, old, link);
			release_service(machine, old);
		}
		return r;
	}
	for (old = TAILQ_FIRST(&machine->services); old; old = next) {
		next = TAILQ_NEXT(old, link);
		if (old->conf && find_namesake(&after, old))
			xlvs_machine_free_service(machine, old);
		else
			let_leave(machine, old);
	}
	free(after.services);
	TAILQ_CONCAT(&machine->services, &services, link);
	machine->condition = machine->config ? XLVS_LD_RELOADING : XLVS_LD_STARTING;
	machine->config = config;
	return 0;
}

/* The table is told. */

static int compare_numbers(uint32_t one, uint32_t other)
{
	return (one > other) - (one < other);
}

/* A mark has no address. */
static int compare_listed(const void *one, const void *other)
{
	const struct xlvs_service_key *a = &((const struct xlvs_listed_service *)one)->spec.key;
	const struct xlvs_service_key *b = &((const struct xlvs_listed_service *)other)->spec.key;
	int order = compare_numbers(a->family, b->family);

	if (!order)
		order = compare_numbers(a->fwmark, b->fwmark);
	if (order || a->fwmark)
		return order;
	order = compare_numbers(a->protocol, b->protocol);
	if (!order)
		order = compare_numbers(ntohs(a->port), ntohs(b->port));
	return order ? order : memcmp(&a->address, &b->address, sizeof(a->address));
}

static const struct xlvs_listed_service *find_listed(const struct xlvs_listed_service *sorted,
						     size_t n, const struct xlvs_service_key *key)
{
	const struct xlvs_listed_service wanted = {.spec.key = *key};

	return n ? bsearch(&wanted, sorted, n, sizeof(*sorted), compare_listed) : NULL;
}

/* `wished` is the method that is configured: a server on the director itself shows another. */
static struct xlvs_holding holding(const struct xlvs_dest_spec *dest, uint32_t wished)
{
	return (struct xlvs_holding){
		.present = true,
		.method = dest->method == XLVS_METHOD_LOCAL ? wished : dest->method,
		.weight = dest->weight,
		.upper_threshold = dest->upper_threshold,
		.lower_threshold = dest->lower_threshold,
	};
}

/* What was set by hand stays at a repair: only what is there and serves counts then. */
static void believe(struct xlvs_slot *slot, const struct xlvs_dest_spec *dest, uint32_t wished,
		    enum xlvs_adopt how)
{
	if (how == XLVS_ADOPT_REPAIR && slot->believed.present &&
	    !slot->believed.weight == !dest->weight)
		return;
	slot->believed = holding(dest, wished);
}

static int add_stray(struct xlvs_machine *machine, struct xlvs_service *service,
		     const struct xlvs_dest_spec *dest)
{
	struct xlvs_slot *slot = calloc(1, sizeof(*slot) + INET6_ADDRSTRLEN + 16);
	char address[INET6_ADDRSTRLEN] = "";
	char *name;

	if (!slot)
		return -ENOMEM;
	name = (char *)(slot + 1);
	inet_ntop(dest->key.family, dest->key.address.bytes, address, sizeof(address));
	snprintf(name, INET6_ADDRSTRLEN + 16, dest->key.family == AF_INET6 ? "[%s]:%u" : "%s:%u",
		 address, ntohs(dest->key.port));
	*slot = (struct xlvs_slot){.service = service,
				   .kind = XLVS_SLOT_STRAY,
				   .key = dest->key,
				   .name = name,
				   .believed = holding(dest, dest->method)};
	xlvs_machine_touch(machine, slot);
	return 0;
}

static void adopt_server(struct xlvs_server *server, const struct xlvs_dest_spec *dest,
			 enum xlvs_adopt how, struct xlvs_time time)
{
	believe(&server->slot, dest, server->real->method, how);
	if (server->decided || dest->weight <= 0 || how == XLVS_ADOPT_REPAIR)
		return;
	xlvs_machine_set_up(server, true, time);
	server->adopted = true;
}

static int adopt_dests(struct xlvs_machine *machine, struct xlvs_service *service,
		       const struct xlvs_listed_service *listed, enum xlvs_adopt how,
		       struct xlvs_time time)
{
	XLVS_AUTO_FREE struct xlvs_server **sorted = sorted_servers(service);
	XLVS_AUTO_FREE bool *seen = calloc(service->n_servers + 1, sizeof(*seen));
	bool fallback_seen = false;

	if (!sorted || !seen)
		return -ENOMEM;
	for (size_t i = 0; i < listed->n_dests; i++) {
		const struct xlvs_dest_spec *dest = &listed->dests[i];
		struct xlvs_server *server = find_server(sorted, service->n_servers, &dest->key);

		if (server) {
			adopt_server(server, dest, how, time);
			seen[server - service->servers] = true;
		} else if (service->fallback &&
			   memcmp(&service->fallback->key, &dest->key, sizeof(dest->key)) == 0) {
			believe(service->fallback, dest, service->conf->fallback->method, how);
			fallback_seen = true;
		} else if (how == XLVS_ADOPT_ALL && add_stray(machine, service, dest) < 0) {
			return -ENOMEM;
		}
	}
	for (size_t i = 0; i < service->n_servers; i++)
		service->servers[i].slot.believed.present =
			seen[i] && service->servers[i].slot.believed.present;
	if (service->fallback && !fallback_seen)
		service->fallback->believed.present = false;
	return 0;
}

static int adopt_service(struct xlvs_machine *machine, struct xlvs_service *service,
			 const struct xlvs_listed_service *listed, enum xlvs_adopt how,
			 struct xlvs_time time)
{
	static const struct xlvs_listed_service empty;
	int r = 0;

	free_strays(machine, service);
	service->slot.believed.present = listed != NULL;
	if (listed && (how == XLVS_ADOPT_ALL || !service->listed.key.family))
		service->listed = listed->spec;
	if (service->conf)
		r = adopt_dests(machine, service, listed ? listed : &empty, how, time);
	xlvs_machine_touch(machine, &service->slot);
	return r;
}

/* A server nobody checks is what it was found to be. */
static void want_all(struct xlvs_machine *machine, struct xlvs_service *service,
		     struct xlvs_time time)
{
	for (size_t i = 0; i < service->n_servers; i++) {
		struct xlvs_server *server = &service->servers[i];

		if (service->conf->checktype == XLVS_LD_OFF)
			server->decided = true;
		xlvs_machine_want_server(machine, server, time);
	}
	xlvs_machine_want_fallback(machine, service, time);
}

int xlvs_machine_adopt(struct xlvs_machine *machine, struct xlvs_listed_service *listed, size_t n,
		       enum xlvs_adopt how, struct xlvs_time time)
{
	struct xlvs_service *service = TAILQ_FIRST(&machine->services);

	if (n > 0)
		qsort(listed, n, sizeof(*listed), compare_listed);
	while (service) {
		struct xlvs_service *next = TAILQ_NEXT(service, link);
		int r = adopt_service(machine, service, find_listed(listed, n, &service->spec.key),
				      how, time);

		if (r < 0)
			return r;
		if (service->conf)
			want_all(machine, service, time);
		else if (!service->slot.believed.present)
			xlvs_machine_free_service(machine, service);
		service = next;
	}
	return 0;
}
