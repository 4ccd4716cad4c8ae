// SPDX-License-Identifier: GPL-2.0-or-later
/* Random histories of configuration, connections and loads: at every step the shipped schedulers
 * name the destination that the reference names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "host_maps.h"
#include "scheduler/scheduler.h"
#include "scheduler_reference.h"
#include "scheduler_shipped.h"

/* How a history goes: up to n_dests destinations, weights up to max_weight in steps. */
struct shape {
	uint32_t n_dests;
	uint32_t n_initial;
	int32_t max_weight;
	int32_t weight_step;
	uint32_t n_steps;
	bool overloads;
};

struct history {
	const struct shape *shape;
	uint64_t random;
	struct shipped shipped;
	struct reference *reference;
	bool listed[XLVS_DESTS_PER_SERVICE];
	uint64_t now_sec;
	uint32_t n_picks;
	uint32_t n_served;
};

static uint32_t below(struct history *h, uint32_t bound)
{
	h->random ^= h->random << 13;
	h->random ^= h->random >> 7;
	h->random ^= h->random << 17;
	return (uint32_t)((h->random >> 32) * bound >> 32);
}

static int32_t some_weight(struct history *h)
{
	uint32_t n_weights = (uint32_t)(h->shape->max_weight / h->shape->weight_step);

	return (int32_t)(below(h, n_weights) + below(h, 2)) * h->shape->weight_step;
}

/* One that is listed, or one that is not; XLVS_NONE if chance hits none. */
static uint32_t some_dest(struct history *h, bool listed)
{
	uint32_t id = below(h, h->shape->n_dests);

	return h->listed[id] == listed ? id : XLVS_NONE;
}

static void add(struct history *h)
{
	uint32_t id = some_dest(h, false);
	int32_t weight = some_weight(h);

	if (id == XLVS_NONE)
		return;
	h->listed[id] = true;
	shipped_add(&h->shipped, id, weight);
	reference_add(h->reference, id, weight);
}

static void delete (struct history *h)
{
	uint32_t id = some_dest(h, true);

	if (id == XLVS_NONE)
		return;
	h->listed[id] = false;
	shipped_delete(&h->shipped, id);
	reference_delete(h->reference, id);
}

static void edit(struct history *h)
{
	uint32_t id = some_dest(h, true);
	int32_t weight = some_weight(h);

	if (id == XLVS_NONE)
		return;
	shipped_edit(&h->shipped, id, weight);
	reference_edit(h->reference, id, weight);
}

static void bind(struct history *h, uint16_t scheduler)
{
	shipped_bind(&h->shipped, scheduler);
	reference_bind(h->reference, scheduler);
}

static void tell_reference(struct history *h, uint32_t id)
{
	const struct xlvs_dest *dest = &host_dests[id];

	reference_load(h->reference, id, dest->active, dest->inactive, dest->overloaded);
}

static void end_connection(struct history *h)
{
	uint32_t id = some_dest(h, true);
	struct xlvs_dest *dest;

	if (id == XLVS_NONE)
		return;
	dest = &host_dests[id];
	if (dest->active && below(h, 2)) {
		dest->active--;
		dest->inactive++;
	} else if (dest->inactive) {
		dest->inactive--;
	}
	tell_reference(h, id);
}

static void toggle_overload(struct history *h)
{
	uint32_t id = some_dest(h, true);

	if (id == XLVS_NONE || !h->shape->overloads)
		return;
	host_dests[id].overloaded = !host_dests[id].overloaded;
	tell_reference(h, id);
}

static void pick(struct history *h, uint64_t seed, uint32_t step)
{
	struct arrival arrival = {
		.client = below(h, UINT32_MAX),
		.address = below(h, 2) ? below(h, 3) : below(h, UINT32_MAX),
		.port = (uint16_t)below(h, UINT16_MAX),
		.flags = below(h, 4) * 8,
		.now_sec = h->now_sec,
	};
	int64_t shipped = shipped_pick(&h->shipped, &arrival);
	int64_t expected = reference_pick(h->reference, &arrival);

	if (shipped != expected)
		fail_msg("%s, seed %llu, step %u: picked %lld instead of %lld of %u",
			 xlvs_scheduler_name(h->shipped.scheduler), (unsigned long long)seed, step,
			 (long long)shipped, (long long)expected, h->shipped.n_dests);
	h->n_picks++;
	if (shipped < 0)
		return;
	h->n_served++;
	host_dests[shipped].active++;
	tell_reference(h, (uint32_t)shipped);
}

static void step(struct history *h, uint16_t scheduler, uint64_t seed, uint32_t number)
{
	uint32_t dice = below(h, 100);

	h->now_sec += below(h, 200) ? below(h, 30) : REFERENCE_EXPIRATION_SEC / 2 + below(h, 90000);

	if (dice < 6)
		add(h);
	else if (dice < 11)
		delete (h);
	else if (dice < 18)
		edit(h);
	else if (dice < 20)
		bind(h, scheduler);
	else if (dice < 21)
		bind(h, XLVS_SCHEDULER_lc);
	else if (dice < 30)
		end_connection(h);
	else if (dice < 35)
		toggle_overload(h);
	else
		pick(h, seed, number);
}

static void run(uint16_t scheduler, const struct shape *shape, uint64_t seed)
{
	static struct history h;

	memset(&h, 0, sizeof(h));
	h.shape = shape;
	h.random = seed * 0x9e3779b97f4a7c15U + scheduler;
	shipped_init(&h.shipped, XLVS_SCHEDULER_NONE);
	h.reference = reference_new(XLVS_SCHEDULER_NONE);
	while (h.shipped.n_dests < shape->n_initial)
		add(&h);
	bind(&h, scheduler);
	for (uint32_t i = 0; i < shape->n_steps; i++) {
		step(&h, scheduler, seed, i);
		if (i % 50 == 49)
			bind(&h, scheduler);
	}
	assert_true(h.n_picks > shape->n_steps / 4);
	assert_true(h.n_served > 0);
	reference_free(h.reference);
}

static void run_all(const struct shape *shape, uint64_t n_seeds)
{
	static const uint16_t schedulers[] = {
#define NUMBER(name, number) number,
		XLVS_SCHEDULERS(NUMBER)
#undef NUMBER
	};

	uint64_t n;

	for (size_t i = 0; i < sizeof(schedulers) / sizeof(schedulers[0]); i++) {
		if (schedulers[i] == XLVS_SCHEDULER_twos) /* random: scheduler_twos.c */
			continue;
		/* The reference fills mh's table slowly. */
		n = schedulers[i] == XLVS_SCHEDULER_mh ? (n_seeds + 19) / 20 : n_seeds;
		for (uint64_t seed = 1; seed <= n; seed++)
			run(schedulers[i], shape, seed);
	}
}

static void test_few_destinations_with_small_weights(void **state)
{
	const struct shape shape = {
		.n_dests = 4,
		.max_weight = 3,
		.weight_step = 1,
		.n_steps = 400,
	};

	(void)state;
	run_all(&shape, 200);
}

static void test_weights_with_a_common_divisor(void **state)
{
	const struct shape shape = {
		.n_dests = 6,
		.n_initial = 3,
		.max_weight = 60,
		.weight_step = 6,
		.n_steps = 400,
	};

	(void)state;
	run_all(&shape, 100);
}

static void test_the_largest_weights(void **state)
{
	const struct shape shape = {
		.n_dests = 5,
		.max_weight = INT_MAX - 1,
		.weight_step = INT_MAX / 2,
		.n_steps = 300,
	};

	(void)state;
	run_all(&shape, 50);
}

static void test_destinations_over_their_thresholds(void **state)
{
	const struct shape shape = {
		.n_dests = 8,
		.n_initial = 5,
		.max_weight = 12,
		.weight_step = 1,
		.n_steps = 400,
		.overloads = true,
	};

	(void)state;
	run_all(&shape, 200);
}

static void test_hundreds_of_destinations(void **state)
{
	const struct shape shape = {
		.n_dests = 300,
		.n_initial = 200,
		.max_weight = 1000,
		.weight_step = 1,
		.n_steps = 1000,
		.overloads = true,
	};

	(void)state;
	run_all(&shape, 3);
}

static void test_as_many_destinations_as_a_service_holds(void **state)
{
	const struct shape shape = {
		.n_dests = XLVS_DESTS_PER_SERVICE,
		.n_initial = XLVS_DESTS_PER_SERVICE,
		.max_weight = 2,
		.weight_step = 1,
		.n_steps = 200,
	};

	(void)state;
	run_all(&shape, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_few_destinations_with_small_weights),
		cmocka_unit_test(test_weights_with_a_common_divisor),
		cmocka_unit_test(test_the_largest_weights),
		cmocka_unit_test(test_destinations_over_their_thresholds),
		cmocka_unit_test(test_hundreds_of_destinations),
		cmocka_unit_test(test_as_many_destinations_as_a_service_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
