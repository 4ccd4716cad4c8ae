// SPDX-License-Identifier: GPL-2.0-or-later
/* Scheduling lists as they are built: sizes, tables, and what of a scheduler's running state
 * outlives which change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "abi/limits.h"
#include "scheduler/scheduler.h"

#define RUN_CHUNKS 200

struct run {
	union xlvs_chunk chunks[RUN_CHUNKS];
};

struct list {
	const struct xlvs_cell *cells;
	uint32_t n_dests;
};

#define LIST(array) ((struct list){array, sizeof(array) / sizeof((array)[0])})

/* Lay out a list of destinations and weights and build it after `old` (NULL: none). */
static void build(struct run *run, uint16_t scheduler, struct list list, const struct run *old,
		  enum xlvs_schedule_change change)
{
	struct xlvs_schedule schedule = {
		.chunks = run->chunks,
		.old = old ? old->chunks : NULL,
		.change = change,
	};
	struct xlvs_list_head *head = &run->chunks[0].head;

	memset(run, 0, sizeof(*run));
	head->n_dests = list.n_dests;
	head->scheduler = scheduler;
	head->n_slots = xlvs_scheduler_slots(scheduler, XLVS_MH_SLOTS_DEFAULT);
	if (head->n_slots)
		head->table = 1 + (list.n_dests + XLVS_CELLS_PER_CHUNK - 1) / XLVS_CELLS_PER_CHUNK;
	for (uint32_t i = 0; i < list.n_dests; i++)
		run->chunks[1 + i / 32].cells[i % 32] = list.cells[i];
	xlvs_scheduler_build(&schedule);
}

static uint64_t cursor(uint32_t position, uint32_t threshold)
{
	return (uint64_t)threshold << 32 | position;
}

static uint32_t slot(const struct run *run, uint32_t n)
{
	return run->chunks[run->chunks[0].head.table + n / 64].slots[n % 64];
}

static void test_names_and_numbers_lead_to_each_other(void **state)
{
	static const struct {
		const char *name;
		uint16_t number;
	} rows[] = {{"none", XLVS_SCHEDULER_NONE},
#define ROW(name, number) {#name, number},
		    XLVS_SCHEDULERS(ROW)
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(xlvs_scheduler_find(rows[i].name), rows[i].number);
		assert_string_equal(xlvs_scheduler_name(rows[i].number), rows[i].name);
	}
	assert_int_equal(xlvs_scheduler_find(""), -ENOENT);
	assert_int_equal(xlvs_scheduler_find("rrr"), -ENOENT);
	assert_int_equal(xlvs_scheduler_find("RR"), -ENOENT);
	assert_null(xlvs_scheduler_name(UINT16_MAX));
}

static void test_chunks_hold_head_cells_and_table(void **state)
{
	(void)state;
	assert_int_equal(xlvs_schedule_chunks(0, 0), 1);
	assert_int_equal(xlvs_schedule_chunks(1, 0), 2);
	assert_int_equal(xlvs_schedule_chunks(32, 0), 2);
	assert_int_equal(xlvs_schedule_chunks(33, 0), 3);
	assert_int_equal(xlvs_schedule_chunks(0, 256), 5);
	assert_int_equal(xlvs_schedule_chunks(4096, 257), 134);
	assert_int_equal(xlvs_scheduler_slots(XLVS_SCHEDULER_sh, 251), 256);
	assert_int_equal(xlvs_scheduler_slots(XLVS_SCHEDULER_mh, 251), 251);
	assert_int_equal(xlvs_scheduler_slots(XLVS_SCHEDULER_wrr, 251), 0);
	assert_int_equal(xlvs_scheduler_slots(UINT16_MAX, 251), 0);
}

static void test_rr_place_follows_the_destination_served_last(void **state)
{
	static const struct xlvs_cell before[] = {{4, 1}, {3, 1}, {2, 1}, {1, 1}};
	static const struct xlvs_cell added[] = {{9, 1}, {4, 1}, {3, 1}, {2, 1}, {1, 1}};
	static const struct xlvs_cell deleted[] = {{4, 1}, {2, 1}, {1, 1}};
	static const uint32_t after_add[] = {1, 2, 3, 4};
	static const uint32_t after_delete[] = {0, 0, 1, 2};
	static struct run old, new;

	(void)state;
	build(&old, XLVS_SCHEDULER_rr, LIST(before), NULL, XLVS_SCHEDULE_BIND);
	assert_true(old.chunks[0].head.cursor == cursor(XLVS_NONE, 0));
	for (uint32_t place = 0; place < 4; place++) {
		old.chunks[0].head.cursor = cursor(place, 0);
		build(&new, XLVS_SCHEDULER_rr, LIST(added), &old, XLVS_SCHEDULE_DEST_ADDED);
		assert_true(new.chunks[0].head.cursor == cursor(after_add[place], 0));
		build(&new, XLVS_SCHEDULER_rr, LIST(deleted), &old, XLVS_SCHEDULE_DEST_DELETED);
		assert_true(new.chunks[0].head.cursor == cursor(after_delete[place], 0));
		build(&new, XLVS_SCHEDULER_rr, LIST(before), &old, XLVS_SCHEDULE_DEST_EDITED);
		assert_true(new.chunks[0].head.cursor == cursor(place, 0));
		build(&new, XLVS_SCHEDULER_rr, LIST(before), &old, XLVS_SCHEDULE_KEPT);
		assert_true(new.chunks[0].head.cursor == cursor(place, 0));
		build(&new, XLVS_SCHEDULER_rr, LIST(before), &old, XLVS_SCHEDULE_BIND);
		assert_true(new.chunks[0].head.cursor == cursor(XLVS_NONE, 0));
	}
}

static void test_rr_place_before_the_first_stays_there(void **state)
{
	static const struct xlvs_cell cells[] = {{3, 1}, {2, 1}, {1, 1}};
	static struct run old, new;

	(void)state;
	build(&old, XLVS_SCHEDULER_rr, (struct list){cells + 1, 2}, NULL, XLVS_SCHEDULE_BIND);
	build(&new, XLVS_SCHEDULER_rr, LIST(cells), &old, XLVS_SCHEDULE_DEST_ADDED);
	assert_true(new.chunks[0].head.cursor == cursor(XLVS_NONE, 0));
	old.chunks[0].head.cursor = cursor(0, 0);
	build(&new, XLVS_SCHEDULER_rr, (struct list){cells + 2, 1}, &old,
	      XLVS_SCHEDULE_DEST_DELETED);
	assert_true(new.chunks[0].head.cursor == cursor(XLVS_NONE, 0));
}

static void test_rr_place_is_found_across_chunks(void **state)
{
	static struct xlvs_cell cells[101];
	static struct run old, new;

	(void)state;
	for (uint32_t i = 0; i < 101; i++)
		cells[i] = (struct xlvs_cell){.dest = 1000 - i, .weight = 1};
	build(&old, XLVS_SCHEDULER_rr, (struct list){cells + 1, 100}, NULL, XLVS_SCHEDULE_BIND);
	old.chunks[0].head.cursor = cursor(95, 0);
	build(&new, XLVS_SCHEDULER_rr, LIST(cells), &old, XLVS_SCHEDULE_DEST_ADDED);
	assert_true(new.chunks[0].head.cursor == cursor(96, 0));
}

static void test_wrr_takes_divisor_and_top_from_the_weights(void **state)
{
	static const struct {
		struct xlvs_cell cells[4];
		uint32_t n_dests;
		int32_t divisor, top;
	} rows[] = {
		{{}, 0, 1, 0},
		{{{0, 0}}, 1, 1, 0},
		{{{0, 7}}, 1, 7, 1},
		{{{0, 4}, {1, 0}, {2, 6}}, 3, 2, 5},
		{{{0, 10}, {1, 20}, {2, 30}}, 3, 10, 21},
		{{{0, INT32_MAX}, {1, 1}}, 2, 1, INT32_MAX},
		{{{0, INT32_MAX}, {1, INT32_MAX}}, 2, INT32_MAX, 1},
	};
	static struct run run;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		build(&run, XLVS_SCHEDULER_wrr, (struct list){rows[i].cells, rows[i].n_dests}, NULL,
		      XLVS_SCHEDULE_BIND);
		assert_int_equal(run.chunks[0].head.gcd_weight, rows[i].divisor);
		assert_int_equal(run.chunks[0].head.max_weight, rows[i].top);
		assert_true(run.chunks[0].head.cursor == cursor(XLVS_NONE, (uint32_t)rows[i].top));
	}
}

static void test_wrr_threshold_after_a_change_fits_the_new_weights(void **state)
{
	/* Weights 10, 20, 30 have divisor 10 and top 21; 9, 20, 30 have divisor 1 and top 30. */
	static const struct xlvs_cell by_ten[] = {{3, 10}, {2, 20}, {1, 30}};
	static const struct xlvs_cell by_one[] = {{3, 9}, {2, 20}, {1, 30}};
	static const struct {
		const struct xlvs_cell *cells;
		uint32_t before, after;
	} rows[] = {
		{by_ten, 0, 21},  {by_ten, 22, 21}, {by_ten, 21, 21},
		{by_ten, 19, 11}, {by_ten, 10, 11}, {by_ten, 3, 1},
		{by_one, 0, 30},  {by_one, 31, 30}, {by_one, 17, 17},
	};
	static const enum xlvs_schedule_change changes[] = {
		XLVS_SCHEDULE_DEST_ADDED, XLVS_SCHEDULE_DEST_DELETED, XLVS_SCHEDULE_DEST_EDITED};
	static struct run old, new;

	(void)state;
	build(&old, XLVS_SCHEDULER_wrr, LIST(by_ten), NULL, XLVS_SCHEDULE_BIND);
	for (size_t i = 0; i < 3 * sizeof(rows) / sizeof(rows[0]); i++) {
		old.chunks[0].head.cursor = cursor(1, rows[i / 3].before);
		build(&new, XLVS_SCHEDULER_wrr, (struct list){rows[i / 3].cells, 3}, &old,
		      changes[i % 3]);
		assert_true(new.chunks[0].head.cursor == cursor(XLVS_NONE, rows[i / 3].after));
	}
}

static void test_wrr_state_outlives_an_edit_of_the_service(void **state)
{
	static const struct xlvs_cell cells[] = {{3, 10}, {2, 20}, {1, 30}};
	static struct run old, new;

	(void)state;
	build(&old, XLVS_SCHEDULER_wrr, LIST(cells), NULL, XLVS_SCHEDULE_BIND);
	old.chunks[0].head.cursor = cursor(1, 11);
	build(&new, XLVS_SCHEDULER_wrr, LIST(cells), &old, XLVS_SCHEDULE_KEPT);
	assert_true(new.chunks[0].head.cursor == cursor(1, 11));
	build(&new, XLVS_SCHEDULER_wrr, LIST(cells), &old, XLVS_SCHEDULE_BIND);
	assert_true(new.chunks[0].head.cursor == cursor(XLVS_NONE, 21));
}

static void test_sh_fills_slots_by_weight_round_and_round(void **state)
{
	static const struct xlvs_cell cells[] = {{30, 2}, {20, 0}, {10, 3}};
	static const uint32_t cycle[] = {31, 31, 21, 11, 11, 11};
	static struct run run;

	(void)state;
	build(&run, XLVS_SCHEDULER_sh, LIST(cells), NULL, XLVS_SCHEDULE_BIND);
	for (uint32_t i = 0; i < 256; i++)
		assert_int_equal(slot(&run, i), cycle[i % 6]);
}

static void test_sh_starves_the_last_when_weights_exceed_the_table(void **state)
{
	static const struct xlvs_cell cells[] = {{3, 200}, {2, 100}, {1, 1}};
	static struct run run;

	(void)state;
	build(&run, XLVS_SCHEDULER_sh, LIST(cells), NULL, XLVS_SCHEDULE_BIND);
	assert_int_equal(slot(&run, 199), 4);
	assert_int_equal(slot(&run, 200), 3);
	assert_int_equal(slot(&run, 255), 3);
}

static void test_sh_table_of_an_empty_list_is_empty(void **state)
{
	static struct run run;

	(void)state;
	build(&run, XLVS_SCHEDULER_sh, (struct list){}, NULL, XLVS_SCHEDULE_BIND);
	assert_int_equal(run.chunks[0].head.table, 1);
	for (uint32_t i = 0; i < 256; i++)
		assert_int_equal(slot(&run, i), 0);
}

static void test_stateless_schedulers_start_from_nothing(void **state)
{
	static const struct xlvs_cell cells[] = {{3, 10}, {2, 20}};
	static struct run old, new;

	(void)state;
	build(&old, XLVS_SCHEDULER_wrr, LIST(cells), NULL, XLVS_SCHEDULE_BIND);
	old.chunks[0].head.cursor = cursor(1, 11);
	build(&new, XLVS_SCHEDULER_wlc, LIST(cells), &old, XLVS_SCHEDULE_BIND);
	assert_true(new.chunks[0].head.cursor == cursor(XLVS_NONE, 0));
	assert_int_equal(new.chunks[0].head.max_weight, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_numbers_lead_to_each_other),
		cmocka_unit_test(test_chunks_hold_head_cells_and_table),
		cmocka_unit_test(test_rr_place_follows_the_destination_served_last),
		cmocka_unit_test(test_rr_place_before_the_first_stays_there),
		cmocka_unit_test(test_rr_place_is_found_across_chunks),
		cmocka_unit_test(test_wrr_takes_divisor_and_top_from_the_weights),
		cmocka_unit_test(test_wrr_threshold_after_a_change_fits_the_new_weights),
		cmocka_unit_test(test_wrr_state_outlives_an_edit_of_the_service),
		cmocka_unit_test(test_sh_fills_slots_by_weight_round_and_round),
		cmocka_unit_test(test_sh_starves_the_last_when_weights_exceed_the_table),
		cmocka_unit_test(test_sh_table_of_an_empty_list_is_empty),
		cmocka_unit_test(test_stateless_schedulers_start_from_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
