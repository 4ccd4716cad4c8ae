/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user-space half of the schedulers: when a scheduling list is built, each scheduler lays out
 * its table and carries over or resets its running state as the kernel's module does on the same
 * change. Pure functions over abi/schedule.h; no map, no clock.
 *
 * A scheduler is one stem: name.bpf.c picks, name.c holds its build function (absent when it needs
 * none), list.h names it. */
#ifndef XLVS_SCHEDULER_SCHEDULER_H
#define XLVS_SCHEDULER_SCHEDULER_H

#include <stdint.h>

#include "abi/schedule.h"
#include "scheduler/list.h"

/* What made a scheduling list change: schedulers keep or reset their running state by it. */
enum xlvs_schedule_change {
	XLVS_SCHEDULE_BIND, /* a new service or another scheduler: start afresh */
	XLVS_SCHEDULE_DEST_ADDED,
	XLVS_SCHEDULE_DEST_DELETED,
	XLVS_SCHEDULE_DEST_EDITED,
	XLVS_SCHEDULE_KEPT, /* the service was edited, its scheduler stays */
};

/* What a table may depend on, of the destination in the cell of the same number. */
struct xlvs_schedule_dest {
	uint32_t address; /* folded to 32 bits as the service's family has it, host order */
	int32_t last_weight; /* the last that was not 0, or the one it was added with */
	uint16_t port; /* host order */
};

struct xlvs_schedule {
	union xlvs_chunk *chunks; /* the new run: head and cells are filled in, table zeroed */
	const union xlvs_chunk *old; /* the published run, NULL without */
	const struct xlvs_schedule_dest *dests; /* n_dests of them */
	enum xlvs_schedule_change change;
	uint64_t binding; /* a number never used before, should this be a new binding */
};

/* Slots of a scheduler's table, 0 for those without. `mh_slots` is what the director is told for
 * mh: a prime from XLVS_MH_SLOTS_MIN to XLVS_MH_SLOTS_MAX. */
uint32_t xlvs_scheduler_slots(uint16_t scheduler, uint32_t mh_slots);

/* Chunks of the whole run. */
uint32_t xlvs_schedule_chunks(uint32_t n_dests, uint32_t n_slots);

/* Fill in cursor, weights and table. The head's n_dests, scheduler, flags, table, n_slots and the
 * cells are given. */
void xlvs_scheduler_build(struct xlvs_schedule *schedule);

/* Number of a name, -ENOENT when there is none ("none" is XLVS_SCHEDULER_NONE), and back. */
int xlvs_scheduler_find(const char *name);
const char *xlvs_scheduler_name(uint16_t scheduler);

#endif
