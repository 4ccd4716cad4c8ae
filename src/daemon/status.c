// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/status.h"

#include "daemon/clock.h"

#include <errno.h>
#include <jansson.h>
#include <sys/socket.h>

static int to_text(json_t *document, char **ret_document)
{
	char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;

	json_decref(document);
	if (!text)
		return -ENOMEM;
	*ret_document = text;
	return 0;
}

static void put_number(json_t *object, const char *name, uint64_t number)
{
	json_object_set_new(object, name, json_integer((json_int_t)number));
}

static void put_text(json_t *object, const char *name, const char *text)
{
	json_object_set_new(object, name, json_string(text));
}

static void put_bool(json_t *object, const char *name, bool is_so)
{
	json_object_set_new(object, name, json_boolean(is_so));
}

/* The attached ones, and those that packets to destinations leave by all the same. */
static json_t *interfaces(const struct xlvs_director *director)
{
	const struct xlvs_interface *interface =
		xlvs_interfaces_first(xlvs_network_interfaces(director->network));
	json_t *array = json_array();

	for (; interface; interface = interface->next) {
		json_t *object;

		if (!interface->attached && !interface->complained)
			continue;
		object = json_object();
		put_text(object, "name", interface->link.name);
		put_number(object, "ifindex", interface->link.ifindex);
		put_bool(object, "attached", interface->attached);
		if (interface->attached) {
			put_text(object, "mode", interface->native ? "native" : "generic");
			put_text(object, "sends", interface->by_detour ? "by detour" : "directly");
		}
		json_array_append_new(array, object);
	}
	return array;
}

static json_t *services(const struct xlvs_director *director)
{
	json_t *object = json_object();

	put_number(object, "ipv4", xlvs_model_n_services(director->model, AF_INET));
	put_number(object, "ipv6", xlvs_model_n_services(director->model, AF_INET6));
	return object;
}

static json_t *destinations(const struct xlvs_director *director)
{
	struct xlvs_nexthop_counts counts =
		xlvs_nexthops_count(xlvs_network_nexthops(director->network));
	const struct xlvs_model_dest *dest;
	json_t *object = json_object();
	uint32_t available = 0, deleted = 0;

	for (dest = xlvs_model_next_dest(director->model, 0); dest;
	     dest = xlvs_model_next_dest(director->model, dest->id + 1)) {
		available += dest->available;
		deleted += !dest->available;
	}
	put_number(object, "available", available);
	put_number(object, "deleted", deleted);
	put_number(object, "addresses", counts.addresses);
	put_number(object, "addresses_resolved", counts.resolved);
	return object;
}

static json_t *connections(const struct xlvs_director *director)
{
	struct xlvs_watch_sample sample = xlvs_watch_take_sample(director->loader);
	const struct xlvs_loader *loader = director->loader;
	json_t *object = json_object();

	put_number(object, "capacity", sample.record_limit);
	put_number(object, "records", sample.records);
	put_number(object, "fill_percent", xlvs_watch_fill_percent(&sample));
	put_number(object, "unproven", sample.unproven);
	put_number(object, "insert_failed", xlvs_loader_reason(loader, XLVS_EVENT_INSERT_FAILED));
	put_number(object, "displaced", xlvs_loader_reason(loader, XLVS_EVENT_DISPLACED));
	put_number(object, "without_room", sample.failed);
	return object;
}

static json_t *expiry(const struct xlvs_director *director)
{
	json_t *object = json_object();

	put_bool(object, "alive", xlvs_watch_expiry_is_alive(&director->watch));
	put_number(object, "sweeps", xlvs_watch_take_sample(director->loader).sweeps);
	return object;
}

int xlvs_status_document(const struct xlvs_director *director, char **ret_document)
{
	json_t *object = json_object();

	put_text(object, "version", XLVS_VERSION);
	put_number(object, "uptime_sec", xlvs_now_sec() - director->started_sec);
	put_bool(object, "adopted", director->adopted);
	json_object_set_new(object, "interfaces", interfaces(director));
	json_object_set_new(object, "services", services(director));
	json_object_set_new(object, "destinations", destinations(director));
	json_object_set_new(object, "connections", connections(director));
	json_object_set_new(object, "expiry", expiry(director));
	return to_text(object, ret_document);
}

struct reason {
	uint32_t number;
	const char *name;
	const char *meaning;
};

static const struct reason drops[] = {
#define REASON(symbol, name, text) {XLVS_DROP_##symbol, name, text},
	XLVS_DROPS(REASON)
#undef REASON
};

static const struct reason events[] = {
#define REASON(symbol, name, text) {XLVS_EVENT_##symbol, name, text},
	XLVS_EVENTS(REASON)
#undef REASON
};

static json_t *counted(const struct xlvs_loader *loader, const struct reason *reasons, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *object = json_object();

		put_text(object, "name", reasons[i].name);
		put_number(object, "count", xlvs_loader_reason(loader, reasons[i].number));
		put_text(object, "meaning", reasons[i].meaning);
		json_array_append_new(array, object);
	}
	return array;
}

int xlvs_drops_document(const struct xlvs_loader *loader, char **ret_document)
{
	json_t *object = json_object();

	json_object_set_new(object, "drops",
			    counted(loader, drops, sizeof(drops) / sizeof(drops[0])));
	json_object_set_new(object, "events",
			    counted(loader, events, sizeof(events) / sizeof(events[0])));
	return to_text(object, ret_document);
}
