// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/local_address.h"

#include "base/cleanup.h"
#include "daemon/apply.h"
#include "daemon/locals.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#define PER_PORTION 64

/* Packets to it must come here: only an address of the director's own will do. */
static int check_own(struct xlvs_director *director, const struct xlvs_local_address *local,
		     struct xlvs_error *reterr)
{
	char text[INET6_ADDRSTRLEN] = "";
	uint8_t type;
	int r;

	xlvs_network_catch_up(director->network);
	r = xlvs_locals_type(xlvs_nexthops_locals(xlvs_network_nexthops(director->network)),
			     local->family, &local->address, &type);
	if (r < 0)
		return xlvs_refuse(reterr, r, "the kernel's local addresses cannot be read: %s",
				   strerror(-r));
	if (type == RTN_LOCAL)
		return 0;
	inet_ntop(local->family, &local->address, text, sizeof(text));
	return xlvs_refuse(reterr, -EADDRNOTAVAIL,
			   "local address %s is not an address of the director", text);
}

int xlvs_local_address_add(struct xlvs_director *director, const struct xlvs_request *request,
			   struct xlvs_error *reterr)
{
	const struct xlvs_service_key *key = &request->service.key;
	XLVS_CLEANUP(xlvs_plan_done) struct xlvs_plan plan = {0};
	int r;

	r = xlvs_model_add_local(director->model, key, &request->local, &plan, reterr);
	if (r < 0)
		return r;
	r = check_own(director, &request->local, reterr);
	if (r == 0)
		r = xlvs_apply(director, &plan, reterr);
	if (r < 0)
		xlvs_model_delete_local(director->model, key, &request->local, &plan, NULL);
	return r;
}

int xlvs_local_address_delete(struct xlvs_director *director, const struct xlvs_request *request,
			      struct xlvs_error *reterr)
{
	const struct xlvs_service_key *key = &request->service.key;
	XLVS_CLEANUP(xlvs_plan_done) struct xlvs_plan plan = {0};
	int r;

	r = xlvs_model_delete_local(director->model, key, &request->local, &plan, reterr);
	if (r < 0)
		return r;
	r = xlvs_apply(director, &plan, reterr);
	if (r < 0)
		xlvs_model_add_local(director->model, key, &request->local, &plan, NULL);
	return r;
}

struct cursor {
	const struct xlvs_director *director;
	uint32_t next_service; /* id */
	uint32_t last_service; /* one past it */
	uint32_t next_local;
};

static int next_portion(void *context, struct xlvs_reply *reply)
{
	struct cursor *cursor = context;

	for (int i = 0; i < PER_PORTION; i++) {
		const struct xlvs_model_service *service =
			xlvs_model_next_service(cursor->director->model, cursor->next_service);
		int r = 0;

		if (!service || service->id >= cursor->last_service)
			return 0;
		if (service->id != cursor->next_service || cursor->next_local >= service->n_locals)
			cursor->next_local = 0;
		cursor->next_service = service->id;
		if (cursor->next_local < service->n_locals)
			r = xlvs_reply_local(reply, &service->spec.key,
					     &service->locals[cursor->next_local]);
		if (r < 0)
			return r;
		if (++cursor->next_local >= service->n_locals) {
			cursor->next_local = 0;
			cursor->next_service++;
		}
	}
	return 1;
}

int xlvs_local_address_list(const struct xlvs_director *director,
			    const struct xlvs_request *request, struct xlvs_reply *reply)
{
	const struct xlvs_model_service *service = NULL;
	struct cursor *cursor;

	if (request->given & XLVS_GIVEN_SERVICE_KEY) {
		service = xlvs_model_find_service(director->model, &request->service.key);
		if (!service)
			return -ESRCH;
	}
	cursor = calloc(1, sizeof(*cursor));
	if (!cursor)
		return -ENOMEM;
	*cursor = (struct cursor){
		.director = director,
		.next_service = service ? service->id : 0,
		.last_service = service ? service->id + 1 : XLVS_NONE,
	};
	xlvs_reply_dump(reply, &(struct xlvs_dump){
				       .next = next_portion,
				       .free = free,
				       .cursor = cursor,
			       });
	return 0;
}
