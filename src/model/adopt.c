// SPDX-License-Identifier: GPL-2.0-or-later
/* Adoption: the model as the maps tell it, with the numbers they use. */
#include <errno.h>
#include <sys/socket.h>

#include "abi/limits.h"
#include "model/service.h"
#include "model/state.h"

int xlvs_model_adopt_service(struct xlvs_model *model, uint32_t id,
			     const struct xlvs_service_spec *spec)
{
	struct xlvs_service_entry *existing;
	int scheduler;

	if (id >= XLVS_SERVICES_MAX || model->services[id] ||
	    xlvs_service_entry_get(model, &spec->key, &existing, NULL) != -ESRCH)
		return -EINVAL;
	scheduler = xlvs_service_check(spec, NULL);
	if (scheduler < 0)
		return -EINVAL;
	return xlvs_service_entry_new(model, id, spec, (uint16_t)scheduler);
}

int xlvs_model_adopt_dest(struct xlvs_model *model, const struct xlvs_model_dest *dest)
{
	struct xlvs_model_dest adopted = *dest;
	struct xlvs_service_entry *owner = NULL;
	int r;

	if (dest->id >= XLVS_DESTS_MAX || model->dests[dest->id] ||
	    (dest->spec.key.family != AF_INET && dest->spec.key.family != AF_INET6) ||
	    xlvs_dest_entry_find(model, &dest->service_key, &dest->spec.key))
		return -EINVAL;
	if (dest->service != XLVS_NONE) {
		owner = xlvs_service_entry_find(model, &dest->service_key);
		if (!owner || owner->service.id != dest->service)
			return -EINVAL;
	}
	if (dest->available && (!owner || owner->service.n_dests == XLVS_DESTS_PER_SERVICE))
		return -EINVAL;

	adopted.service_serial = owner ? owner->service.serial : 0;
	r = owner ? xlvs_service_entry_reserve(owner) : 0;
	if (r == 0)
		r = xlvs_dest_entry_new(model, &adopted);
	if (r < 0)
		return r;
	if (dest->available)
		xlvs_service_entry_list(owner, owner->service.n_dests, dest->id);
	else if (owner)
		xlvs_trash_add(owner, model->dests[dest->id]);
	return 0;
}

void xlvs_model_adopt_timeouts(struct xlvs_model *model, const struct xlvs_timeouts *timeouts)
{
	model->timeouts = *timeouts;
}
