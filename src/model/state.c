// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/state.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "model/key.h"

enum {
	FTP_PORT = 21,
};

#define entry_of(node_pointer, type) ((type *)(void *)((char *)(node_pointer)-offsetof(type, node)))

struct xlvs_service_entry *xlvs_service_entry_find(const struct xlvs_model *model,
						   const struct xlvs_service_key *key)
{
	struct xlvs_table_node *node;

	node = xlvs_table_first(&model->service_keys, xlvs_service_key_hash(key));
	for (; node; node = xlvs_table_next(node)) {
		struct xlvs_service_entry *entry = entry_of(node, struct xlvs_service_entry);

		if (xlvs_service_key_equal(&entry->service.spec.key, key))
			return entry;
	}
	return NULL;
}

struct xlvs_dest_entry *xlvs_dest_entry_find(const struct xlvs_model *model,
					     const struct xlvs_service_key *service,
					     const struct xlvs_dest_key *key)
{
	struct xlvs_table_node *node;

	node = xlvs_table_first(&model->dest_keys, xlvs_dest_key_hash(service, key));
	for (; node; node = xlvs_table_next(node)) {
		struct xlvs_dest_entry *entry = entry_of(node, struct xlvs_dest_entry);

		if (xlvs_service_key_equal(&entry->dest.service_key, service) &&
		    xlvs_dest_key_equal(&entry->dest.spec.key, key))
			return entry;
	}
	return NULL;
}

int xlvs_service_entry_get(const struct xlvs_model *model, const struct xlvs_service_key *key,
			   struct xlvs_service_entry **ret_entry, struct xlvs_error *reterr)
{
	struct xlvs_service_entry *entry;

	if (key->family != AF_INET && key->family != AF_INET6)
		return xlvs_refuse(reterr, -EAFNOSUPPORT, "address family %u of the service",
				   key->family);
	entry = xlvs_service_entry_find(model, key);
	if (!entry)
		return xlvs_refuse(reterr, -ESRCH, "no such service");
	*ret_entry = entry;
	return 0;
}

void xlvs_model_count(struct xlvs_model *model, const struct xlvs_service_key *key, int change)
{
	*(key->family == AF_INET ? &model->n_services4 : &model->n_services6) += (uint32_t)change;
	if (key->fwmark)
		return;
	model->n_ftp += key->port == htons(FTP_PORT) ? (uint32_t)change : 0;
	model->n_port0 += key->port == 0 ? (uint32_t)change : 0;
}

int xlvs_service_entry_new(struct xlvs_model *model, uint32_t id,
			   const struct xlvs_service_spec *spec, uint16_t scheduler)
{
	struct xlvs_service_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return -ENOMEM;
	entry->service.id = id;
	entry->service.serial = ++model->last_serial;
	entry->service.spec = *spec;
	entry->service.spec.flags |= XLVS_SERVICE_HASHED;
	entry->service.spec.flags_mask = ~0U;
	entry->service.scheduler = scheduler;

	xlvs_ids_take(&model->service_ids, id);
	model->services[id] = entry;
	xlvs_table_insert(&model->service_keys, &entry->node, xlvs_service_key_hash(&spec->key));
	xlvs_model_count(model, &spec->key, 1);
	return 0;
}

void xlvs_service_entry_free(struct xlvs_service_entry *entry)
{
	if (!entry)
		return;
	free(entry->service.dests);
	free(entry->service.locals);
	free(entry);
}

int xlvs_service_entry_reserve(struct xlvs_service_entry *entry)
{
	uint32_t capacity = entry->capacity ? 2 * entry->capacity : 4;
	uint32_t *dests;

	if (entry->service.n_dests < entry->capacity)
		return 0;
	dests = reallocarray(entry->service.dests, capacity, sizeof(*dests));
	if (!dests)
		return -ENOMEM;
	entry->service.dests = dests;
	entry->capacity = capacity;
	return 0;
}

void xlvs_service_entry_list(struct xlvs_service_entry *entry, uint32_t position, uint32_t dest)
{
	struct xlvs_model_service *service = &entry->service;
	uint32_t *at = service->dests + position;

	memmove(at + 1, at, (service->n_dests - position) * sizeof(*at));
	*at = dest;
	service->n_dests++;
}

void xlvs_service_entry_unlist(struct xlvs_service_entry *entry, uint32_t dest)
{
	struct xlvs_model_service *service = &entry->service;
	uint32_t *at = service->dests;

	while (*at != dest)
		at++;
	service->n_dests--;
	memmove(at, at + 1, (size_t)(service->dests + service->n_dests - at) * sizeof(*at));
}

int xlvs_dest_entry_new(struct xlvs_model *model, const struct xlvs_model_dest *dest)
{
	struct xlvs_dest_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return -ENOMEM;
	entry->dest = *dest;

	xlvs_ids_take(&model->dest_ids, dest->id);
	model->dests[dest->id] = entry;
	xlvs_table_insert(&model->dest_keys, &entry->node,
			  xlvs_dest_key_hash(&dest->service_key, &dest->spec.key));
	return 0;
}

void xlvs_dest_entry_free(struct xlvs_model *model, struct xlvs_dest_entry *entry)
{
	xlvs_table_remove(&model->dest_keys, &entry->node);
	model->dests[entry->dest.id] = NULL;
	xlvs_ids_give(&model->dest_ids, entry->dest.id);
	free(entry);
}

void xlvs_trash_add(struct xlvs_service_entry *service, struct xlvs_dest_entry *entry)
{
	entry->trash_prev = NULL;
	entry->trash_next = service->trash;
	if (service->trash)
		service->trash->trash_prev = entry;
	service->trash = entry;
	service->n_trash++;
}

void xlvs_trash_remove(struct xlvs_service_entry *service, struct xlvs_dest_entry *entry)
{
	if (entry->trash_prev)
		entry->trash_prev->trash_next = entry->trash_next;
	else
		service->trash = entry->trash_next;
	if (entry->trash_next)
		entry->trash_next->trash_prev = entry->trash_prev;
	service->n_trash--;
}
