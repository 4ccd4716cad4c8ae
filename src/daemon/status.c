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

/* The attached ones, and those that packets to destinations leave by all the same. */
static json_t *interfaces(const struct xlvs_director *director)
{
	const struct xlvs_interface *interface =
		xlvs_interfaces_first(xlvs_network_interfaces(director->network));
	json_t *array = json_array();

	for (; interface; interface = interface->next) {
		const char *mode = interface->native ? "native" : "generic";

		if (!interface->attached && !interface->complained)
			continue;
		json_array_append_new(array, json_pack("{s:s, s:i, s:b, s:s*}", "name",
						       interface->link.name, "ifindex",
						       (int)interface->link.ifindex, "attached",
						       (int)interface->attached, "mode",
						       interface->attached ? mode : NULL));
	}
	return array;
}

static json_t *services(const struct xlvs_director *director)
{
	return json_pack("{s:i, s:i}", "ipv4",
			 (int)xlvs_model_n_services(director->model, AF_INET), "ipv6",
			 (int)xlvs_model_n_services(director->model, AF_INET6));
}

static json_t *destinations(const struct xlvs_director *director)
{
	struct xlvs_nexthop_counts counts =
		xlvs_nexthops_count(xlvs_network_nexthops(director->network));
	const struct xlvs_model_dest *dest;
	int available = 0, deleted = 0;

	for (dest = xlvs_model_next_dest(director->model, 0); dest;
	     dest = xlvs_model_next_dest(director->model, dest->id + 1)) {
		available += dest->available;
		deleted += !dest->available;
	}
	return json_pack("{s:i, s:i, s:i, s:i}", "available", available, "deleted", deleted,
			 "addresses", (int)counts.addresses, "addresses_resolved",
			 (int)counts.resolved);
}

static json_t *connections(const struct xlvs_director *director)
{
	struct xlvs_watch_sample sample = xlvs_watch_take_sample(director->loader);
	const struct xlvs_loader *loader = director->loader;

	return json_pack("{s:I, s:I, s:i, s:I, s:I, s:I, s:I}", "capacity",
			 (json_int_t)sample.record_limit, "records", (json_int_t)sample.records,
			 "fill_percent", (int)xlvs_watch_fill_percent(&sample), "unproven",
			 (json_int_t)sample.unproven, "insert_failed",
			 (json_int_t)xlvs_loader_reason(loader, XLVS_EVENT_INSERT_FAILED),
			 "displaced", (json_int_t)xlvs_loader_reason(loader, XLVS_EVENT_DISPLACED),
			 "without_room", (json_int_t)sample.failed);
}

static json_t *expiry(const struct xlvs_director *director)
{
	struct xlvs_watch_sample sample = xlvs_watch_take_sample(director->loader);

	return json_pack("{s:b, s:I}", "alive",
			 (int)xlvs_watch_expiry_is_alive(&director->watch), "sweeps",
			 (json_int_t)sample.sweeps);
}

int xlvs_status_document(const struct xlvs_director *director, char **ret_document)
{
	return to_text(json_pack("{s:s, s:I, s:b, s:o, s:o, s:o, s:o, s:o}", "version",
				 XLVS_VERSION, "uptime_sec",
				 (json_int_t)(xlvs_now_sec() - director->started_sec), "adopted",
				 (int)director->adopted, "interfaces", interfaces(director),
				 "services", services(director), "destinations",
				 destinations(director), "connections", connections(director),
				 "expiry", expiry(director)),
		       ret_document);
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

	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			array, json_pack("{s:s, s:I, s:s}", "name", reasons[i].name, "count",
					 (json_int_t)xlvs_loader_reason(loader, reasons[i].number),
					 "meaning", reasons[i].meaning));
	return array;
}

int xlvs_drops_document(const struct xlvs_loader *loader, char **ret_document)
{
	return to_text(json_pack("{s:o, s:o}", "drops",
				 counted(loader, drops, sizeof(drops) / sizeof(drops[0])),
				 "events",
				 counted(loader, events, sizeof(events) / sizeof(events[0]))),
		       ret_document);
}
