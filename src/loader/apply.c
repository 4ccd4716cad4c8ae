// SPDX-License-Identifier: GPL-2.0-or-later
/* From a plan to the maps, as one transaction of the journal. Each operation first writes what no
 * packet can see yet (a new list, an unused slot), then enters into the journal the stores that
 * make it visible. Only when all operations have found room is anything carried out. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "loader/chunks.h"
#include "loader/counters.h"
#include "loader/locals.h"
#include "loader/marks.h"
#include "loader/settings.h"
#include "loader/state.h"
#include "pe/pe.h"
#include "scheduler/scheduler.h"

enum {
	SLOTS_RESTING_MAX = 1024, /* tombstones that lengthen searches */
	ITEMS_PER_OP = 3,
};

struct work {
	struct xlvs_loader *loader;
	const struct xlvs_model *model;
	struct xlvs_error *reterr;
	uint32_t new_list; /* of a service whose slot is yet to be written */
};

/* Folded as the kernel does: by the service's family, whatever the destination's. */
static struct xlvs_schedule_dest schedule_dest(const struct xlvs_model_service *service,
					       const struct xlvs_model_dest *dest)
{
	__be32 words[4];

	memcpy(words, dest->spec.key.address.bytes, sizeof(words));
	if (service->spec.key.family == AF_INET6)
		words[0] ^= words[1] ^ words[2] ^ words[3];
	return (struct xlvs_schedule_dest){
		.address = ntohl(words[0]),
		.last_weight = dest->last_weight,
		.port = ntohs(dest->spec.key.port),
	};
}

static void write_cells(const struct work *work, const struct xlvs_model_service *service,
			union xlvs_chunk *run)
{
	for (uint32_t i = 0; i < service->n_dests; i++) {
		const struct xlvs_model_dest *dest =
			xlvs_model_dest(work->model, service->dests[i]);

		run[1 + i / XLVS_CELLS_PER_CHUNK].cells[i % XLVS_CELLS_PER_CHUNK] =
			(struct xlvs_cell){.dest = dest->id, .weight = dest->spec.weight};
		work->loader->schedule_dests[i] = schedule_dest(service, dest);
	}
}

static int schedule(struct work *work, const struct xlvs_op *op)
{
	const struct xlvs_model_service *service = xlvs_model_service(work->model, op->service);
	struct xlvs_loader *loader = work->loader;
	uint32_t n_slots = xlvs_scheduler_slots(service->scheduler, loader->mh_slots);
	uint32_t n_chunks = xlvs_schedule_chunks(service->n_dests, n_slots);
	uint32_t n_cells = (service->n_dests + XLVS_CELLS_PER_CHUNK - 1) / XLVS_CELLS_PER_CHUNK;
	uint32_t slot = loader->slots.of_service[op->service];
	struct xlvs_schedule schedule = {.dests = loader->schedule_dests, .change = op->change};
	uint32_t *published = NULL;
	uint32_t first;

	if (service->scheduler == XLVS_SCHEDULER_mh && op->change == XLVS_SCHEDULE_BIND &&
	    service->n_dests > n_slots)
		return xlvs_refuse(work->reterr, -EINVAL,
				   "scheduler mh has a table of %u slots, the service %u "
				   "destinations",
				   n_slots, service->n_dests);
	first = xlvs_chunks_take(loader, n_chunks, "a scheduling list", work->reterr);
	if (first == XLVS_NONE)
		return -ENOSPC;
	if (slot != XLVS_NONE) {
		published = &loader->maps.services[slot].list;
		schedule.old = &loader->maps.chunks[*published];
		xlvs_chunks_leave(loader, *published);
	}
	schedule.chunks = &loader->maps.chunks[first];
	if (op->change == XLVS_SCHEDULE_BIND &&
	    getrandom(&schedule.binding, sizeof(schedule.binding), 0) != sizeof(schedule.binding))
		return xlvs_refuse(work->reterr, -EIO, "the kernel has no random numbers");
	memset(schedule.chunks, 0, n_chunks * sizeof(union xlvs_chunk));
	schedule.chunks->head = (struct xlvs_list_head){
		.magic = XLVS_LIST_MAGIC,
		.n_chunks = n_chunks,
		.service = service->id,
		.n_dests = service->n_dests,
		.scheduler = service->scheduler,
		.flags = (__u16)service->spec.flags,
		.table = n_slots ? 1 + n_cells : 0,
		.n_slots = n_slots,
	};
	write_cells(work, service, schedule.chunks);
	xlvs_scheduler_build(&schedule);
	if (published)
		return xlvs_journal_store(&loader->journal, published, first);
	work->new_list = first;
	return 0;
}

static uint32_t *n_services(const struct xlvs_loader *loader, uint16_t family)
{
	struct xlvs_runtime *runtime = loader->maps.runtime;

	return family == AF_INET ? &runtime->n_services4 : &runtime->n_services6;
}

static int count_services(struct work *work, uint16_t family)
{
	struct xlvs_journal *journal = &work->loader->journal;
	int r = xlvs_journal_store(journal, n_services(work->loader, family),
				   xlvs_model_n_services(work->model, family));

	return r < 0 ? r
		     : xlvs_journal_store(journal, &work->loader->maps.runtime->lookups,
					  xlvs_model_lookups(work->model));
}

static struct xlvs_service slot_content(const struct xlvs_model_service *service)
{
	const struct xlvs_service_key *key = &service->spec.key;
	struct xlvs_service content = {
		.fwmark = key->fwmark,
		.port = key->port,
		.protocol = (__u8)key->protocol,
		.family = (__u8)key->family,
		.list = XLVS_NONE,
		.pe = (__u8)xlvs_pe_find(service->spec.pe),
		.flags = (__u16)service->spec.flags,
		.timeout_sec = service->spec.timeout_sec,
		.netmask = service->spec.netmask,
		.id = service->id,
	};

	memcpy(content.address, key->address.bytes, sizeof(content.address));
	if (key->fwmark) {
		content.address[0] = htonl(key->fwmark);
		content.protocol = 0;
	}
	return content;
}

static int put_new_service(struct work *work, struct xlvs_service content)
{
	struct xlvs_loader *loader = work->loader;
	uint32_t slot = xlvs_slots_place(&loader->slots, &content);
	struct xlvs_service *service;
	int r;

	if (slot == XLVS_NONE && xlvs_grace_reclaim(loader))
		slot = xlvs_slots_place(&loader->slots, &content);
	if (slot == XLVS_NONE)
		return xlvs_refuse(work->reterr, -ENOSPC,
				   "no room in the service table near this service's place");
	loader->slots.resting[slot] = true;
	xlvs_items_add(&loader->taken, (struct xlvs_item){XLVS_ITEM_SLOT, slot, content.id});

	loader->maps.service_ledger[content.id] = (struct xlvs_ledger){};
	service = &loader->maps.services[slot];
	content.state = service->state;
	content.list = work->new_list;
	*service = content;
	r = xlvs_journal_store(&loader->journal, &service->state, XLVS_SLOT_LIVE);
	return r < 0 ? r : count_services(work, content.family);
}

static int put_service(struct work *work, const struct xlvs_op *op)
{
	const struct xlvs_model_service *service = xlvs_model_service(work->model, op->service);
	struct xlvs_service content = slot_content(service);
	uint32_t slot = work->loader->slots.of_service[op->service];
	struct xlvs_service *written;

	if (slot == XLVS_NONE)
		return put_new_service(work, content);
	written = &work->loader->maps.services[slot];
	return xlvs_journal_write(&work->loader->journal, &written->pe, &content.pe,
				  offsetof(struct xlvs_service, id) -
					  offsetof(struct xlvs_service, pe));
}

static int delete_service(struct work *work, const struct xlvs_op *op)
{
	struct xlvs_loader *loader = work->loader;
	uint32_t slot = loader->slots.of_service[op->service];
	struct xlvs_service *service = &loader->maps.services[slot];
	int r;

	xlvs_items_add(&loader->left, (struct xlvs_item){XLVS_ITEM_SLOT, slot, op->service});
	xlvs_chunks_leave(loader, service->list);
	if (service->locals)
		xlvs_chunks_leave(loader, service->locals);
	r = count_services(work, service->family);
	return r < 0 ? r : xlvs_journal_store(&loader->journal, &service->state, XLVS_SLOT_DELETED);
}

/* A threshold that is raised or taken away ends an overload, as in the kernel. */
static int relieve(struct work *work, struct xlvs_dest *slot, uint32_t upper_threshold)
{
	if (upper_threshold && upper_threshold <= slot->upper_threshold)
		return 0;
	return xlvs_journal_store(&work->loader->journal, &slot->overloaded, 0);
}

/* A destination's counters enter or leave what its service carries. */
static int carry(struct work *work, uint32_t dest, uint32_t service, bool enters)
{
	struct xlvs_ledger *ledger = &work->loader->maps.service_ledger[service];
	__u64 counts[XLVS_COUNTS], carried[XLVS_COUNTS];

	xlvs_counters_counted(&work->loader->maps, dest, counts);
	for (int i = 0; i < XLVS_COUNTS; i++)
		carried[i] = ledger->carried[i] + (enters ? counts[i] : -counts[i]);
	return xlvs_journal_write(&work->loader->journal, ledger->carried, carried,
				  sizeof(carried));
}

static __u8 outer_of(const struct xlvs_dest_spec *spec)
{
	if (spec->tunnel_type != XLVS_TUNNEL_IPIP)
		return XLVS_OUTER_SHIM;
	return spec->key.family == AF_INET ? XLVS_OUTER_IPV4 : XLVS_OUTER_IPV6;
}

/* The first cache line of a destination's slot. */
static struct xlvs_dest dest_content(const struct xlvs_model_dest *dest,
				     const struct xlvs_dest *former)
{
	const struct xlvs_dest_spec *spec = &dest->spec;
	struct xlvs_dest content = {
		.port = spec->key.port,
		.family = (__u8)spec->key.family,
		.method = (__u8)spec->method,
		.flags = (former->flags & XLVS_DEST_LOCAL) | XLVS_DEST_USED | XLVS_DEST_AVAILABLE,
		.service = dest->service,
		.weight = spec->weight,
		.nexthop = former->nexthop,
		.upper_threshold = spec->upper_threshold,
		.lower_threshold = spec->lower_threshold,
		.tunnel_type = spec->tunnel_type,
		.protocol = (__u8)dest->service_key.protocol,
		.tunnel_port = spec->tunnel_port,
		.tunnel_flags = spec->tunnel_flags,
		.service_port = dest->service_key.port,
		.last_weight = dest->last_weight,
		.serial = former->serial,
		.outer = outer_of(spec),
		.toa_kind = spec->toa_kind,
		.mss = spec->mss,
	};

	memcpy(content.address, spec->key.address.bytes, sizeof(content.address));
	return content;
}

static int put_new_dest(struct work *work, const struct xlvs_model_dest *dest)
{
	struct xlvs_loader *loader = work->loader;
	struct xlvs_dest *slot = &loader->maps.dests[dest->id];
	struct xlvs_dest nothing = {};
	struct xlvs_dest content = dest_content(dest, &nothing);
	uint32_t flags = content.flags;

	xlvs_counters_reset(&loader->maps, dest->id);
	loader->private->dest_owners[dest->id] = dest->service_key;
	content.flags = 0;
	content.serial = slot->serial + 1;
	*slot = content;
	return xlvs_journal_store(&loader->journal, &slot->flags, flags);
}

static int put_dest(struct work *work, const struct xlvs_op *op)
{
	const struct xlvs_model_dest *dest = xlvs_model_dest(work->model, op->dest);
	struct xlvs_dest *slot = &work->loader->maps.dests[op->dest];
	struct xlvs_dest content;
	int r = 0;

	if (!(slot->flags & XLVS_DEST_USED))
		return put_new_dest(work, dest);
	if (!(slot->flags & XLVS_DEST_AVAILABLE))
		r = carry(work, op->dest, dest->service, false);
	if (r == 0)
		r = relieve(work, slot, dest->spec.upper_threshold);
	content = dest_content(dest, slot);
	return r < 0 ? r
		     : xlvs_journal_write(&work->loader->journal, slot, &content,
					  offsetof(struct xlvs_dest, active));
}

/* Flags and service lie side by side. */
static int delete_dest(struct work *work, const struct xlvs_op *op)
{
	const struct xlvs_model_dest *dest = xlvs_model_dest(work->model, op->dest);
	struct xlvs_dest *slot = &work->loader->maps.dests[op->dest];
	uint32_t flags = slot->flags;
	const uint32_t words[] = {flags & ~(uint32_t)XLVS_DEST_AVAILABLE, dest->service};
	int r;

	r = xlvs_journal_write(&work->loader->journal, &slot->flags, words, sizeof(words));
	if (r == 0 && flags & XLVS_DEST_AVAILABLE && dest->service != XLVS_NONE)
		r = carry(work, op->dest, dest->service, true);
	return r;
}

static int free_dest(struct work *work, const struct xlvs_op *op)
{
	struct xlvs_loader *loader = work->loader;
	struct xlvs_dest *slot = &loader->maps.dests[op->dest];

	if (slot->nexthop)
		xlvs_items_add(&loader->left,
			       (struct xlvs_item){XLVS_ITEM_NEXTHOP, slot->nexthop, 0});
	return xlvs_journal_store(&loader->journal, &slot->flags, 0);
}

static int zero_dest(struct work *work, const struct xlvs_op *op)
{
	const struct xlvs_loader *loader = work->loader;
	__u64 counts[XLVS_COUNTS];

	xlvs_counters_counted(&loader->maps, op->dest, counts);
	return xlvs_journal_write(&work->loader->journal, loader->maps.dest_ledger[op->dest].zeroed,
				  counts, sizeof(counts));
}

static int set_timeout(struct work *work, uint32_t number, uint32_t seconds)
{
	struct xlvs_runtime *runtime = work->loader->maps.runtime;

	return xlvs_journal_store(&work->loader->journal, &runtime->timeout_ticks[number],
				  xlvs_settings_ticks(&runtime->constants, seconds));
}

static int set_timeouts(struct work *work)
{
	struct xlvs_timeouts timeouts;
	int r;

	xlvs_model_timeouts(work->model, &timeouts);
	r = set_timeout(work, XLVS_TIMEOUT_TCP + XLVS_TCP_ESTABLISHED, timeouts.tcp_sec);
	if (r == 0)
		r = set_timeout(work, XLVS_TIMEOUT_TCP + XLVS_TCP_FIN_WAIT, timeouts.tcp_fin_sec);
	return r < 0 ? r : set_timeout(work, XLVS_TIMEOUT_UDP, timeouts.udp_sec);
}

static int set_settings(struct work *work)
{
	struct xlvs_journal *journal = &work->loader->journal;
	struct xlvs_runtime *runtime = work->loader->maps.runtime;
	__s32 settings[XLVS_SETTINGS_END];
	int r;

	for (int i = 0; i < XLVS_SETTINGS_END; i++)
		settings[i] = xlvs_model_setting(work->model, i);
	r = xlvs_journal_write(journal, runtime->settings, settings, sizeof(settings));
	if (r == 0)
		r = xlvs_journal_store(journal, &runtime->tunnel_df,
				       xlvs_settings_tunnel_df(settings[XLVS_SETTING_pmtu_disc]));
	if (r == 0)
		r = xlvs_journal_store(journal, (uint32_t *)&runtime->drop_rate,
				       (uint32_t)xlvs_model_drop_rate(work->model));
	if (r == 0)
		r = set_timeout(work, XLVS_TIMEOUT_LBLC,
				(uint32_t)settings[XLVS_SETTING_lblc_expiration]);
	return r < 0 ? r
		     : set_timeout(work, XLVS_TIMEOUT_LBLCR,
				   (uint32_t)settings[XLVS_SETTING_lblcr_expiration]);
}

static int prepare(struct work *work, const struct xlvs_op *op)
{
	switch (op->kind) {
	case XLVS_OP_DEST_PUT:
		return put_dest(work, op);
	case XLVS_OP_SCHEDULE:
		return schedule(work, op);
	case XLVS_OP_SERVICE_PUT:
		return put_service(work, op);
	case XLVS_OP_LOCALS:
		return xlvs_locals_publish(work->loader, work->model, op->service, work->reterr);
	case XLVS_OP_SERVICE_DELETE:
		return delete_service(work, op);
	case XLVS_OP_DEST_DELETE:
		return delete_dest(work, op);
	case XLVS_OP_DEST_FREE:
		return free_dest(work, op);
	case XLVS_OP_DEST_ZERO:
		return zero_dest(work, op);
	case XLVS_OP_TIMEOUTS:
		return set_timeouts(work);
	case XLVS_OP_SETTINGS:
		return set_settings(work);
	case XLVS_OP_MARK_PUT:
		return xlvs_marks_put(work->loader, work->model, op->mark);
	case XLVS_OP_MARK_DELETE:
		return xlvs_marks_delete(work->loader, op->mark);
	case XLVS_OP_MARKS:
		return xlvs_marks_publish(work->loader, work->model, work->reterr);
	case XLVS_OP_ZERO_SERVICE:
	case XLVS_OP_ZERO_ALL:
		return xlvs_journal_zero(&work->loader->journal, op->service);
	}
	return -EINVAL;
}

static void undo(struct xlvs_loader *loader)
{
	for (size_t i = 0; i < loader->taken.n; i++) {
		const struct xlvs_item *item = &loader->taken.items[i];

		if (item->kind == XLVS_ITEM_SLOT) {
			loader->slots.resting[item->index] = false;
			continue;
		}
		loader->maps.chunks[item->index].head.magic = 0;
		xlvs_runs_free(&loader->chunks, item->index, item->extra);
	}
}

static void finish(struct xlvs_loader *loader)
{
	for (size_t i = 0; i < loader->taken.n; i++) {
		const struct xlvs_item *item = &loader->taken.items[i];

		if (item->kind != XLVS_ITEM_SLOT)
			continue;
		loader->slots.resting[item->index] = false;
		loader->slots.of_service[item->extra] = item->index;
	}
	for (size_t i = 0; i < loader->left.n; i++) {
		const struct xlvs_item *item = &loader->left.items[i];

		if (item->kind == XLVS_ITEM_SLOT) {
			loader->slots.resting[item->index] = true;
			loader->slots.of_service[item->extra] = XLVS_NONE;
			loader->n_slots_resting++;
		}
		xlvs_items_add(&loader->resting, *item);
	}
	if (loader->n_slots_resting > SLOTS_RESTING_MAX)
		xlvs_grace_reclaim(loader);
}

int xlvs_loader_apply(struct xlvs_loader *loader, const struct xlvs_model *model,
		      const struct xlvs_plan *plan, struct xlvs_error *reterr)
{
	struct work work = {
		.loader = loader,
		.model = model,
		.reterr = reterr,
		.new_list = XLVS_NONE,
	};
	size_t n_items = ITEMS_PER_OP * plan->n_ops;
	int r = 0;

	loader->taken.n = 0;
	loader->left.n = 0;
	if (xlvs_items_reserve(&loader->taken, n_items) ||
	    xlvs_items_reserve(&loader->left, n_items) ||
	    xlvs_items_reserve(&loader->resting, n_items))
		return xlvs_refuse(reterr, -ENOMEM, "out of memory");

	xlvs_journal_begin(&loader->journal);
	for (size_t i = 0; r == 0 && i < plan->n_ops; i++)
		r = prepare(&work, &plan->ops[i]);
	if (r < 0) {
		undo(loader);
		return r;
	}
	xlvs_journal_commit(&loader->journal);
	xlvs_loader_tell_lookups(loader);
	finish(loader);
	return 0;
}
