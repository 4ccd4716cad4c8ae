// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/apply.h"

#include "daemon/log.h"

#include <string.h>

static void reset_service(struct xlvs_director *director, uint32_t id)
{
	const struct xlvs_model_service *service = xlvs_model_service(director->model, id);

	if (!service)
		return;
	xlvs_estimator_reset_service(director->estimator, id);
	for (uint32_t i = 0; i < service->n_dests; i++)
		xlvs_estimator_reset_dest(director->estimator, service->dests[i], NULL);
}

static void reset_all(struct xlvs_director *director)
{
	const struct xlvs_model_service *service;

	for (service = xlvs_model_next_service(director->model, 0); service;
	     service = xlvs_model_next_service(director->model, service->id + 1))
		reset_service(director, service->id);
}

static void track(struct xlvs_director *director, uint32_t id)
{
	const struct xlvs_model_dest *dest = xlvs_model_dest(director->model, id);

	if (dest &&
	    xlvs_nexthops_track(xlvs_network_nexthops(director->network), id, &dest->spec.key) < 0)
		xlvs_log(LOG_WARNING,
			 "out of memory: destination %u is left to the packet path's "
			 "own routing",
			 id);
}

static void follow(struct xlvs_director *director, const struct xlvs_op *op)
{
	switch (op->kind) {
	case XLVS_OP_DEST_PUT:
		track(director, op->dest);
		break;
	case XLVS_OP_DEST_DELETE:
		xlvs_trash_put(director->trash, op->dest);
		break;
	case XLVS_OP_DEST_FREE:
		xlvs_nexthops_untrack(xlvs_network_nexthops(director->network), op->dest);
		xlvs_estimator_reset_dest(director->estimator, op->dest, NULL);
		break;
	case XLVS_OP_DEST_ZERO:
		xlvs_estimator_reset_dest(director->estimator, op->dest, NULL);
		break;
	case XLVS_OP_SERVICE_DELETE:
		xlvs_estimator_reset_service(director->estimator, op->service);
		break;
	case XLVS_OP_ZERO_SERVICE:
		reset_service(director, op->service);
		break;
	case XLVS_OP_ZERO_ALL:
		reset_all(director);
		break;
	case XLVS_OP_SCHEDULE:
	case XLVS_OP_SERVICE_PUT:
	case XLVS_OP_LOCALS:
	case XLVS_OP_TIMEOUTS:
	case XLVS_OP_SETTINGS:
	case XLVS_OP_MARK_PUT:
	case XLVS_OP_MARK_DELETE:
	case XLVS_OP_MARKS:
		break;
	}
}

int xlvs_apply(struct xlvs_director *director, struct xlvs_plan *plan, struct xlvs_error *reterr)
{
	int r;

	r = xlvs_loader_apply(director->loader, director->model, plan, reterr);
	for (size_t i = 0; r == 0 && i < plan->n_ops; i++)
		follow(director, &plan->ops[i]);
	xlvs_plan_done(plan);
	return r;
}

int xlvs_apply_final(struct xlvs_director *director, struct xlvs_plan *plan,
		     struct xlvs_error *reterr)
{
	int r = xlvs_apply(director, plan, reterr);

	if (r < 0)
		xlvs_log(LOG_ERR,
			 "services and packet path do not agree any more (%s): restart xlvsd",
			 strerror(-r));
	return r;
}
