// SPDX-License-Identifier: GPL-2.0-or-later
/* Services: add, edit, delete, flush. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "abi/limits.h"
#include "model/plan.h"
#include "model/refuse.h"
#include "model/service.h"
#include "model/state.h"
#include "pe/pe.h"

int xlvs_service_check(const struct xlvs_service_spec *spec, struct xlvs_error *reterr)
{
	int scheduler = xlvs_scheduler_find(spec->scheduler);

	if (scheduler < 0)
		return xlvs_refuse(reterr, -ENOENT, "no scheduler \"%s\"", spec->scheduler);
	if (xlvs_pe_find(spec->pe) < 0)
		return xlvs_refuse(reterr, -ENOENT, "no persistence engine \"%s\"", spec->pe);
	if (spec->key.family == AF_INET6 && (spec->netmask < 1 || spec->netmask > 128))
		return xlvs_refuse(reterr, -EINVAL, "an IPv6 prefix length is 1 to 128, not %u",
				   spec->netmask);
	if (spec->flags & XLVS_SERVICE_PERSISTENT && spec->timeout_sec > XLVS_TIMEOUT_MAX_SEC)
		return xlvs_refuse(reterr, -EINVAL, "a client is remembered for 31 days at most");
	return scheduler;
}

static void plan_service(struct xlvs_plan *plan, enum xlvs_op_kind kind, uint32_t service,
			 enum xlvs_schedule_change change)
{
	struct xlvs_op op = {
		.kind = kind,
		.service = service,
		.dest = XLVS_NONE,
		.change = change,
	};

	xlvs_plan_add(plan, op);
}

int xlvs_model_add_service(struct xlvs_model *model, const struct xlvs_service_spec *spec,
			   struct xlvs_plan *plan, struct xlvs_error *reterr)
{
	struct xlvs_service_spec added = *spec;
	struct xlvs_service_entry *existing;
	int scheduler, r;
	uint32_t id;

	r = xlvs_service_entry_get(model, &spec->key, &existing, NULL);
	if (r == 0)
		return xlvs_refuse(reterr, -EEXIST, "the service exists already");
	if (r != -ESRCH)
		return xlvs_refuse(reterr, r, "address family %u of the service", spec->key.family);
	scheduler = xlvs_service_check(spec, reterr);
	if (scheduler < 0)
		return scheduler;
	added.flags &= spec->flags_mask & ~(uint32_t)XLVS_SERVICE_HASHED;
	r = xlvs_refuse_service(&added, reterr);
	if (r < 0)
		return r;
	id = xlvs_ids_next(&model->service_ids);
	if (id == XLVS_NONE)
		return xlvs_refuse(reterr, -ENOSPC, "a director has at most %d services",
				   XLVS_SERVICES_MAX);

	r = xlvs_plan_reserve(plan, 2);
	if (r == 0)
		r = xlvs_service_entry_new(model, id, &added, (uint16_t)scheduler);
	if (r < 0)
		return r;
	plan_service(plan, XLVS_OP_SCHEDULE, id, XLVS_SCHEDULE_BIND);
	plan_service(plan, XLVS_OP_SERVICE_PUT, id, XLVS_SCHEDULE_BIND);
	return 0;
}

/* As if the destinations were added now. */
static int refuse_dests(const struct xlvs_model *model, const struct xlvs_model_service *service,
			const struct xlvs_service_spec *spec, struct xlvs_error *reterr)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < service->n_dests; i++)
		r = xlvs_refuse_dest(spec, &model->dests[service->dests[i]]->dest.spec, reterr);
	return r;
}

int xlvs_model_edit_service(struct xlvs_model *model, const struct xlvs_service_spec *spec,
			    struct xlvs_plan *plan, struct xlvs_error *reterr)
{
	struct xlvs_service_spec edited = *spec;
	enum xlvs_schedule_change change;
	struct xlvs_service_entry *entry;
	int scheduler, r;

	r = xlvs_service_entry_get(model, &spec->key, &entry, reterr);
	if (r < 0)
		return r;
	scheduler = xlvs_service_check(spec, reterr);
	if (scheduler < 0)
		return scheduler;
	edited.flags =
		(entry->service.spec.flags & ~spec->flags_mask) | (spec->flags & spec->flags_mask);
	edited.flags &= ~(uint32_t)XLVS_SERVICE_HASHED;
	r = xlvs_refuse_service(&edited, reterr);
	if (r == 0)
		r = refuse_dests(model, &entry->service, &edited, reterr);
	if (r == 0)
		r = xlvs_plan_reserve(plan, 2);
	if (r < 0)
		return r;

	change = scheduler == entry->service.scheduler ? XLVS_SCHEDULE_KEPT : XLVS_SCHEDULE_BIND;
	edited.flags |= XLVS_SERVICE_HASHED;
	edited.flags_mask = ~0U;
	entry->service.spec = edited;
	entry->service.scheduler = (uint16_t)scheduler;
	plan_service(plan, XLVS_OP_SCHEDULE, entry->service.id, change);
	plan_service(plan, XLVS_OP_SERVICE_PUT, entry->service.id, change);
	return 0;
}

/* Operations a deletion adds to the plan. */
static size_t deletion_ops(const struct xlvs_service_entry *entry)
{
	return 1 + (size_t)entry->service.n_dests + entry->n_trash;
}

static void leave_behind(struct xlvs_dest_entry *entry, struct xlvs_plan *plan)
{
	entry->dest.available = false;
	entry->dest.service = XLVS_NONE;
	xlvs_plan_add(plan, (struct xlvs_op){
				    .kind = XLVS_OP_DEST_DELETE,
				    .service = XLVS_NONE,
				    .dest = entry->dest.id,
			    });
}

static void delete_service(struct xlvs_model *model, struct xlvs_service_entry *entry,
			   struct xlvs_plan *plan)
{
	struct xlvs_model_service *service = &entry->service;

	plan_service(plan, XLVS_OP_SERVICE_DELETE, service->id, XLVS_SCHEDULE_BIND);
	for (uint32_t i = 0; i < service->n_dests; i++)
		leave_behind(model->dests[service->dests[i]], plan);
	for (struct xlvs_dest_entry *dest = entry->trash; dest; dest = dest->trash_next)
		leave_behind(dest, plan);

	xlvs_table_remove(&model->service_keys, &entry->node);
	xlvs_model_count(model, &service->spec.key, -1);
	model->services[service->id] = NULL;
	xlvs_ids_give(&model->service_ids, service->id);
	xlvs_service_entry_free(entry);
}

int xlvs_model_delete_service(struct xlvs_model *model, const struct xlvs_service_key *key,
			      struct xlvs_plan *plan, struct xlvs_error *reterr)
{
	struct xlvs_service_entry *entry;
	int r;

	r = xlvs_service_entry_get(model, key, &entry, reterr);
	if (r == 0)
		r = xlvs_plan_reserve(plan, deletion_ops(entry));
	if (r < 0)
		return r;
	delete_service(model, entry, plan);
	return 0;
}

int xlvs_model_flush(struct xlvs_model *model, struct xlvs_plan *plan)
{
	uint32_t high = model->service_ids.high;
	size_t n_ops = 0;
	int r;

	for (uint32_t id = 0; id < high; id++)
		n_ops += model->services[id] ? deletion_ops(model->services[id]) : 0;
	r = xlvs_plan_reserve(plan, n_ops);
	if (r < 0)
		return r;
	for (uint32_t id = 0; id < high; id++) {
		if (model->services[id])
			delete_service(model, model->services[id], plan);
	}
	return 0;
}
