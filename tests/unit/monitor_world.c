// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor_world.h"

#include "monitor_text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say(struct world *world, const char *kind, const char *text)
{
	size_t used = strlen(world->said);

	snprintf(world->said + used, sizeof(world->said) - used, "%s: %s\n", kind, text);
}

static void hear_log(void *context, const char *text)
{
	say(context, "log", text);
}

static void hear_mail(void *context, const struct xlvs_ld_virtual *service, const char *subject)
{
	(void)service;
	say(context, "mail", subject);
}

static void hear_run(void *context, const char *command)
{
	say(context, "run", command);
}

static int hear_request(void *context, const struct xlvs_request *request)
{
	struct world *world = context;

	if (world->n_asked == sizeof(world->asked) / sizeof(world->asked[0]))
		return -EAGAIN;
	world->asked[world->n_asked++] = *request;
	return 0;
}

static size_t find(const struct world *world, const struct xlvs_dest_key *key)
{
	size_t i = 0;

	while (i < world->n_dests && memcmp(&world->dests[i].key, key, sizeof(*key)) != 0)
		i++;
	return i;
}

static int change_dest(struct world *world, const struct xlvs_request *request)
{
	size_t at = find(world, &request->dest.key);
	bool is_new = request->command == IPVS_CMD_NEW_DEST;

	if (!world->has_service)
		return -ESRCH;
	if (is_new != (at == world->n_dests))
		return is_new ? -EEXIST : -ENOENT;
	if (request->command == IPVS_CMD_DEL_DEST) {
		world->dests[at] = world->dests[--world->n_dests];
		return 0;
	}
	world->n_dests += is_new;
	world->dests[at] = request->dest;
	return 0;
}

static int change(struct world *world, const struct xlvs_request *request)
{
	bool is_new = request->command == IPVS_CMD_NEW_SERVICE;

	if (world->refusal)
		return world->refusal;
	if (request->command != IPVS_CMD_SET_SERVICE && !is_new &&
	    request->command != IPVS_CMD_DEL_SERVICE)
		return change_dest(world, request);
	if (world->has_service == is_new)
		return is_new ? -EEXIST : -ESRCH;
	world->has_service = request->command != IPVS_CMD_DEL_SERVICE;
	world->service = request->service;
	if (!world->has_service)
		world->n_dests = 0;
	return 0;
}

static struct xlvs_time now(const struct world *world)
{
	return (struct xlvs_time){world->now_ms, 1000000 + world->now_ms};
}

static void answer(struct world *world)
{
	xlvs_machine_pump(world->machine, now(world));
	while (world->n_asked) {
		struct xlvs_request request = world->asked[0];

		memmove(world->asked, world->asked + 1, --world->n_asked * sizeof(world->asked[0]));
		xlvs_machine_answer(world->machine, change(world, &request), "", now(world));
		xlvs_machine_pump(world->machine, now(world));
	}
}

static void tell_table(struct world *world, enum xlvs_adopt how)
{
	struct xlvs_dest_spec dests[WORLD_DESTS];
	struct xlvs_listed_service listed = {world->service, dests, world->n_dests};

	memcpy(dests, world->dests, sizeof(dests));
	if (xlvs_machine_adopt(world->machine, &listed, world->has_service, how, now(world)) < 0)
		abort();
	answer(world);
}

void world_start(struct world *world, const char *config)
{
	const struct xlvs_machine_hooks hooks = {world, hear_log, hear_mail, hear_run,
						 hear_request};

	world->now_ms = 5000;
	if (xlvs_machine_new(&hooks, &world->machine) < 0)
		abort();
	world_reload(world, config);
}

void world_end(struct world *world)
{
	xlvs_machine_free(world->machine);
	xlvs_ld_config_free(world->config);
}

void world_reload(struct world *world, const char *config)
{
	struct xlvs_ld_config *old = world->config;

	world->config = monitor_config(config);
	if (xlvs_machine_configure(world->machine, world->config, now(world)) < 0)
		abort();
	xlvs_ld_config_free(old);
	tell_table(world, XLVS_ADOPT_ALL);
}

void world_reconnect(struct world *world)
{
	xlvs_machine_lost(world->machine);
	tell_table(world, XLVS_ADOPT_REPAIR);
}

void world_put(struct world *world, const char *address, unsigned int port, int weight)
{
	struct xlvs_dest_spec dest = {
		.key = {.family = AF_INET, .port = htons((uint16_t)port)},
		.method = XLVS_METHOD_DR,
		.weight = weight,
	};
	size_t at;

	inet_pton(AF_INET, address, dest.key.address.bytes);
	if (!world->has_service) {
		world->has_service = true;
		world->service = (struct xlvs_service_spec){
			.key = {.family = AF_INET, .protocol = IPPROTO_TCP, .port = htons(80)},
			.scheduler = "wrr",
			.netmask = UINT32_MAX,
		};
		inet_pton(AF_INET, "203.0.113.80", world->service.key.address.bytes);
	}
	at = find(world, &dest.key);
	world->n_dests += at == world->n_dests;
	world->dests[at] = dest;
}

void world_take(struct world *world, const char *address)
{
	struct xlvs_dest_key key = {.family = AF_INET, .port = htons(80)};
	size_t at;

	inet_pton(AF_INET, address, key.address.bytes);
	at = find(world, &key);
	world->dests[at] = world->dests[--world->n_dests];
}

void world_check(struct world *world, size_t n, bool up)
{
	const struct xlvs_outcome outcome = {up, 1000, up ? "fine" : "broken"};
	struct xlvs_service *service = TAILQ_FIRST(xlvs_machine_services(world->machine));

	xlvs_machine_result(world->machine, &service->servers[n], &outcome, now(world));
	answer(world);
}

void world_wait(struct world *world, unsigned int seconds)
{
	while (seconds--) {
		world->now_ms += 1000;
		xlvs_machine_tick(world->machine, now(world));
		answer(world);
	}
}

static int compare(const void *one, const void *other)
{
	return memcmp(one, other, sizeof(struct xlvs_dest_key));
}

const char *world_table(struct world *world)
{
	static char text[1024];
	size_t used = 0;

	if (!world->has_service)
		return "-";
	text[0] = '\0';
	qsort(world->dests, world->n_dests, sizeof(world->dests[0]), compare);
	for (size_t i = 0; i < world->n_dests; i++) {
		char address[INET6_ADDRSTRLEN];

		inet_ntop(AF_INET, world->dests[i].key.address.bytes, address, sizeof(address));
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s:%u %d",
					 i ? ", " : "", address, ntohs(world->dests[i].key.port),
					 world->dests[i].weight);
	}
	return text;
}

const char *world_said(struct world *world)
{
	static char text[sizeof(world->said)];

	strcpy(text, world->said);
	world->said[0] = '\0';
	return text;
}
