// SPDX-License-Identifier: GPL-2.0-or-later
/* Local addresses of services: add, delete. Whether an address is the director's own only the
 * kernel knows: the daemon asks it first. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "abi/limits.h"
#include "abi/local.h"
#include "model/plan.h"
#include "model/state.h"

static const char *text_of(const struct xlvs_local_address *local, char text[INET6_ADDRSTRLEN])
{
	return inet_ntop(local->family, &local->address, text, INET6_ADDRSTRLEN);
}

/* Its place in the service's list, n_locals when it is not there. */
static uint32_t find(const struct xlvs_model_service *service,
		     const struct xlvs_local_address *local)
{
	uint32_t i = 0;

	while (i < service->n_locals &&
	       (service->locals[i].family != local->family ||
		memcmp(&service->locals[i].address, &local->address, sizeof(local->address)) != 0))
		i++;
	return i;
}

uint32_t xlvs_model_n_locals4(const struct xlvs_model_service *service)
{
	uint32_t n = 0;

	while (n < service->n_locals && service->locals[n].family == AF_INET)
		n++;
	return n;
}

static void plan_locals(struct xlvs_plan *plan, uint32_t service)
{
	xlvs_plan_add(plan, (struct xlvs_op){
				    .kind = XLVS_OP_LOCALS,
				    .service = service,
				    .dest = XLVS_NONE,
			    });
}

/* IPv4 first: so the packet path finds those of a family in one stretch. */
static int insert(struct xlvs_model_service *service, const struct xlvs_local_address *local)
{
	uint32_t at = local->family == AF_INET ? xlvs_model_n_locals4(service) : service->n_locals;
	struct xlvs_local_address *locals =
		reallocarray(service->locals, service->n_locals + 1U, sizeof(*locals));

	if (!locals)
		return -ENOMEM;
	memmove(locals + at + 1, locals + at, (service->n_locals - at) * sizeof(*locals));
	locals[at] = *local;
	service->locals = locals;
	service->n_locals++;
	return 0;
}

static int check_new(const struct xlvs_model_service *service,
		     const struct xlvs_local_address *local, struct xlvs_error *reterr)
{
	char text[INET6_ADDRSTRLEN];

	if (local->family != AF_INET && local->family != AF_INET6)
		return xlvs_refuse(reterr, -EAFNOSUPPORT, "address family %u of a local address",
				   local->family);
	if (find(service, local) < service->n_locals)
		return xlvs_refuse(reterr, -EEXIST,
				   "local address %s is in use by the service already",
				   text_of(local, text));
	if (service->n_locals == XLVS_LOCALS_MAX)
		return xlvs_refuse(reterr, -ENOSPC, "a service has at most %d local addresses",
				   XLVS_LOCALS_MAX);
	return 0;
}

int xlvs_model_add_local(struct xlvs_model *model, const struct xlvs_service_key *key,
			 const struct xlvs_local_address *local, struct xlvs_plan *plan,
			 struct xlvs_error *reterr)
{
	struct xlvs_service_entry *entry;
	int r;

	r = xlvs_service_entry_get(model, key, &entry, reterr);
	if (r == 0)
		r = check_new(&entry->service, local, reterr);
	if (r == 0)
		r = xlvs_plan_reserve(plan, 1);
	if (r == 0)
		r = insert(&entry->service, local);
	if (r == 0)
		plan_locals(plan, entry->service.id);
	return r;
}

int xlvs_model_delete_local(struct xlvs_model *model, const struct xlvs_service_key *key,
			    const struct xlvs_local_address *local, struct xlvs_plan *plan,
			    struct xlvs_error *reterr)
{
	struct xlvs_service_entry *entry;
	struct xlvs_model_service *service;
	char text[INET6_ADDRSTRLEN];
	uint32_t at;
	int r;

	r = xlvs_service_entry_get(model, key, &entry, reterr);
	if (r < 0)
		return r;
	service = &entry->service;
	at = find(service, local);
	if (at == service->n_locals)
		return xlvs_refuse(reterr, -ENOENT, "%s is no local address of the service",
				   text_of(local, text));
	r = xlvs_plan_reserve(plan, 1);
	if (r < 0)
		return r;
	service->n_locals--;
	memmove(service->locals + at, service->locals + at + 1,
		(service->n_locals - at) * sizeof(*service->locals));
	plan_locals(plan, service->id);
	return 0;
}

int xlvs_model_adopt_local(struct xlvs_model *model, uint32_t service,
			   const struct xlvs_local_address *local)
{
	if (service >= XLVS_SERVICES_MAX || !model->services[service] ||
	    check_new(&model->services[service]->service, local, NULL) < 0)
		return -EINVAL;
	return insert(&model->services[service]->service, local);
}
