// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/listing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PER_PORTION 64

int xlvs_listing_service(const struct xlvs_director *director,
			 const struct xlvs_model_service *service, struct xlvs_reply *reply)
{
	struct xlvs_service_info info = {.spec = service->spec};

	/* As the kernel reports its own. */
	info.spec.flags |= XLVS_SERVICE_HASHED;
	info.spec.flags_mask = ~0U;
	xlvs_loader_service_counters(director->loader, director->model, service->id,
				     &info.stats.total);
	xlvs_rate_show(xlvs_estimator_service(director->estimator, service->id), &info.stats);
	return xlvs_reply_service(reply, &info);
}

static int list_dest(const struct xlvs_director *director, const struct xlvs_model_dest *dest,
		     struct xlvs_reply *reply)
{
	const volatile struct xlvs_dest *slot =
		&xlvs_loader_maps(director->loader)->dests[dest->id];
	struct xlvs_dest_info info = {
		.spec = dest->spec,
		.active = slot->active,
		.inactive = slot->inactive,
		.persistent = slot->persistent,
	};

	xlvs_loader_dest_counters(director->loader, dest->id, &info.stats.total);
	xlvs_rate_show(xlvs_estimator_dest(director->estimator, dest->id), &info.stats);
	return xlvs_reply_dest(reply, &info);
}

struct service_cursor {
	const struct xlvs_director *director;
	uint32_t next;
};

static int next_services(void *context, struct xlvs_reply *reply)
{
	struct service_cursor *cursor = context;

	for (int i = 0; i < PER_PORTION; i++) {
		const struct xlvs_model_service *service =
			xlvs_model_next_service(cursor->director->model, cursor->next);
		int r;

		if (!service)
			return 0;
		r = xlvs_listing_service(cursor->director, service, reply);
		if (r < 0)
			return r;
		cursor->next = service->id + 1;
	}
	return 1;
}

int xlvs_listing_services(const struct xlvs_director *director, struct xlvs_reply *reply)
{
	struct service_cursor *cursor = calloc(1, sizeof(*cursor));

	if (!cursor)
		return -ENOMEM;
	cursor->director = director;
	xlvs_reply_dump(reply, &(struct xlvs_dump){
				       .next = next_services,
				       .free = free,
				       .cursor = cursor,
			       });
	return 0;
}

/* Places in a service's list shift when it changes, so the ids are copied. */
struct dest_cursor {
	const struct xlvs_director *director;
	uint64_t service_serial;
	uint32_t next;
	uint32_t n_dests;
	uint32_t dests[];
};

static int next_dests(void *context, struct xlvs_reply *reply)
{
	struct dest_cursor *cursor = context;

	for (int i = 0; i < PER_PORTION && cursor->next < cursor->n_dests; i++) {
		const struct xlvs_model_dest *dest =
			xlvs_model_dest(cursor->director->model, cursor->dests[cursor->next++]);
		int r = 0;

		if (dest && dest->available && dest->service_serial == cursor->service_serial)
			r = list_dest(cursor->director, dest, reply);
		if (r < 0)
			return r;
	}
	return cursor->next < cursor->n_dests;
}

int xlvs_listing_dests(const struct xlvs_director *director,
		       const struct xlvs_model_service *service, struct xlvs_reply *reply)
{
	struct dest_cursor *cursor =
		calloc(1, sizeof(*cursor) + service->n_dests * sizeof(cursor->dests[0]));

	if (!cursor)
		return -ENOMEM;
	cursor->director = director;
	cursor->service_serial = service->serial;
	cursor->n_dests = service->n_dests;
	if (service->n_dests)
		memcpy(cursor->dests, service->dests, service->n_dests * sizeof(cursor->dests[0]));
	xlvs_reply_dump(reply, &(struct xlvs_dump){
				       .next = next_dests,
				       .free = free,
				       .cursor = cursor,
			       });
	return 0;
}
