// SPDX-License-Identifier: GPL-2.0-or-later
/* Results into states, states into what the table should hold. */
#include "monitor/machine_inside.h"

#include <stdio.h>
#include <string.h>

/* A weight that grows from nearly nothing to the configured one. */
static int32_t grown_weight(const struct xlvs_server *server, struct xlvs_time time)
{
	int32_t full = server->real->weight;
	uint64_t whole_ms = (uint64_t)server->slot.service->conf->settings.slowstart_sec * 1000;
	uint64_t passed_ms = time.now_ms - server->slow_start_ms;
	int32_t weight;

	if (!server->slow_start_ms || passed_ms >= whole_ms)
		return full;
	weight = (int32_t)((uint64_t)full * passed_ms / whole_ms);
	return weight || !full ? weight : 1;
}

void xlvs_machine_want_server(struct xlvs_machine *machine, struct xlvs_server *server,
			      struct xlvs_time time)
{
	const struct xlvs_ld_real *real = server->real;
	struct xlvs_holding wanted = {
		.present = true,
		.method = real->method,
		.upper_threshold = real->upper_threshold,
		.lower_threshold = real->lower_threshold,
	};

	if (server->up)
		wanted.weight = grown_weight(server, time);
	else if (!server->slot.service->conf->settings.quiescent)
		wanted = (struct xlvs_holding){0};
	server->slot.quiet = server->slow_start_ms && server->slot.wanted.weight > 0 &&
			     wanted.weight != real->weight;
	if (server->up && wanted.weight == real->weight)
		server->slow_start_ms = 0;
	server->slot.wanted = wanted;
	xlvs_machine_touch(machine, &server->slot);
}

static bool is_settled(const struct xlvs_service *service, struct xlvs_time time)
{
	if (time.now_ms >= service->settle_ms)
		return true;
	for (size_t i = 0; i < service->n_servers; i++)
		if (!service->servers[i].decided)
			return false;
	return true;
}

/* A server that is up and that the director knows. */
static bool somebody_serves(const struct xlvs_service *service)
{
	for (size_t i = 0; i < service->n_servers; i++)
		if (service->servers[i].up && service->servers[i].slot.believed.present)
			return true;
	return false;
}

static void tell_command(struct xlvs_machine *machine, struct xlvs_service *service, int told)
{
	const struct xlvs_ld_virtual *conf = service->conf;
	char command[1024];

	if (service->fallback_told == told)
		return;
	service->fallback_told = told;
	if (!conf->settings.fallbackcommand)
		return;
	snprintf(command, sizeof(command), "%s %s %s:%u %s", conf->settings.fallbackcommand,
		 told > 0 ? "start" : "stop", conf->host ? conf->host : "", conf->port,
		 conf->protocol);
	machine->hooks.run(machine->hooks.context, command);
}

void xlvs_machine_want_fallback(struct xlvs_machine *machine, struct xlvs_service *service,
				struct xlvs_time time)
{
	struct xlvs_slot *fallback = service->fallback;
	bool alone = service->n_up == 0 && is_settled(service, time);

	if (service->n_up > 0)
		tell_command(machine, service, -1);
	else if (alone)
		tell_command(machine, service, 1);
	if (!fallback)
		return;
	if (alone)
		fallback->wanted = (struct xlvs_holding){
			.present = true, .method = service->conf->fallback->method, .weight = 1};
	else if (somebody_serves(service))
		fallback->wanted = (struct xlvs_holding){0};
	xlvs_machine_touch(machine, fallback);
}

void xlvs_machine_set_up(struct xlvs_server *server, bool up, struct xlvs_time time)
{
	struct xlvs_service *service = server->slot.service;

	if (server->up != up)
		service->n_up += up ? 1 : (size_t)-1;
	server->up = up;
	server->failures = server->passes = 0;
	server->since_ms = time.wall_ms;
	server->slow_start_ms = 0;
}

static void go_up(struct xlvs_machine *machine, struct xlvs_server *server, struct xlvs_time time)
{
	struct xlvs_service *service = server->slot.service;
	/* Who is alone must take all there is, and at the start everybody is new. */
	bool slowly = service->conf->settings.slowstart_sec > 0 && service->n_up > 0 &&
		      machine->condition != XLVS_LD_STARTING;

	xlvs_machine_set_up(server, true, time);
	if (slowly)
		server->slow_start_ms = time.now_ms;
	xlvs_machine_want_server(machine, server, time);
	xlvs_machine_want_fallback(machine, service, time);
}

static void go_down(struct xlvs_machine *machine, struct xlvs_server *server, struct xlvs_time time)
{
	xlvs_machine_set_up(server, false, time);
	xlvs_machine_want_server(machine, server, time);
	xlvs_machine_want_fallback(machine, server->slot.service, time);
}

static void note_result(struct xlvs_server *server, const struct xlvs_outcome *outcome,
			struct xlvs_time time)
{
	server->has_result = true;
	server->last_up = outcome->up;
	server->result_ms = time.wall_ms;
	server->latency_us = outcome->latency_us;
	snprintf(server->text, sizeof(server->text), "%s", outcome->text ? outcome->text : "");
}

static void take_pass(struct xlvs_machine *machine, struct xlvs_server *server,
		      struct xlvs_time time)
{
	const struct xlvs_ld_virtual *conf = server->slot.service->conf;
	/* What was never known to be down need not rise again. */
	int enough = server->decided ? conf->settings.risecount : 1;

	if (server->failures > 0 && server->up)
		xlvs_machine_say(machine, "Resetting soft failure count: %s (%s)",
				 server->real->name, conf->id);
	server->failures = 0;
	server->decided = true;
	server->adopted = false;
	if (!server->up && ++server->passes >= enough)
		go_up(machine, server, time);
}

static void take_failure(struct xlvs_machine *machine, struct xlvs_server *server,
			 struct xlvs_time time)
{
	const struct xlvs_ld_virtual *conf = server->slot.service->conf;
	bool was_decided = server->decided;

	server->passes = 0;
	server->decided = true;
	if (server->up && ++server->failures < conf->settings.failurecount) {
		xlvs_machine_say(machine, "Soft failure real server: %s (%s) failure %d/%d",
				 server->real->name, conf->id, server->failures,
				 conf->settings.failurecount);
		return;
	}
	if (server->up)
		go_down(machine, server, time);
	else if (!was_decided)
		xlvs_machine_want_fallback(machine, server->slot.service, time);
}

void xlvs_machine_result(struct xlvs_machine *machine, struct xlvs_server *server,
			 const struct xlvs_outcome *outcome, struct xlvs_time time)
{
	note_result(server, outcome, time);
	if (machine->condition == XLVS_LD_STOPPING || server->maintenance)
		return;
	if (outcome->up)
		take_pass(machine, server, time);
	else
		take_failure(machine, server, time);
}

void xlvs_machine_maintain(struct xlvs_machine *machine, struct xlvs_server *server, bool on,
			   struct xlvs_time time)
{
	if (server->maintenance == on)
		return;
	server->maintenance = on;
	server->decided = on;
	xlvs_machine_say(machine, "%s maintenance: %s (%s)", on ? "Entering" : "Leaving",
			 server->real->name, server->slot.service->name);
	if (on && server->up)
		go_down(machine, server, time);
	else
		xlvs_machine_want_fallback(machine, server->slot.service, time);
}

static void tick_server(struct xlvs_machine *machine, struct xlvs_server *server,
			struct xlvs_time time)
{
	const struct xlvs_ld_virtual *conf = server->slot.service->conf;
	uint64_t freq_ms = (uint64_t)conf->settings.emailalertfreq_sec * 1000;

	if (server->slow_start_ms)
		xlvs_machine_want_server(machine, server, time);
	if (!server->mail_ms || time.now_ms - server->mail_ms < freq_ms)
		return;
	server->mail_ms = time.now_ms;
	xlvs_machine_mail(machine, conf, "Inaccessible real server: %s (%s)", server->real->name,
			  server->slot.service->name);
}

static bool everybody_is_decided(const struct xlvs_machine *machine)
{
	const struct xlvs_service *service;

	TAILQ_FOREACH(service, &machine->services, link)
	for (size_t i = 0; i < service->n_servers; i++)
		if (!service->servers[i].decided)
			return false;
	return true;
}

void xlvs_machine_tick(struct xlvs_machine *machine, struct xlvs_time time)
{
	struct xlvs_service *service;

	xlvs_machine_retry(machine, time);
	if (machine->condition == XLVS_LD_STOPPING)
		return;
	TAILQ_FOREACH(service, &machine->services, link)
	{
		if (!service->conf)
			continue;
		for (size_t i = 0; i < service->n_servers; i++)
			tick_server(machine, &service->servers[i], time);
		xlvs_machine_want_fallback(machine, service, time);
	}
	if (machine->condition != XLVS_LD_RUNNING && everybody_is_decided(machine) &&
	    xlvs_machine_is_idle(machine))
		machine->condition = XLVS_LD_RUNNING;
}

const char *xlvs_server_state(const struct xlvs_server *server)
{
	if (server->maintenance)
		return "maintenance";
	if (server->up)
		return "up";
	if (server->slot.service->conf->checktype == XLVS_LD_OFF)
		return "off";
	return server->decided ? "down" : "unchecked";
}
