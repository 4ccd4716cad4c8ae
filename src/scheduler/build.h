/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the build functions of the schedulers share; for the files of this folder alone. */
#ifndef XLVS_SCHEDULER_BUILD_H
#define XLVS_SCHEDULER_BUILD_H

#include "abi/limits.h"
#include "scheduler/scheduler.h"

/* One per scheduler that builds: fills in cursor, weights and table, which are empty before. */
#define XLVS_SCHEDULER_BUILD(name, slots) void xlvs_##name##_build(struct xlvs_schedule *schedule);
XLVS_SCHEDULERS_BUILT(XLVS_SCHEDULER_BUILD)
#undef XLVS_SCHEDULER_BUILD

static inline const struct xlvs_cell *xlvs_run_cell(const union xlvs_chunk *run, uint32_t position)
{
	return &run[1 + position / XLVS_CELLS_PER_CHUNK].cells[position % XLVS_CELLS_PER_CHUNK];
}

/* Position of a destination, XLVS_NONE without. */
uint32_t xlvs_run_find(const union xlvs_chunk *run, uint32_t dest);

static inline uint32_t xlvs_run_slot(const union xlvs_chunk *run, uint32_t slot)
{
	return run[run->head.table + slot / XLVS_SLOTS_PER_CHUNK]
		.slots[slot % XLVS_SLOTS_PER_CHUNK];
}

static inline void xlvs_run_set_slot(union xlvs_chunk *run, uint32_t slot, uint32_t dest)
{
	run[run->head.table + slot / XLVS_SLOTS_PER_CHUNK].slots[slot % XLVS_SLOTS_PER_CHUNK] =
		dest + 1;
}

/* A cursor: the position served last, XLVS_NONE before the first, and a threshold (wrr). */
static inline uint64_t xlvs_cursor(uint32_t position, int32_t threshold)
{
	return (uint64_t)(uint32_t)threshold << 32 | position;
}

static inline uint32_t xlvs_cursor_position(uint64_t cursor)
{
	return (uint32_t)cursor;
}

static inline int32_t xlvs_cursor_threshold(uint64_t cursor)
{
	return (int32_t)(cursor >> 32);
}

/* Greatest common divisor of the weights so far, 0 for none, and one more; 0 does not count. */
static inline int32_t xlvs_weights_divisor(int32_t divisor, int32_t weight)
{
	while (weight) {
		int32_t rest = divisor % weight;

		divisor = weight;
		weight = rest;
	}
	return divisor;
}

/* The cursor of the published run, which packets move meanwhile; before the first, threshold 0,
 * when there is none. */
uint64_t xlvs_cursor_carried(const struct xlvs_schedule *schedule);

/* The number of the binding of scheduler and service: the former one's unless it is a new one. */
uint64_t xlvs_binding(const struct xlvs_schedule *schedule);

/* Where the destination at `position` of the published run stands in the new one; if it has gone,
 * the nearest one before it that is still there; XLVS_NONE before the first. */
uint32_t xlvs_position_carried(const struct xlvs_schedule *schedule, uint32_t position);

#endif
