// SPDX-License-Identifier: GPL-2.0-or-later
#include "scheduler/scheduler.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "scheduler/build.h"

static const char *const names[] = {[XLVS_SCHEDULER_NONE] = "none",
#define NAME(name, number) [XLVS_SCHEDULER_##name] = #name,
				    XLVS_SCHEDULERS(NAME)
#undef NAME
};

#define N_SCHEDULERS (sizeof(names) / sizeof(names[0]))

static const struct {
	uint32_t n_slots;
	void (*build)(struct xlvs_schedule *schedule);
} builders[N_SCHEDULERS] = {
#define BUILDER(name, slots) [XLVS_SCHEDULER_##name] = {slots, xlvs_##name##_build},
	XLVS_SCHEDULERS_BUILT(BUILDER)
#undef BUILDER
};

int xlvs_scheduler_find(const char *name)
{
	for (size_t i = 0; i < N_SCHEDULERS; i++) {
		if (names[i] && !strcmp(names[i], name))
			return (int)i;
	}
	return -ENOENT;
}

const char *xlvs_scheduler_name(uint16_t scheduler)
{
	return scheduler < N_SCHEDULERS ? names[scheduler] : NULL;
}

/* Tables are of one size whatever the list: an empty list has an empty table. */
uint32_t xlvs_scheduler_slots(uint16_t scheduler, uint32_t mh_slots)
{
	uint32_t n_slots = scheduler < N_SCHEDULERS ? builders[scheduler].n_slots : 0;

	return n_slots == XLVS_SLOTS_OF_MH ? mh_slots : n_slots;
}

uint32_t xlvs_schedule_chunks(uint32_t n_dests, uint32_t n_slots)
{
	return 1 + (n_dests + XLVS_CELLS_PER_CHUNK - 1) / XLVS_CELLS_PER_CHUNK +
	       (n_slots + XLVS_SLOTS_PER_CHUNK - 1) / XLVS_SLOTS_PER_CHUNK;
}

void xlvs_scheduler_build(struct xlvs_schedule *schedule)
{
	struct xlvs_list_head *head = &schedule->chunks->head;
	uint16_t scheduler = head->scheduler;

	head->max_weight = 0;
	head->gcd_weight = 0;
	head->cursor = xlvs_cursor(XLVS_NONE, 0);
	if (scheduler < N_SCHEDULERS && builders[scheduler].build)
		builders[scheduler].build(schedule);
}

uint64_t xlvs_cursor_carried(const struct xlvs_schedule *schedule)
{
	if (!schedule->old)
		return xlvs_cursor(XLVS_NONE, 0);
	return __atomic_load_n(&schedule->old->head.cursor, __ATOMIC_RELAXED);
}

uint64_t xlvs_binding(const struct xlvs_schedule *schedule)
{
	if (schedule->change == XLVS_SCHEDULE_BIND || !schedule->old)
		return schedule->binding;
	return schedule->old->head.cursor;
}

uint32_t xlvs_run_find(const union xlvs_chunk *run, uint32_t dest)
{
	for (uint32_t i = 0; i < run->head.n_dests; i++) {
		if (xlvs_run_cell(run, i)->dest == dest)
			return i;
	}
	return XLVS_NONE;
}

uint32_t xlvs_position_carried(const struct xlvs_schedule *schedule, uint32_t position)
{
	const union xlvs_chunk *old = schedule->old;
	uint32_t found = XLVS_NONE;

	if (!old || position >= old->head.n_dests)
		return XLVS_NONE;
	for (uint32_t i = position + 1; found == XLVS_NONE && i > 0; i--)
		found = xlvs_run_find(schedule->chunks, xlvs_run_cell(old, i - 1)->dest);
	return found;
}
