// SPDX-License-Identifier: GPL-2.0-or-later
/* The allocator of runs, against an array of owners. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "abi/limits.h"
#include "loader/runs.h"

enum {
	N = 500,
	N_OWNERS = 64,
	STEPS = 20000,
	LONGEST = 40
};

static uint64_t seed = 1;

static uint32_t below(uint32_t bound)
{
	seed = seed * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)((seed >> 32) * bound >> 32);
}

static uint32_t longest_gap(const uint8_t owners[static N])
{
	uint32_t longest = 0, gap = 0;

	for (uint32_t i = 0; i < N; i++) {
		gap = owners[i] ? 0 : gap + 1;
		longest = gap > longest ? gap : longest;
	}
	return longest;
}

static void test_runs_never_overlap_and_are_found_while_there_is_a_gap(void **state)
{
	struct {
		uint32_t first, length;
	} runs[N_OWNERS + 1] = {};
	uint8_t owners[N] = {};
	struct xlvs_runs allocator;

	(void)state;
	assert_int_equal(xlvs_runs_init(&allocator, N), 0);
	for (uint32_t step = 0; step < STEPS; step++) {
		uint8_t owner = (uint8_t)(1 + below(N_OWNERS));
		uint32_t length = 1 + below(LONGEST);

		if (runs[owner].length) {
			xlvs_runs_free(&allocator, runs[owner].first, runs[owner].length);
			memset(owners + runs[owner].first, 0, runs[owner].length);
			runs[owner].length = 0;
			continue;
		}
		runs[owner].first = xlvs_runs_alloc(&allocator, length);
		if (runs[owner].first == XLVS_NONE) {
			assert_true(longest_gap(owners) < length);
			continue;
		}
		assert_in_range(runs[owner].first, 0, N - length);
		runs[owner].length = length;
		for (uint32_t i = 0; i < length; i++) {
			assert_int_equal(owners[runs[owner].first + i], 0);
			owners[runs[owner].first + i] = owner;
		}
	}
	xlvs_runs_done(&allocator);
}

static void test_the_whole_array_is_one_run(void **state)
{
	struct xlvs_runs allocator;

	(void)state;
	assert_int_equal(xlvs_runs_init(&allocator, N), 0);
	assert_int_equal(xlvs_runs_alloc(&allocator, N + 1), XLVS_NONE);
	assert_int_equal(xlvs_runs_alloc(&allocator, N), 0);
	assert_int_equal(xlvs_runs_alloc(&allocator, 1), XLVS_NONE);
	xlvs_runs_free(&allocator, N - 1, 1);
	assert_int_equal(xlvs_runs_alloc(&allocator, 1), N - 1);
	xlvs_runs_done(&allocator);
}

static void test_a_run_that_is_taken_or_outside_cannot_be_taken(void **state)
{
	struct xlvs_runs allocator;

	(void)state;
	assert_int_equal(xlvs_runs_init(&allocator, N), 0);
	assert_true(xlvs_runs_take(&allocator, 10, 5));
	assert_false(xlvs_runs_take(&allocator, 14, 1));
	assert_false(xlvs_runs_take(&allocator, 8, 3));
	assert_true(xlvs_runs_take(&allocator, 15, 1));
	assert_false(xlvs_runs_take(&allocator, 20, 0));
	assert_false(xlvs_runs_take(&allocator, N - 1, 2));
	assert_false(xlvs_runs_take(&allocator, XLVS_NONE, 2));
	assert_false(xlvs_runs_take(&allocator, 0, XLVS_NONE));
	assert_true(xlvs_runs_take(&allocator, N - 1, 1));
	xlvs_runs_done(&allocator);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs_never_overlap_and_are_found_while_there_is_a_gap),
		cmocka_unit_test(test_the_whole_array_is_one_run),
		cmocka_unit_test(test_a_run_that_is_taken_or_outside_cannot_be_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
