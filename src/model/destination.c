// SPDX-License-Identifier: GPL-2.0-or-later
/* Destinations: add, edit, delete, and their way through the trash. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "abi/limits.h"
#include "abi/mss.h"
#include "abi/toa.h"
#include "model/plan.h"
#include "model/refuse.h"
#include "model/state.h"

static int check_mss(const struct xlvs_model_service *service, const struct xlvs_dest_spec *spec,
		     struct xlvs_error *reterr)
{
	if (spec->mss == XLVS_MSS_UNCHANGED)
		return 0;
	if (!service->spec.key.fwmark && service->spec.key.protocol != IPPROTO_TCP)
		return xlvs_refuse(reterr, -EOPNOTSUPP, "only TCP has a maximum segment size");
	if (spec->mss != XLVS_MSS_FITS && (spec->mss < XLVS_MSS_LEAST || spec->mss > XLVS_MSS_MOST))
		return xlvs_refuse(reterr, -ERANGE, "a maximum segment size is from %d to %d",
				   XLVS_MSS_LEAST, XLVS_MSS_MOST);
	return 0;
}

/* What the kernel demands before it looks for the destination. */
static int check_spec(const struct xlvs_model_service *service, const struct xlvs_dest_spec *spec,
		      struct xlvs_error *reterr)
{
	if (spec->key.family != AF_INET && spec->key.family != AF_INET6)
		return xlvs_refuse(reterr, -EAFNOSUPPORT, "address family %u of the destination",
				   spec->key.family);
	if (spec->key.family != service->spec.key.family && spec->method != XLVS_METHOD_TUN &&
	    spec->method != XLVS_METHOD_FULLNAT)
		return xlvs_refuse(reterr, -EINVAL,
				   "only a tunnel or fullnat leads to another address family");
	if (spec->weight < 0)
		return xlvs_refuse(reterr, -ERANGE, "weight above %d", INT32_MAX);
	if (spec->lower_threshold > spec->upper_threshold)
		return xlvs_refuse(reterr, -ERANGE, "lower threshold above the upper one");
	if (spec->tunnel_type == XLVS_TUNNEL_GUE && !spec->tunnel_port)
		return xlvs_refuse(reterr, -EINVAL, "tunnel type gue needs a port");
	if (spec->toa_kind && spec->method != XLVS_METHOD_FULLNAT)
		return xlvs_refuse(reterr, -EINVAL, "only fullnat tells the client's address");
	if (spec->toa_kind && !xlvs_toa_kind_is_free(spec->toa_kind))
		return xlvs_refuse(reterr, -EINVAL, "TCP options of kind %u have another meaning",
				   spec->toa_kind);
	return check_mss(service, spec, reterr);
}

/* As far as an address alone can tell: whether it is a broadcast address of some interface only
 * the routing table knows. */
static bool is_unicast(const struct xlvs_dest_key *key)
{
	static const uint8_t zeros[16], mapped[12] = {[10] = 0xff, [11] = 0xff};
	const uint8_t *bytes = key->address.bytes;

	if (key->family == AF_INET)
		return bytes[0] != 0 && (bytes[0] & 0xf0) != 0xe0 &&
		       memcmp(bytes, "\xff\xff\xff\xff", 4) != 0;
	return memcmp(bytes, zeros, sizeof(zeros)) != 0 &&
	       memcmp(bytes, mapped, sizeof(mapped)) != 0 && bytes[0] != 0xff &&
	       !(bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80);
}

static void plan_dest(struct xlvs_plan *plan, enum xlvs_op_kind kind,
		      const struct xlvs_model_dest *dest)
{
	xlvs_plan_add(plan, (struct xlvs_op){
				    .kind = kind,
				    .service = dest->service,
				    .dest = dest->id,
			    });
}

static void plan_schedule(struct xlvs_plan *plan, uint32_t service,
			  enum xlvs_schedule_change change)
{
	xlvs_plan_add(plan, (struct xlvs_op){
				    .kind = XLVS_OP_SCHEDULE,
				    .service = service,
				    .dest = XLVS_NONE,
				    .change = change,
			    });
}

static int check_new(const struct xlvs_model *model, const struct xlvs_service_entry *service,
		     const struct xlvs_dest_spec *spec, struct xlvs_error *reterr)
{
	const struct xlvs_dest_entry *entry;
	int r;

	r = check_spec(&service->service, spec, reterr);
	if (r < 0)
		return r;
	entry = xlvs_dest_entry_find(model, &service->service.spec.key, &spec->key);
	if (entry && entry->dest.available)
		return xlvs_refuse(reterr, -EEXIST, "the destination exists already");
	if (!is_unicast(&spec->key))
		return xlvs_refuse(reterr, -EINVAL, "the destination's address is not unicast");
	r = xlvs_refuse_dest(&service->service.spec, spec, reterr);
	if (r < 0)
		return r;
	if (service->service.n_dests == XLVS_DESTS_PER_SERVICE)
		return xlvs_refuse(reterr, -ENOSPC, "a service has at most %d destinations",
				   XLVS_DESTS_PER_SERVICE);
	if (!entry && xlvs_ids_next(&model->dest_ids) == XLVS_NONE)
		return xlvs_refuse(reterr, -ENOSPC,
				   "a director has at most %d destinations, deleted ones with "
				   "connections included",
				   XLVS_DESTS_MAX);
	return 0;
}

/* The same destination again: its connections resume. */
static void resurrect(struct xlvs_model *model, struct xlvs_dest_entry *entry,
		      const struct xlvs_model_service *service, const struct xlvs_dest_spec *spec)
{
	if (entry->dest.service != XLVS_NONE)
		xlvs_trash_remove(model->services[entry->dest.service], entry);
	entry->dest.spec = *spec;
	entry->dest.last_weight = spec->weight;
	entry->dest.service = service->id;
	entry->dest.service_serial = service->serial;
	entry->dest.available = true;
}

int xlvs_model_add_dest(struct xlvs_model *model, const struct xlvs_service_key *service,
			const struct xlvs_dest_spec *spec, struct xlvs_plan *plan,
			struct xlvs_error *reterr)
{
	struct xlvs_service_entry *owner;
	struct xlvs_dest_entry *entry;
	int r;

	r = xlvs_service_entry_get(model, service, &owner, reterr);
	if (r == 0)
		r = check_new(model, owner, spec, reterr);
	if (r == 0)
		r = xlvs_service_entry_reserve(owner);
	if (r == 0)
		r = xlvs_plan_reserve(plan, 3);
	if (r < 0)
		return r;

	entry = xlvs_dest_entry_find(model, service, &spec->key);
	if (entry) {
		bool same_service = entry->dest.service_serial == owner->service.serial;

		resurrect(model, entry, &owner->service, spec);
		if (!same_service)
			plan_dest(plan, XLVS_OP_DEST_ZERO, &entry->dest);
	} else {
		struct xlvs_model_dest dest = {
			.id = xlvs_ids_next(&model->dest_ids),
			.service = owner->service.id,
			.service_key = owner->service.spec.key,
			.spec = *spec,
			.last_weight = spec->weight,
			.available = true,
			.service_serial = owner->service.serial,
		};

		r = xlvs_dest_entry_new(model, &dest);
		if (r < 0)
			return r;
		entry = model->dests[dest.id];
	}
	xlvs_service_entry_list(owner, 0, entry->dest.id);
	plan_dest(plan, XLVS_OP_DEST_PUT, &entry->dest);
	plan_schedule(plan, owner->service.id, XLVS_SCHEDULE_DEST_ADDED);
	return 0;
}

/* An available destination of a service, NULL when it has none of that key. */
static struct xlvs_dest_entry *find_available(const struct xlvs_model *model,
					      const struct xlvs_service_key *service,
					      const struct xlvs_dest_key *key)
{
	struct xlvs_dest_entry *entry = xlvs_dest_entry_find(model, service, key);

	return entry && entry->dest.available ? entry : NULL;
}

int xlvs_model_edit_dest(struct xlvs_model *model, const struct xlvs_service_key *service,
			 const struct xlvs_dest_spec *spec, struct xlvs_plan *plan,
			 struct xlvs_error *reterr)
{
	struct xlvs_service_entry *owner;
	struct xlvs_dest_entry *entry;
	int r;

	r = xlvs_service_entry_get(model, service, &owner, reterr);
	if (r == 0)
		r = check_spec(&owner->service, spec, reterr);
	if (r < 0)
		return r;
	entry = find_available(model, service, &spec->key);
	if (!entry)
		return xlvs_refuse(reterr, -ENOENT, "no such destination");
	r = xlvs_refuse_dest(&owner->service.spec, spec, reterr);
	if (r == 0)
		r = xlvs_plan_reserve(plan, 2);
	if (r < 0)
		return r;

	entry->dest.spec = *spec;
	if (spec->weight)
		entry->dest.last_weight = spec->weight;
	plan_dest(plan, XLVS_OP_DEST_PUT, &entry->dest);
	plan_schedule(plan, owner->service.id, XLVS_SCHEDULE_DEST_EDITED);
	return 0;
}

int xlvs_model_delete_dest(struct xlvs_model *model, const struct xlvs_service_key *service,
			   const struct xlvs_dest_key *key, struct xlvs_plan *plan,
			   struct xlvs_error *reterr)
{
	struct xlvs_service_entry *owner;
	struct xlvs_dest_entry *entry;
	int r;

	r = xlvs_service_entry_get(model, service, &owner, reterr);
	if (r < 0)
		return r;
	entry = find_available(model, service, key);
	if (!entry)
		return xlvs_refuse(reterr, -ENOENT, "no such destination");
	r = xlvs_plan_reserve(plan, 2);
	if (r < 0)
		return r;

	xlvs_service_entry_unlist(owner, entry->dest.id);
	entry->dest.available = false;
	xlvs_trash_add(owner, entry);
	plan_schedule(plan, owner->service.id, XLVS_SCHEDULE_DEST_DELETED);
	plan_dest(plan, XLVS_OP_DEST_DELETE, &entry->dest);
	return 0;
}

int xlvs_model_free_dest(struct xlvs_model *model, uint32_t dest, struct xlvs_plan *plan)
{
	struct xlvs_dest_entry *entry;
	int r;

	if (dest >= XLVS_DESTS_MAX || !model->dests[dest])
		return -ENOENT;
	entry = model->dests[dest];
	if (entry->dest.available)
		return -EBUSY;
	r = xlvs_plan_reserve(plan, 1);
	if (r < 0)
		return r;

	plan_dest(plan, XLVS_OP_DEST_FREE, &entry->dest);
	if (entry->dest.service != XLVS_NONE)
		xlvs_trash_remove(model->services[entry->dest.service], entry);
	xlvs_dest_entry_free(model, entry);
	return 0;
}
