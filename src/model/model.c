// SPDX-License-Identifier: GPL-2.0-or-later
/* The model as a whole: its life, reading it, timeouts and zeroing. */
#include "model/model.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "abi/config.h"
#include "abi/limits.h"
#include "abi/mark.h"
#include "model/plan.h"
#include "model/state.h"

static const struct xlvs_timeouts default_timeouts = {
	.tcp_sec = 900,
	.tcp_fin_sec = 120,
	.udp_sec = 300,
};

struct xlvs_model *xlvs_model_new(void)
{
	struct xlvs_model *model = calloc(1, sizeof(*model));

	if (!model)
		return NULL;
	model->timeouts = default_timeouts;
	xlvs_model_init_settings(model);
	model->services = calloc(XLVS_SERVICES_MAX, sizeof(struct xlvs_service_entry *));
	model->dests = calloc(XLVS_DESTS_MAX, sizeof(struct xlvs_dest_entry *));
	model->marks = calloc(XLVS_MARK_RULES_MAX, sizeof(struct xlvs_mark_entry *));
	if (!model->services || !model->dests || !model->marks ||
	    xlvs_ids_init(&model->service_ids, XLVS_SERVICES_MAX) ||
	    xlvs_ids_init(&model->dest_ids, XLVS_DESTS_MAX) ||
	    xlvs_ids_init(&model->mark_ids, XLVS_MARK_RULES_MAX) ||
	    xlvs_table_init(&model->mark_keys, XLVS_MARK_RULES_MAX) ||
	    xlvs_table_init(&model->service_keys, XLVS_SERVICES_MAX) ||
	    xlvs_table_init(&model->dest_keys, XLVS_DESTS_MAX)) {
		xlvs_model_free(model);
		return NULL;
	}
	return model;
}

void xlvs_model_free(struct xlvs_model *model)
{
	if (!model)
		return;
	for (uint32_t id = 0; id < model->service_ids.high; id++)
		xlvs_service_entry_free(model->services[id]);
	for (uint32_t id = 0; id < model->dest_ids.high; id++)
		free(model->dests[id]);
	for (uint32_t id = 0; id < model->mark_ids.high; id++)
		free(model->marks[id]);
	free(model->services);
	free(model->dests);
	free(model->marks);
	xlvs_ids_done(&model->service_ids);
	xlvs_ids_done(&model->dest_ids);
	xlvs_ids_done(&model->mark_ids);
	xlvs_table_done(&model->mark_keys);
	xlvs_table_done(&model->service_keys);
	xlvs_table_done(&model->dest_keys);
	free(model);
}

const struct xlvs_model_service *xlvs_model_find_service(const struct xlvs_model *model,
							 const struct xlvs_service_key *key)
{
	const struct xlvs_service_entry *entry = xlvs_service_entry_find(model, key);

	return entry ? &entry->service : NULL;
}

const struct xlvs_model_service *xlvs_model_service(const struct xlvs_model *model, uint32_t id)
{
	if (id >= XLVS_SERVICES_MAX || !model->services[id])
		return NULL;
	return &model->services[id]->service;
}

const struct xlvs_model_dest *xlvs_model_dest(const struct xlvs_model *model, uint32_t id)
{
	if (id >= XLVS_DESTS_MAX || !model->dests[id])
		return NULL;
	return &model->dests[id]->dest;
}

const struct xlvs_model_service *xlvs_model_next_service(const struct xlvs_model *model,
							 uint32_t from)
{
	for (uint32_t id = from; id < model->service_ids.high; id++) {
		if (model->services[id])
			return &model->services[id]->service;
	}
	return NULL;
}

const struct xlvs_model_dest *xlvs_model_next_dest(const struct xlvs_model *model, uint32_t from)
{
	for (uint32_t id = from; id < model->dest_ids.high; id++) {
		if (model->dests[id])
			return &model->dests[id]->dest;
	}
	return NULL;
}

uint32_t xlvs_model_lookups(const struct xlvs_model *model)
{
	return (model->n_ftp ? XLVS_LOOKUP_FTP : 0) | (model->n_port0 ? XLVS_LOOKUP_PORT0 : 0);
}

uint32_t xlvs_model_n_services(const struct xlvs_model *model, uint16_t family)
{
	return family == AF_INET ? model->n_services4 : model->n_services6;
}

int xlvs_model_set_timeouts(struct xlvs_model *model, const struct xlvs_timeouts *timeouts,
			    struct xlvs_plan *plan, struct xlvs_error *reterr)
{
	int r;

	if (timeouts->tcp_sec > XLVS_TIMEOUT_MAX_SEC ||
	    timeouts->tcp_fin_sec > XLVS_TIMEOUT_MAX_SEC ||
	    timeouts->udp_sec > XLVS_TIMEOUT_MAX_SEC)
		return xlvs_refuse(reterr, -EINVAL, "a timeout is at most %d seconds (31 days)",
				   XLVS_TIMEOUT_MAX_SEC);
	r = xlvs_plan_reserve(plan, 1);
	if (r < 0)
		return r;

	if (timeouts->tcp_sec)
		model->timeouts.tcp_sec = timeouts->tcp_sec;
	if (timeouts->tcp_fin_sec)
		model->timeouts.tcp_fin_sec = timeouts->tcp_fin_sec;
	if (timeouts->udp_sec)
		model->timeouts.udp_sec = timeouts->udp_sec;
	xlvs_plan_add(plan, (struct xlvs_op){
				    .kind = XLVS_OP_TIMEOUTS,
				    .service = XLVS_NONE,
				    .dest = XLVS_NONE,
			    });
	return 0;
}

void xlvs_model_timeouts(const struct xlvs_model *model, struct xlvs_timeouts *ret_timeouts)
{
	*ret_timeouts = model->timeouts;
}

int xlvs_model_zero(struct xlvs_model *model, const struct xlvs_service_key *key,
		    struct xlvs_plan *plan, struct xlvs_error *reterr)
{
	struct xlvs_op op = {.kind = XLVS_OP_ZERO_ALL, .service = XLVS_NONE, .dest = XLVS_NONE};
	struct xlvs_service_entry *entry;
	int r;

	if (key) {
		r = xlvs_service_entry_get(model, key, &entry, reterr);
		if (r < 0)
			return r;
		op.kind = XLVS_OP_ZERO_SERVICE;
		op.service = entry->service.id;
	}
	r = xlvs_plan_reserve(plan, 1);
	if (r < 0)
		return r;
	xlvs_plan_add(plan, op);
	return 0;
}
