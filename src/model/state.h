/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a model is made of, for the files of this folder alone.
 *
 * A destination stays the same entry from its making until it is freed: in its service's list, then
 * in the trash, perhaps back again. One table finds it by the service's key and its own wherever it
 * is, so the two never hold the same destination twice. */
#ifndef XLVS_MODEL_STATE_H
#define XLVS_MODEL_STATE_H

#include "model/ids.h"
#include "model/model.h"
#include "model/table.h"

struct xlvs_dest_entry {
	struct xlvs_model_dest dest; /* first: readers borrow it */
	struct xlvs_table_node node;
	/* Neighbours in its service's trash; not linked once the service is deleted. */
	struct xlvs_dest_entry *trash_next, *trash_prev;
};

struct xlvs_service_entry {
	struct xlvs_model_service service; /* first: readers borrow it */
	struct xlvs_table_node node;
	uint32_t capacity; /* of service.dests */
	struct xlvs_dest_entry *trash; /* deleted since the service exists, still used */
	uint32_t n_trash;
};

struct xlvs_mark_entry {
	struct xlvs_model_mark rule; /* first: readers borrow it */
	struct xlvs_table_node node;
};

struct xlvs_model {
	struct xlvs_service_entry **services; /* [XLVS_SERVICES_MAX], NULL where free */
	struct xlvs_dest_entry **dests; /* [XLVS_DESTS_MAX], NULL where free */
	struct xlvs_mark_entry **marks; /* [XLVS_MARK_RULES_MAX], NULL where free */
	struct xlvs_ids service_ids, dest_ids, mark_ids;
	struct xlvs_table service_keys, dest_keys, mark_keys;
	struct xlvs_timeouts timeouts;
	int32_t settings[XLVS_SETTINGS_END];
	int32_t drop_rate;
	uint64_t last_serial;
	uint32_t n_services4, n_services6;
	uint32_t n_ftp, n_port0; /* of these, for port 21, and for all ports */
};

/* NULL when there is none. */
struct xlvs_service_entry *xlvs_service_entry_find(const struct xlvs_model *model,
						   const struct xlvs_service_key *key);
struct xlvs_dest_entry *xlvs_dest_entry_find(const struct xlvs_model *model,
					     const struct xlvs_service_key *service,
					     const struct xlvs_dest_key *key);

/* The settings a director starts with. */
void xlvs_model_init_settings(struct xlvs_model *model);

/* Count a service that comes (1) or goes (-1). */
void xlvs_model_count(struct xlvs_model *model, const struct xlvs_service_key *key, int change);

/* The service a command names: -EAFNOSUPPORT, -ESRCH. */
int xlvs_service_entry_get(const struct xlvs_model *model, const struct xlvs_service_key *key,
			   struct xlvs_service_entry **ret_entry, struct xlvs_error *reterr);

/* Make a service without destinations under a free id. -ENOMEM. */
int xlvs_service_entry_new(struct xlvs_model *model, uint32_t id,
			   const struct xlvs_service_spec *spec, uint16_t scheduler);

/* NULL is allowed. */
void xlvs_service_entry_free(struct xlvs_service_entry *entry);

/* Room for one more destination in the list: -ENOMEM. */
int xlvs_service_entry_reserve(struct xlvs_service_entry *entry);
/* Into the list at `position`, for which room was made; out of it, wherever it is. */
void xlvs_service_entry_list(struct xlvs_service_entry *entry, uint32_t position, uint32_t dest);
void xlvs_service_entry_unlist(struct xlvs_service_entry *entry, uint32_t dest);

/* Make a destination under the free id it names; it is in no list yet. -ENOMEM. */
int xlvs_dest_entry_new(struct xlvs_model *model, const struct xlvs_model_dest *dest);
void xlvs_dest_entry_free(struct xlvs_model *model, struct xlvs_dest_entry *entry);

void xlvs_trash_add(struct xlvs_service_entry *service, struct xlvs_dest_entry *entry);
void xlvs_trash_remove(struct xlvs_service_entry *service, struct xlvs_dest_entry *entry);

#endif
