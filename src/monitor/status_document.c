// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/status.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* So many are exact, to the microsecond for any latency there can be. */
#define LATENCY_DIGITS 12

const char *xlvs_ld_condition_name(enum xlvs_ld_condition condition)
{
	switch (condition) {
	case XLVS_LD_STARTING:
		return "starting";
	case XLVS_LD_STOPPING:
		return "stopping";
	case XLVS_LD_RELOADING:
		return "reloading";
	case XLVS_LD_RUNNING:
	case XLVS_LD_ALWAYS:
		break;
	}
	return "running";
}

static json_t *time_text(uint64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char day[32], text[48];
	struct tm utc;

	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &utc));
	snprintf(text, sizeof(text), "%s.%03uZ", day, (unsigned int)(wall_ms % 1000));
	return json_string(text);
}

/* What a server says may be anything; JSON is UTF-8. */
static json_t *text_or_bytes(const char *text)
{
	json_t *string = json_string(text);
	char ascii[XLVS_RESULT_TEXT_BYTES];
	size_t i;

	if (string)
		return string;
	for (i = 0; text[i] && i + 1 < sizeof(ascii); i++)
		ascii[i] = (unsigned char)text[i] < 0x80 ? text[i] : '?';
	ascii[i] = '\0';
	return json_string(ascii);
}

static json_t *slot_object(const struct xlvs_slot *slot)
{
	json_t *object = json_object();

	json_object_set_new(object, "server", json_string(slot->name));
	json_object_set_new(object, "in_table", json_boolean(slot->believed.present));
	if (slot->believed.present)
		json_object_set_new(object, "weight", json_integer(slot->believed.weight));
	if (slot->place == XLVS_PLACE_REFUSED)
		json_object_set_new(object, "refused", json_string(slot->refusal));
	return object;
}

static json_t *server_object(const struct xlvs_server *server)
{
	json_t *object = slot_object(&server->slot);
	json_t *result;

	json_object_set_new(object, "state", json_string(xlvs_server_state(server)));
	json_object_set_new(object, "since", time_text(server->since_ms));
	if (server->adopted)
		json_object_set_new(object, "found_in_table", json_true());
	if (server->failures)
		json_object_set_new(object, "failures", json_integer(server->failures));
	if (!server->has_result)
		return object;
	result = json_object();
	json_object_set_new(result, "up", json_boolean(server->last_up));
	json_object_set_new(result, "at", time_text(server->result_ms));
	json_object_set_new(result, "text", text_or_bytes(server->text));
	json_object_set_new(result, "latency_ms", json_real((double)server->latency_us / 1000));
	json_object_set_new(object, "last_result", result);
	return object;
}

static json_t *service_object(const struct xlvs_service *service)
{
	json_t *object = json_object();
	json_t *servers = json_array();

	json_object_set_new(object, "service", json_string(service->conf->id));
	json_object_set_new(object, "in_table", json_boolean(service->slot.believed.present));
	if (service->slot.place == XLVS_PLACE_REFUSED)
		json_object_set_new(object, "refused", json_string(service->slot.refusal));
	json_object_set_new(object, "check",
			    json_string(xlvs_ld_checktype_name(service->conf->checktype)));
	json_object_set_new(object, "up", json_integer((json_int_t)service->n_up));
	for (size_t i = 0; i < service->n_servers; i++)
		json_array_append_new(servers, server_object(&service->servers[i]));
	json_object_set_new(object, "servers", servers);
	if (service->fallback)
		json_object_set_new(object, "fallback", slot_object(service->fallback));
	return object;
}

char *xlvs_ld_status_document(const struct xlvs_ld_status_facts *facts)
{
	json_t *document = json_object();
	json_t *services = json_array();
	const struct xlvs_service *service;
	char *text;

	json_object_set_new(document, "configuration", text_or_bytes(facts->file));
	json_object_set_new(
		document, "condition",
		json_string(xlvs_ld_condition_name(xlvs_machine_condition(facts->machine))));
	json_object_set_new(document, "director",
			    json_string(facts->connected ? "connected" : "not connected"));
	TAILQ_FOREACH(service, xlvs_machine_services(facts->machine), link)
	if (service->conf)
		json_array_append_new(services, service_object(service));
	json_object_set_new(document, "services", services);
	text = json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(LATENCY_DIGITS));
	json_decref(document);
	return text;
}
