// SPDX-License-Identifier: GPL-2.0-or-later
/* The shipped connection table through long random histories, step by step against a model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "connection_model.h"
#include "datapath/connection.bpf.h"
#include "host_kernel.h"
#include "host_maps.h"

enum {
	HISTORIES = 120,
	STEPS = 3000,
	STEPS_PER_MOOD = 100,
	STEPS_PER_CHECK = 20,
	HASHES = 2000,
};

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)((random_state >> 33) % n);
}

/* What happens most of the time for a while: the table fills and empties. */
static const uint8_t moods[][4] = {
	{MODEL_OPEN, MODEL_OPEN, MODEL_PROVE, MODEL_WAIT},
	{MODEL_OPEN_PAIR, MODEL_OPEN_PAIR, MODEL_RECLAIM, MODEL_OPEN_REPLY},
	{MODEL_AGE, MODEL_SWEEP, MODEL_WAIT, MODEL_OPEN},
	{MODEL_DISPLACE, MODEL_DISPLACE_PAIR, MODEL_OPEN, MODEL_OPEN_PAIR},
	{MODEL_AGE, MODEL_AGE, MODEL_RECLAIM, MODEL_FREE},
};

static struct model_step random_step(uint32_t mood)
{
	struct model_step step = {
		.operation = (uint8_t)random_below(MODEL_OPERATIONS),
		.key = (uint8_t)random_below(256),
		.other = (uint8_t)random_below(256),
	};

	if (random_below(4))
		step.operation = moods[mood][random_below(4)];
	return step;
}

static void live_through(uint32_t n_groups, uint64_t seed)
{
	uint32_t mood = 0;

	random_state = seed;
	model_begin(n_groups, seed);
	for (uint32_t i = 0; i < STEPS; i++) {
		struct model_step step;

		if (i % STEPS_PER_MOOD == 0)
			mood = random_below(sizeof(moods) / sizeof(moods[0]));
		step = random_step(mood);
		if (!model_apply(step) || (i % STEPS_PER_CHECK == 0 && !model_check()))
			fail_msg("%u groups, seed %lu, step %u: operation %u, %u, %u", n_groups,
				 (unsigned long)seed, i, step.operation, step.key, step.other);
	}
	if (!model_drain())
		fail_msg("%u groups, seed %lu, at the end", n_groups, (unsigned long)seed);
}

static uint64_t count(enum xlvs_reason reason)
{
	return host_reasons[0][reason];
}

static void test_table_does_what_the_model_says(void **state)
{
	static const uint32_t sizes[] = {MODEL_GROUPS_MIN, 9, 13, 16, 31, MODEL_GROUPS_MAX};

	(void)state;
	for (uint64_t i = 0; i < HISTORIES; i++)
		live_through(sizes[i % (sizeof(sizes) / sizeof(sizes[0]))], i + 1);
	assert_true(count(XLVS_EVENT_DISPLACED) > HISTORIES);
	assert_true(count(XLVS_EVENT_INSERT_FAILED) > HISTORIES);
}

/* Groups whole and one after the other, no place twice, none outside the table. */
static void check_search(uint64_t hash, uint32_t n_groups)
{
	uint32_t groups[XLVS_CONN_PROBES / XLVS_CONN_GROUP];

	for (uint32_t i = 0; i < XLVS_CONN_PROBES; i++) {
		uint32_t slot = xlvs_conn_slot(hash, i), seen = 0;

		assert_true(slot < n_groups * XLVS_CONN_GROUP);
		if (i % XLVS_CONN_GROUP == 0)
			groups[i / XLVS_CONN_GROUP] = slot / XLVS_CONN_GROUP;
		for (uint32_t k = 0; k <= i / XLVS_CONN_GROUP; k++)
			seen += groups[k] == slot / XLVS_CONN_GROUP;
		assert_int_equal(groups[i / XLVS_CONN_GROUP], slot / XLVS_CONN_GROUP);
		assert_int_equal(seen, 1);
		for (uint32_t k = i - i % XLVS_CONN_GROUP; k < i; k++)
			assert_int_not_equal(xlvs_conn_slot(hash, k), slot);
	}
}

static void test_search_looks_at_each_place_once(void **state)
{
	static const uint32_t sizes[] = {8, 9, 15, 16, 17, 1000, 666667, 1U << 24};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		host_set_constants(&(struct xlvs_constants){.conn_groups = sizes[i]});
		for (int n = 0; n < HASHES; n++)
			check_search((uint64_t)random_below(~0U) << 33 ^ random_below(~0U) * 5ULL,
				     sizes[i]);
		check_search(0, sizes[i]);
		check_search(~0ULL, sizes[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_search_looks_at_each_place_once),
		cmocka_unit_test(test_table_does_what_the_model_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
