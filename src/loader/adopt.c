// SPDX-License-Identifier: GPL-2.0-or-later
/* From the maps back to the model. The service table says which services there are, their lists
 * which destinations they have and in which order; whatever else is in use is a deleted
 * destination's slot, or was being prepared when the former daemon was killed and is free. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "loader/locals.h"
#include "loader/marks.h"
#include "loader/settings.h"
#include "loader/state.h"
#include "pe/pe.h"
#include "scheduler/scheduler.h"

struct adoption {
	struct xlvs_loader *loader;
	struct xlvs_model *model;
	struct xlvs_error *reterr;
	bool *listed; /* [XLVS_DESTS_MAX] */
};

static int refuse(const struct adoption *adoption, int code, const char *what, uint32_t number)
{
	if (code == -ENOMEM)
		return xlvs_refuse(adoption->reterr, code, "out of memory");
	return xlvs_refuse(adoption->reterr, code,
			   "the running packet path's state is damaged: %s %u", what, number);
}

static int adopt_service(struct adoption *adoption, uint32_t slot)
{
	const struct xlvs_service *service = &adoption->loader->maps.services[slot];
	const char *scheduler, *pe = xlvs_pe_name(service->pe);
	struct xlvs_service_spec spec = {
		.key =
			{
				.family = service->family,
				.protocol = service->protocol,
				.port = service->port,
				.fwmark = service->fwmark,
			},
		.flags = service->flags,
		.flags_mask = ~0U,
		.timeout_sec = service->timeout_sec,
		.netmask = service->netmask,
	};
	int r;

	if (service->list >= XLVS_CHUNKS_MAX)
		return refuse(adoption, -EINVAL, "list", service->list);
	scheduler =
		xlvs_scheduler_name(adoption->loader->maps.chunks[service->list].head.scheduler);
	if (!scheduler || !pe)
		return refuse(adoption, -EINVAL, "service slot", slot);
	if (service->fwmark)
		spec.key.protocol = IPPROTO_TCP;
	else
		memcpy(spec.key.address.bytes, service->address, sizeof(service->address));
	snprintf(spec.scheduler, sizeof(spec.scheduler), "%s", scheduler);
	snprintf(spec.pe, sizeof(spec.pe), "%s", pe);
	r = xlvs_model_adopt_service(adoption->model, service->id, &spec);
	if (r < 0)
		return refuse(adoption, r, "service slot", slot);
	adoption->loader->slots.of_service[service->id] = slot;
	return 0;
}

static int adopt_services(struct adoption *adoption)
{
	struct xlvs_loader *loader = adoption->loader;

	for (uint32_t i = 0; i < XLVS_SERVICE_SLOTS; i++) {
		int r = 0;

		if (loader->maps.services[i].state == XLVS_SLOT_LIVE)
			r = adopt_service(adoption, i);
		if (r < 0)
			return r;
	}
	for (uint32_t i = 0; i < XLVS_SERVICE_SLOTS; i++) {
		if (loader->maps.services[i].state == XLVS_SLOT_DELETED)
			xlvs_slots_rested(&loader->slots, i);
	}
	return 0;
}

static int adopt_dest(struct adoption *adoption, uint32_t id,
		      const struct xlvs_model_service *service)
{
	const struct xlvs_dest *dest = &adoption->loader->maps.dests[id];
	struct xlvs_model_dest adopted = {
		.id = id,
		.service = service ? service->id : XLVS_NONE,
		.service_key = adoption->loader->private->dest_owners[id],
		.spec =
			{
				.key = {.family = dest->family, .port = dest->port},
				.method = dest->method,
				.weight = dest->weight,
				.upper_threshold = dest->upper_threshold,
				.lower_threshold = dest->lower_threshold,
				.tunnel_type = dest->tunnel_type,
				.tunnel_port = dest->tunnel_port,
				.tunnel_flags = dest->tunnel_flags,
				.toa_kind = dest->toa_kind,
				.mss = dest->mss,
			},
		.last_weight = dest->last_weight,
		.available = adoption->listed[id],
	};
	int r;

	memcpy(adopted.spec.key.address.bytes, dest->address, sizeof(dest->address));
	r = xlvs_model_adopt_dest(adoption->model, &adopted);
	return r < 0 ? refuse(adoption, r, "destination", id) : 0;
}

/* The published run of chunks that starts here, taken; NULL when there is none. */
static const union xlvs_chunk *take_list(struct xlvs_loader *loader, uint32_t first)
{
	const union xlvs_chunk *run;

	if (first >= XLVS_CHUNKS_MAX)
		return NULL;
	run = &loader->maps.chunks[first];
	if (run->head.magic != XLVS_LIST_MAGIC || run->head.n_dests > XLVS_DESTS_PER_SERVICE ||
	    run->head.n_chunks <= run->head.n_dests / XLVS_CELLS_PER_CHUNK ||
	    !xlvs_runs_take(&loader->chunks, first, run->head.n_chunks))
		return NULL;
	return run;
}

static int adopt_list(struct adoption *adoption, const struct xlvs_model_service *service)
{
	struct xlvs_loader *loader = adoption->loader;
	uint32_t first = loader->maps.services[loader->slots.of_service[service->id]].list;
	const union xlvs_chunk *run = take_list(loader, first);

	if (!run)
		return refuse(adoption, -EINVAL, "list", first);
	for (uint32_t i = 0; i < run->head.n_dests; i++) {
		const struct xlvs_cell *cell =
			&run[1 + i / XLVS_CELLS_PER_CHUNK].cells[i % XLVS_CELLS_PER_CHUNK];
		int r;

		if (cell->dest >= XLVS_DESTS_MAX || adoption->listed[cell->dest] ||
		    loader->maps.dests[cell->dest].service != service->id)
			return refuse(adoption, -EINVAL, "list", first);
		adoption->listed[cell->dest] = true;
		r = adopt_dest(adoption, cell->dest, service);
		if (r < 0)
			return r;
	}
	return 0;
}

static int adopt_lists(struct adoption *adoption)
{
	const struct xlvs_model_service *service = xlvs_model_next_service(adoption->model, 0);

	for (; service; service = xlvs_model_next_service(adoption->model, service->id + 1)) {
		uint32_t id = service->id;
		int r = adopt_list(adoption, service);

		if (r == 0 && xlvs_locals_adopt(adoption->loader, adoption->model, id))
			r = refuse(adoption, -EINVAL, "local addresses of service", id);
		if (r < 0)
			return r;
	}
	for (uint32_t i = 0; i < XLVS_CHUNKS_MAX; i++) {
		if (!adoption->loader->chunks.taken[i])
			adoption->loader->maps.chunks[i].head.magic = 0;
	}
	return 0;
}

static int adopt_trash(struct adoption *adoption)
{
	for (uint32_t i = 0; i < XLVS_DESTS_MAX; i++) {
		const struct xlvs_dest *dest = &adoption->loader->maps.dests[i];
		int r;

		if (!(dest->flags & XLVS_DEST_USED) || adoption->listed[i])
			continue;
		r = adopt_dest(adoption, i, xlvs_model_service(adoption->model, dest->service));
		if (r < 0)
			return r;
	}
	return 0;
}

static void adopt_nexthops(struct xlvs_loader *loader)
{
	for (uint32_t i = 0; i < XLVS_DESTS_MAX; i++) {
		struct xlvs_dest *dest = &loader->maps.dests[i];

		if (dest->flags & XLVS_DEST_USED && dest->nexthop &&
		    !xlvs_runs_take(&loader->nexthops, dest->nexthop, 1))
			__atomic_store_n(&dest->nexthop, 0, __ATOMIC_RELEASE);
	}
	for (uint32_t i = 0; i < XLVS_NEXTHOPS_MAX; i++) {
		if (!loader->nexthops.taken[i])
			loader->maps.nexthops[i].state = XLVS_NEXTHOP_FREE;
	}
}

static int adopt(struct adoption *adoption)
{
	struct xlvs_loader *loader = adoption->loader;
	struct xlvs_timeouts timeouts;
	uint32_t number;
	int r;

	if (xlvs_journal_replay(&loader->journal))
		return refuse(adoption, -EINVAL, "journal of words",
			      loader->private->journal_words);
	xlvs_loader_tell_lookups(loader);
	/* What the former daemon had only just left may still be read. */
	xlvs_grace_wait();

	r = adopt_services(adoption);
	if (r == 0 && xlvs_marks_adopt(loader, adoption->model, &number))
		return refuse(adoption, -EINVAL, "mark rules at", number);
	if (r == 0)
		r = adopt_lists(adoption);
	if (r == 0)
		r = adopt_trash(adoption);
	if (r < 0)
		return r;
	if (xlvs_model_adopt_settings(adoption->model, loader->maps.runtime->settings,
				      loader->maps.runtime->drop_rate))
		return refuse(adoption, -EINVAL, "settings of layout", XLVS_LAYOUT);
	adopt_nexthops(loader);
	xlvs_settings_timeouts(loader->maps.runtime, &timeouts);
	xlvs_model_adopt_timeouts(adoption->model, &timeouts);
	return 0;
}

int xlvs_loader_adopt(struct xlvs_loader *loader, struct xlvs_model *model,
		      struct xlvs_error *reterr)
{
	struct adoption adoption = {
		.loader = loader,
		.model = model,
		.reterr = reterr,
		.listed = calloc(XLVS_DESTS_MAX, sizeof(bool)),
	};
	int r = adoption.listed ? adopt(&adoption) : refuse(&adoption, -ENOMEM, NULL, 0);

	free(adoption.listed);
	return r;
}
