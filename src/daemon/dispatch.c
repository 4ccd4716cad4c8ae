// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/dispatch.h"

#include "base/cleanup.h"
#include "daemon/apply.h"
#include "daemon/connections.h"
#include "daemon/listing.h"
#include "daemon/local_address.h"
#include "daemon/mark_rules.h"
#include "daemon/status.h"
#include "daemon/sysctl.h"
#include "loader/grace.h"

#include <errno.h>
#include <string.h>

/* What IPVS says of itself, whatever its size: "version 1.2.1 (size=4096)". */
#define IPVS_VERSION	0x010201
#define IPVS_TABLE_SIZE 4096

/* Changes. Where the packet path refuses one, it is taken back in the model; what the model plans
 * for that need not be carried out, for nothing was. */

static int new_service(struct xlvs_director *director, const struct xlvs_request *request,
		       struct xlvs_error *reterr)
{
	XLVS_CLEANUP(xlvs_plan_done) struct xlvs_plan plan = {0};
	int r;

	r = xlvs_model_add_service(director->model, &request->service, &plan, reterr);
	if (r < 0)
		return r;
	r = xlvs_apply(director, &plan, reterr);
	if (r < 0)
		xlvs_model_delete_service(director->model, &request->service.key, &plan, NULL);
	return r;
}

static int set_service(struct xlvs_director *director, const struct xlvs_request *request,
		       struct xlvs_error *reterr)
{
	const struct xlvs_model_service *service =
		xlvs_model_find_service(director->model, &request->service.key);
	struct xlvs_service_spec old = service ? service->spec : (struct xlvs_service_spec){0};
	XLVS_CLEANUP(xlvs_plan_done) struct xlvs_plan plan = {0};
	int r;

	old.flags_mask = ~0U;
	r = xlvs_model_edit_service(director->model, &request->service, &plan, reterr);
	if (r < 0)
		return r;
	r = xlvs_apply(director, &plan, reterr);
	if (r < 0)
		xlvs_model_edit_service(director->model, &old, &plan, NULL);
	return r;
}

static int delete_service(struct xlvs_director *director, const struct xlvs_request *request,
			  struct xlvs_error *reterr)
{
	XLVS_CLEANUP(xlvs_plan_done) struct xlvs_plan plan = {0};
	int r;

	r = xlvs_model_delete_service(director->model, &request->service.key, &plan, reterr);
	return r < 0 ? r : xlvs_apply_final(director, &plan, reterr);
}

/* Destinations in the trash without connections make room for new ones. */
static int empty_trash(struct xlvs_director *director)
{
	XLVS_CLEANUP(xlvs_plan_done) struct xlvs_plan plan = {0};
	int r, applied;

	if (!xlvs_trash_has_new(director->trash))
		return -ENOSPC;
	xlvs_grace_wait();
	r = xlvs_trash_empty(director->trash, &plan);
	applied = xlvs_apply_final(director, &plan, NULL);
	return r < 0 ? r : applied;
}

/* Take a destination back that was refused after all. It returns to the trash if it came
 * from there: then its slot is in use. */
static void take_back_dest(struct xlvs_director *director, uint32_t id,
			   const struct xlvs_request *request)
{
	const struct xlvs_dest *slot = &xlvs_loader_maps(director->loader)->dests[id];
	XLVS_CLEANUP(xlvs_plan_done) struct xlvs_plan plan = {0};

	xlvs_model_delete_dest(director->model, &request->service.key, &request->dest.key, &plan,
			       NULL);
	if (!(slot->flags & XLVS_DEST_USED))
		xlvs_model_free_dest(director->model, id, &plan);
}

/* What is wrong with the request itself the model tells first, as IPVS would; then the kernel's
 * routes are asked, and then the packet path. */
static int add_dest(struct xlvs_director *director, const struct xlvs_request *request,
		    struct xlvs_error *reterr)
{
	const struct xlvs_service_key *key = &request->service.key;
	XLVS_CLEANUP(xlvs_plan_done) struct xlvs_plan plan = {0};
	uint32_t id;
	int r;

	r = xlvs_model_add_dest(director->model, key, &request->dest, &plan, reterr);
	if (r < 0)
		return r;
	/* The newest comes first. */
	id = xlvs_model_find_service(director->model, key)->dests[0];
	xlvs_network_catch_up(director->network);
	r = xlvs_nexthops_check(xlvs_network_nexthops(director->network), &request->dest.key,
				reterr);
	if (r == 0)
		r = xlvs_apply(director, &plan, reterr);
	if (r < 0)
		take_back_dest(director, id, request);
	return r;
}

static int new_dest(struct xlvs_director *director, const struct xlvs_request *request,
		    struct xlvs_error *reterr)
{
	int r;

	r = add_dest(director, request, reterr);
	if (r == -ENOSPC && empty_trash(director) == 0)
		r = add_dest(director, request, reterr);
	/* The packet after the answer finds its way. Of many destinations at once none waits for
	 * the kernel's routes. */
	if (r == 0 && !request->is_of_many)
		xlvs_nexthops_settle(xlvs_network_nexthops(director->network), 0);
	return r;
}

static const struct xlvs_dest_spec *find_dest(const struct xlvs_model *model,
					      const struct xlvs_request *request)
{
	const struct xlvs_model_service *service =
		xlvs_model_find_service(model, &request->service.key);
	const struct xlvs_dest_key *key = &request->dest.key;

	for (uint32_t i = 0; service && i < service->n_dests; i++) {
		const struct xlvs_dest_spec *spec =
			&xlvs_model_dest(model, service->dests[i])->spec;

		if (spec->key.family == key->family && spec->key.port == key->port &&
		    !memcmp(&spec->key.address, &key->address, sizeof(key->address)))
			return spec;
	}
	return NULL;
}

static int set_dest(struct xlvs_director *director, const struct xlvs_request *request,
		    struct xlvs_error *reterr)
{
	const struct xlvs_dest_spec *present = find_dest(director->model, request);
	struct xlvs_dest_spec old = present ? *present : (struct xlvs_dest_spec){0};
	const struct xlvs_service_key *key = &request->service.key;
	XLVS_CLEANUP(xlvs_plan_done) struct xlvs_plan plan = {0};
	int r;

	r = xlvs_model_edit_dest(director->model, key, &request->dest, &plan, reterr);
	if (r < 0)
		return r;
	r = xlvs_apply(director, &plan, reterr);
	if (r < 0)
		xlvs_model_edit_dest(director->model, key, &old, &plan, NULL);
	return r;
}

/* Taken back, it is the newest in the model, and in the packet path from the next change of its
 * service on. */
static int delete_dest(struct xlvs_director *director, const struct xlvs_request *request,
		       struct xlvs_error *reterr)
{
	const struct xlvs_dest_spec *present = find_dest(director->model, request);
	struct xlvs_dest_spec old = present ? *present : (struct xlvs_dest_spec){0};
	const struct xlvs_service_key *key = &request->service.key;
	XLVS_CLEANUP(xlvs_plan_done) struct xlvs_plan plan = {0};
	int r;

	r = xlvs_model_delete_dest(director->model, key, &request->dest.key, &plan, reterr);
	if (r < 0)
		return r;
	r = xlvs_apply(director, &plan, reterr);
	if (r < 0)
		xlvs_model_add_dest(director->model, key, &old, &plan, NULL);
	return r;
}

static int flush(struct xlvs_director *director, struct xlvs_error *reterr)
{
	XLVS_CLEANUP(xlvs_plan_done) struct xlvs_plan plan = {0};
	int r;

	r = xlvs_model_flush(director->model, &plan);
	return r < 0 ? r : xlvs_apply_final(director, &plan, reterr);
}

static int zero(struct xlvs_director *director, const struct xlvs_request *request,
		struct xlvs_error *reterr)
{
	bool is_one = request->given & XLVS_GIVEN_SERVICE_KEY;
	XLVS_CLEANUP(xlvs_plan_done) struct xlvs_plan plan = {0};
	int r;

	r = xlvs_model_zero(director->model, is_one ? &request->service.key : NULL, &plan, reterr);
	return r < 0 ? r : xlvs_apply(director, &plan, reterr);
}

static int set_config(struct xlvs_director *director, const struct xlvs_request *request,
		      struct xlvs_error *reterr)
{
	XLVS_CLEANUP(xlvs_plan_done) struct xlvs_plan plan = {0};
	int r;

	r = xlvs_model_set_timeouts(director->model, &request->timeouts, &plan, reterr);
	return r < 0 ? r : xlvs_apply_final(director, &plan, reterr);
}

static int get_service(const struct xlvs_director *director, const struct xlvs_request *request,
		       struct xlvs_reply *reply)
{
	const struct xlvs_model_service *service;

	if (request->dump)
		return xlvs_listing_services(director, reply);
	service = xlvs_model_find_service(director->model, &request->service.key);
	return service ? xlvs_listing_service(director, service, reply) : -ESRCH;
}

/* As in the kernel, an unknown service has no destinations. */
static int get_dests(const struct xlvs_director *director, const struct xlvs_request *request,
		     struct xlvs_reply *reply)
{
	const struct xlvs_model_service *service = NULL;

	if (request->given & XLVS_GIVEN_SERVICE_KEY)
		service = xlvs_model_find_service(director->model, &request->service.key);
	return service ? xlvs_listing_dests(director, service, reply) : 0;
}

static int get_config(const struct xlvs_director *director, struct xlvs_reply *reply)
{
	struct xlvs_timeouts timeouts;

	xlvs_model_timeouts(director->model, &timeouts);
	return xlvs_reply_config(reply, &timeouts);
}

/* No daemon runs, so there is none to stop. */
static int change_sync(const struct xlvs_request *request, struct xlvs_error *reterr)
{
	if (request->sync.role != XLVS_SYNC_MASTER && request->sync.role != XLVS_SYNC_BACKUP)
		return xlvs_refuse(reterr, -EINVAL, "a synchronisation daemon is master or backup");
	if (request->command == IPVS_CMD_DEL_DAEMON)
		return -ESRCH;
	return xlvs_refuse(reterr, -EOPNOTSUPP, "connection synchronisation is not supported yet");
}

static int answer_ipvs(struct xlvs_director *director, const struct xlvs_request *request,
		       struct xlvs_reply *reply, struct xlvs_error *reterr)
{
	static const struct xlvs_director_info info = {
		.version = IPVS_VERSION,
		.connection_table_size = IPVS_TABLE_SIZE,
	};

	switch (request->command) {
	case IPVS_CMD_NEW_SERVICE:
		return new_service(director, request, reterr);
	case IPVS_CMD_SET_SERVICE:
		return set_service(director, request, reterr);
	case IPVS_CMD_DEL_SERVICE:
		return delete_service(director, request, reterr);
	case IPVS_CMD_GET_SERVICE:
		return get_service(director, request, reply);
	case IPVS_CMD_NEW_DEST:
		return new_dest(director, request, reterr);
	case IPVS_CMD_SET_DEST:
		return set_dest(director, request, reterr);
	case IPVS_CMD_DEL_DEST:
		return delete_dest(director, request, reterr);
	case IPVS_CMD_GET_DEST:
		return get_dests(director, request, reply);
	case IPVS_CMD_NEW_DAEMON:
	case IPVS_CMD_DEL_DAEMON:
		return change_sync(request, reterr);
	case IPVS_CMD_GET_DAEMON:
		return 0;
	case IPVS_CMD_SET_CONFIG:
		return set_config(director, request, reterr);
	case IPVS_CMD_GET_CONFIG:
		return get_config(director, reply);
	case IPVS_CMD_GET_INFO:
		return xlvs_reply_info(reply, &info);
	case IPVS_CMD_ZERO:
		return zero(director, request, reterr);
	case IPVS_CMD_FLUSH:
		return flush(director, reterr);
	default:
		return -EOPNOTSUPP;
	}
}

static int answer_xlvs(struct xlvs_director *director, const struct xlvs_request *request,
		       struct xlvs_reply *reply, struct xlvs_error *reterr)
{
	XLVS_AUTO_FREE char *document = NULL;
	int r;

	switch (request->command) {
	case XLVS_CMD_GET_STATUS:
		r = xlvs_status_document(director, &document);
		break;
	case XLVS_CMD_GET_DROPS:
		r = xlvs_drops_document(director->loader, &document);
		break;
	case XLVS_CMD_NEW_LADDR:
		return xlvs_local_address_add(director, request, reterr);
	case XLVS_CMD_DEL_LADDR:
		return xlvs_local_address_delete(director, request, reterr);
	case XLVS_CMD_GET_LADDR:
		return xlvs_local_address_list(director, request, reply);
	case XLVS_CMD_GET_MARKS:
		r = xlvs_mark_rules_document(director, &document);
		break;
	case XLVS_CMD_NEW_MARKS:
		return xlvs_mark_rules_add(director, request, reterr);
	case XLVS_CMD_DEL_MARK:
		return xlvs_mark_rules_delete(director, request, reterr);
	case XLVS_CMD_CARRY_MARKS:
		return xlvs_loader_carry_marks(director->loader, request->mark_near,
					       request->mark_far, reterr);
	case XLVS_CMD_FLUSH_MARKS:
		return xlvs_mark_rules_flush(director, reterr);
	case XLVS_CMD_SET_SETTING:
		return xlvs_sysctl_set(director, request, reterr);
	case XLVS_CMD_GET_SETTINGS:
		r = xlvs_sysctl_document(director->model, &document);
		break;
	case XLVS_CMD_GET_CONNS:
		return xlvs_connections_dump(xlvs_loader_maps(director->loader), reply, reterr);
	default:
		return -EOPNOTSUPP;
	}
	return r < 0 ? r : xlvs_reply_json(reply, document);
}

int xlvs_dispatch(void *director, const struct xlvs_request *request, struct xlvs_reply *reply,
		  struct xlvs_error *reterr)
{
	if (request->family == XLVS_FAMILY_IPVS)
		return answer_ipvs(director, request, reply, reterr);
	return answer_xlvs(director, request, reply, reterr);
}
