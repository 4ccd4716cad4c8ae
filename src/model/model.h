/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The director's configuration as plain data: services, their destinations in scheduling order,
 * deleted destinations that connections still use, and timeouts.
 *
 * Owns every rule about what is a valid configuration: the kernel's IPVS makes the same checks in
 * the same order with the same errno. Knows nothing of sockets, maps, files or time, so every
 * function here runs in a unit test. A change is checked first, then made, and what must be done to
 * the packet path is appended to a plan, in an order that is safe under traffic. A plan names
 * things by id and the model holds their content: carry it out before the next change.
 *
 * Invariant: a call that fails has changed neither the model nor the plan.
 * Not thread-safe; only the daemon's event loop calls it. */
#ifndef XLVS_MODEL_MODEL_H
#define XLVS_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/setting.h"
#include "base/error.h"
#include "model/spec.h"
#include "scheduler/scheduler.h"

struct xlvs_model;

struct xlvs_model_dest {
	uint32_t id; /* index in xlvs_dests */
	uint32_t service; /* id of its service; XLVS_NONE once that is deleted */
	struct xlvs_service_key service_key; /* whose it was: finds it again after deletion */
	struct xlvs_dest_spec spec;
	int32_t last_weight; /* the last that was not 0, or the one it was added with */
	bool available; /* false: deleted, in the trash */
	uint64_t service_serial; /* which incarnation of the service it belonged to */
};

struct xlvs_model_service {
	uint32_t id; /* dense, 0 .. XLVS_SERVICES_MAX - 1 */
	uint64_t serial; /* never the same twice */
	struct xlvs_service_spec spec;
	uint16_t scheduler; /* enum xlvs_scheduler_number */
	uint32_t n_dests;
	uint32_t *dests; /* ids of available destinations, newest first */
	uint32_t n_locals;
	struct xlvs_local_address *locals; /* IPv4 first, else as they were added */
};

struct xlvs_model_mark {
	uint32_t id; /* index in xlvs_marks */
	struct xlvs_mark_spec spec;
};

enum xlvs_op_kind {
	XLVS_OP_DEST_PUT, /* write a destination's slot (new, edited or back from the trash) */
	XLVS_OP_SCHEDULE, /* build and publish a service's list; `change` says why */
	XLVS_OP_SERVICE_PUT, /* write a service's slot; its list is published already */
	XLVS_OP_LOCALS, /* publish a service's local addresses */
	XLVS_OP_SERVICE_DELETE, /* its slot goes, then its list */
	XLVS_OP_DEST_DELETE, /* no longer available, or its service went after it: the slot stays
				until freed, its service is as the model says */
	XLVS_OP_DEST_FREE, /* nothing uses the slot any more */
	XLVS_OP_DEST_ZERO, /* counters of one that comes back from the trash to another service than
			      it left: that was deleted, and a new one made with its key */
	XLVS_OP_TIMEOUTS,
	XLVS_OP_SETTINGS, /* write them all */
	XLVS_OP_MARK_PUT, /* write a mark rule's element */
	XLVS_OP_MARK_DELETE, /* its element is free */
	XLVS_OP_MARKS, /* publish the rules as the model has them: after those put, before those
			  deleted */
	XLVS_OP_ZERO_SERVICE, /* counters of the service and its destinations */
	XLVS_OP_ZERO_ALL,
};

struct xlvs_op {
	enum xlvs_op_kind kind;
	uint32_t service;
	uint32_t dest;
	enum xlvs_schedule_change change;
	uint32_t mark; /* id of a rule */
};

struct xlvs_plan {
	struct xlvs_op *ops; /* heap; released by xlvs_plan_done() */
	size_t n_ops;
	size_t capacity;
};

void xlvs_plan_done(struct xlvs_plan *plan);

/* NULL when memory is short. */
struct xlvs_model *xlvs_model_new(void);
void xlvs_model_free(struct xlvs_model *model);

/* Services. Errors as the kernel's (ip_vs_ctl.c): -EEXIST, -ESRCH, -ENOENT (no such scheduler or
 * persistence engine), -EINVAL, -EAFNOSUPPORT, -EOPNOTSUPP (what this director cannot do yet:
 * persistence, one-packet scheduling, SCTP; *reterr names it), -ENOSPC. */
int xlvs_model_add_service(struct xlvs_model *model, const struct xlvs_service_spec *spec,
			   struct xlvs_plan *plan, struct xlvs_error *reterr);
int xlvs_model_edit_service(struct xlvs_model *model, const struct xlvs_service_spec *spec,
			    struct xlvs_plan *plan, struct xlvs_error *reterr);
int xlvs_model_delete_service(struct xlvs_model *model, const struct xlvs_service_key *key,
			      struct xlvs_plan *plan, struct xlvs_error *reterr);
int xlvs_model_flush(struct xlvs_model *model, struct xlvs_plan *plan);

/* Destinations. -ESRCH no such service, -EEXIST, -ENOENT no such destination, -EINVAL address not
 * unicast or family mixed without a tunnel, -ERANGE lower threshold above upper, -EOPNOTSUPP. */
int xlvs_model_add_dest(struct xlvs_model *model, const struct xlvs_service_key *service,
			const struct xlvs_dest_spec *spec, struct xlvs_plan *plan,
			struct xlvs_error *reterr);
int xlvs_model_edit_dest(struct xlvs_model *model, const struct xlvs_service_key *service,
			 const struct xlvs_dest_spec *spec, struct xlvs_plan *plan,
			 struct xlvs_error *reterr);
int xlvs_model_delete_dest(struct xlvs_model *model, const struct xlvs_service_key *service,
			   const struct xlvs_dest_key *key, struct xlvs_plan *plan,
			   struct xlvs_error *reterr);

/* A deleted destination that no connection uses any more leaves the trash. */
int xlvs_model_free_dest(struct xlvs_model *model, uint32_t dest, struct xlvs_plan *plan);

/* Local addresses of a service, of either family. -ESRCH no such service, -EEXIST, -ENOENT no such
 * local address, -ENOSPC, -EAFNOSUPPORT. */
int xlvs_model_add_local(struct xlvs_model *model, const struct xlvs_service_key *service,
			 const struct xlvs_local_address *local, struct xlvs_plan *plan,
			 struct xlvs_error *reterr);
int xlvs_model_delete_local(struct xlvs_model *model, const struct xlvs_service_key *service,
			    const struct xlvs_local_address *local, struct xlvs_plan *plan,
			    struct xlvs_error *reterr);
/* How many of them are IPv4: the first. */
uint32_t xlvs_model_n_locals4(const struct xlvs_model_service *service);

/* Mark rules, all of them or none. -EINVAL not a rule, -EEXIST there is one for the same packets,
 * -ENOSPC, -EAFNOSUPPORT. */
int xlvs_model_add_marks(struct xlvs_model *model, const struct xlvs_mark_spec *specs,
			 size_t n_specs, struct xlvs_plan *plan, struct xlvs_error *reterr);
/* The rule for these packets; a mark of 0 stands for whatever mark it has. -ESRCH. */
int xlvs_model_delete_mark(struct xlvs_model *model, const struct xlvs_mark_spec *spec,
			   struct xlvs_plan *plan, struct xlvs_error *reterr);
int xlvs_model_flush_marks(struct xlvs_model *model, struct xlvs_plan *plan);

/* Zero fields leave a timeout as it is. -EINVAL above 31 days. */
int xlvs_model_set_timeouts(struct xlvs_model *model, const struct xlvs_timeouts *timeouts,
			    struct xlvs_plan *plan, struct xlvs_error *reterr);
void xlvs_model_timeouts(const struct xlvs_model *model, struct xlvs_timeouts *ret_timeouts);

/* Settings, the sysctls net.ipv4.vs.NAME, with values in the words of the kernel. -ENOENT no such
 * setting, -EINVAL not a value of it, -EOPNOTSUPP one that this director cannot follow. */
int xlvs_model_set_setting(struct xlvs_model *model, const char *name, const char *value,
			   struct xlvs_plan *plan, struct xlvs_error *reterr);
int32_t xlvs_model_setting(const struct xlvs_model *model, enum xlvs_setting setting);
/* The n-th of all settings, those that stay as they are included. One may come twice, with the same
 * value. False: there are no more. */
bool xlvs_model_nth_setting(const struct xlvs_model *model, size_t n, const char **ret_name,
			    char ret_value[static XLVS_SETTING_BYTES]);
/* The drop rate that the packet path is to have. */
int32_t xlvs_model_drop_rate(const struct xlvs_model *model);
/* Look whether memory is low (IPVS's update_defense_level), with so many pages free: automatic
 * defences go on or off. Nothing is planned where nothing changes. */
int xlvs_model_defend(struct xlvs_model *model, uint64_t free_pages, struct xlvs_plan *plan);

/* key NULL: everything. -ESRCH. */
int xlvs_model_zero(struct xlvs_model *model, const struct xlvs_service_key *key,
		    struct xlvs_plan *plan, struct xlvs_error *reterr);

/* Reading. What is returned is borrowed and valid until the next change. */
const struct xlvs_model_service *xlvs_model_find_service(const struct xlvs_model *model,
							 const struct xlvs_service_key *key);
const struct xlvs_model_service *xlvs_model_service(const struct xlvs_model *model, uint32_t id);
const struct xlvs_model_dest *xlvs_model_dest(const struct xlvs_model *model, uint32_t id);
/* Walk by id: the first in use at or after `from`; NULL at the end. Destinations include the
 * trash. Dumps that pause between calls resume with the last id + 1. */
const struct xlvs_model_service *xlvs_model_next_service(const struct xlvs_model *model,
							 uint32_t from);
const struct xlvs_model_dest *xlvs_model_next_dest(const struct xlvs_model *model, uint32_t from);
const struct xlvs_model_mark *xlvs_model_mark(const struct xlvs_model *model, uint32_t id);
const struct xlvs_model_mark *xlvs_model_next_mark(const struct xlvs_model *model, uint32_t from);
uint32_t xlvs_model_n_services(const struct xlvs_model *model, uint16_t family);
/* How services are to be looked for beyond their own address and port: enum xlvs_lookup. */
uint32_t xlvs_model_lookups(const struct xlvs_model *model);

/* Adoption of what a former daemon left in the maps, ids included: services first, then each
 * service's destinations in list order (newest first), then the trash. No plan: the packet path
 * has them already. Of a destination's fields the serial is ignored; `service` tells those in the
 * trash whose service still exists from those it left behind (XLVS_NONE). -EINVAL for what could
 * not have been left by a model, -ENOMEM. */
int xlvs_model_adopt_service(struct xlvs_model *model, uint32_t id,
			     const struct xlvs_service_spec *spec);
int xlvs_model_adopt_dest(struct xlvs_model *model, const struct xlvs_model_dest *dest);
int xlvs_model_adopt_local(struct xlvs_model *model, uint32_t service,
			   const struct xlvs_local_address *local);
int xlvs_model_adopt_mark(struct xlvs_model *model, uint32_t id, const struct xlvs_mark_spec *spec);
void xlvs_model_adopt_timeouts(struct xlvs_model *model, const struct xlvs_timeouts *timeouts);
int xlvs_model_adopt_settings(struct xlvs_model *model,
			      const int32_t settings[static XLVS_SETTINGS_END], int32_t drop_rate);

#endif
