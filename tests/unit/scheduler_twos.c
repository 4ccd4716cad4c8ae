// SPDX-License-Identifier: GPL-2.0-or-later
/* The power of two choices is random: how often each destination is served must be what the
 * kernel's definition makes of weights and loads. The bound is five standard deviations of each
 * count, which a right scheduler misses once in a million counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "host_maps.h"
#include "scheduler/scheduler.h"
#include "scheduler_shipped.h"

enum {
	DESTS_MAX = 40,
	PICKS = 200000,
	DEVIATIONS = 5,
};

struct load {
	int32_t weight;
	uint32_t active, inactive;
	bool overloaded;
};

struct scene {
	const char *what;
	uint32_t n_dests;
	struct load loads[DESTS_MAX]; /* in list order */
};

static bool takes(const struct load *load)
{
	return load->weight > 0 && !load->overloaded;
}

/* Who is drawn by `r`: the one whose weight brings it to 0 or below. */
static uint32_t drawn_by(const struct scene *scene, int64_t r)
{
	uint32_t i = 0;

	for (;; i++) {
		if (!takes(&scene->loads[i]))
			continue;
		r -= scene->loads[i].weight;
		if (r <= 0)
			return i;
	}
}

static uint32_t winner(const struct scene *scene, uint32_t first, uint32_t second)
{
	const struct load *a = &scene->loads[first], *b = &scene->loads[second];
	int64_t load_a = 256 * (int64_t)a->active + a->inactive;
	int64_t load_b = 256 * (int64_t)b->active + b->inactive;

	return load_a * b->weight > load_b * a->weight ? second : first;
}

/* The share of each destination, by going through all pairs of draws. */
static void expect_shares(const struct scene *scene, double shares[DESTS_MAX])
{
	double of_draw[DESTS_MAX] = {};
	int64_t total = 0;

	for (uint32_t i = 0; i < scene->n_dests; i++)
		total += takes(&scene->loads[i]) ? scene->loads[i].weight : 0;
	for (int64_t r = 0; r <= total; r++)
		of_draw[drawn_by(scene, r)] += 1.0 / (double)(total + 1);
	for (uint32_t i = 0; i < scene->n_dests; i++) {
		for (uint32_t j = 0; j < scene->n_dests; j++)
			shares[winner(scene, i, j)] += of_draw[i] * of_draw[j];
	}
}

static void expect_frequencies(const struct scene *scene)
{
	static struct shipped shipped;
	static const struct arrival arrival;
	uint32_t counts[DESTS_MAX] = {};
	double shares[DESTS_MAX] = {};

	shipped_init(&shipped, XLVS_SCHEDULER_twos);
	for (uint32_t i = scene->n_dests; i-- > 0;) {
		const struct load *load = &scene->loads[i];

		shipped_add(&shipped, i, load->weight);
		host_dests[i].active = load->active;
		host_dests[i].inactive = load->inactive;
		host_dests[i].overloaded = load->overloaded;
	}
	for (int i = 0; i < PICKS; i++) {
		int64_t dest = shipped_pick(&shipped, &arrival);

		assert_in_range(dest, 0, scene->n_dests - 1);
		counts[dest]++;
	}
	expect_shares(scene, shares);
	for (uint32_t i = 0; i < scene->n_dests; i++) {
		double expected = PICKS * shares[i];
		double deviation = sqrt(expected * (1 - shares[i]));

		if (fabs(counts[i] - expected) > DEVIATIONS * deviation)
			fail_msg("%s: destination %u served %u times, %.0f expected, deviation "
				 "%.1f",
				 scene->what, i, counts[i], expected, deviation);
	}
}

static void test_frequencies_follow_weights_and_loads(void **state)
{
	static const struct scene scenes[] = {
		{"equal", 3, {{1, 0, 0, false}, {1, 0, 0, false}, {1, 0, 0, false}}},
		{"weights", 3, {{5, 0, 0, false}, {1, 0, 0, false}, {3, 0, 0, false}}},
		{"loads", 3, {{1, 9, 0, false}, {1, 3, 7, false}, {1, 3, 8, false}}},
		{"both",
		 4,
		 {{4, 8, 0, false}, {2, 4, 1, false}, {1, 1, 0, false}, {9, 0, 3, false}}},
		{"some out",
		 4,
		 {{3, 0, 0, true}, {0, 0, 0, false}, {2, 5, 0, false}, {7, 5, 9, false}}},
		{"one", 2, {{0, 0, 0, false}, {1, 9, 9, false}}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		expect_frequencies(&scenes[i]);
}

static void test_frequencies_across_chunks_of_the_list(void **state)
{
	struct scene scene = {.what = "forty", .n_dests = DESTS_MAX};

	(void)state;
	for (uint32_t i = 0; i < DESTS_MAX; i++)
		scene.loads[i] = (struct load){
			.weight = (int32_t)(i % 7),
			.active = i * i % 11,
			.overloaded = i % 5 == 3,
		};
	expect_frequencies(&scene);
}

static void test_nobody_is_served_when_nobody_takes_connections(void **state)
{
	static const struct arrival arrival;
	static struct shipped shipped;

	(void)state;
	shipped_init(&shipped, XLVS_SCHEDULER_twos);
	shipped_add(&shipped, 1, 0);
	shipped_add(&shipped, 2, INT32_MAX);
	host_dests[2].overloaded = 1;
	assert_int_equal(shipped_pick(&shipped, &arrival), -1);
	host_dests[2].overloaded = 0;
	assert_int_equal(shipped_pick(&shipped, &arrival), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frequencies_follow_weights_and_loads),
		cmocka_unit_test(test_frequencies_across_chunks_of_the_list),
		cmocka_unit_test(test_nobody_is_served_when_nobody_takes_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
