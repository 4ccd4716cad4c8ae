// SPDX-License-Identifier: GPL-2.0-or-later
/* What is shown of what was counted: over CPUs, zeroing, deletion, return and restart. */
#include <string.h>

#include "loader_fixture.h"

#define VIP "192.0.2.1"
#define A   "198.51.100.1"
#define B   "198.51.100.2"

/* n packets of 100 bytes in and 2n of 50 out, and n connections, shared by the CPUs. */
static void traffic(struct director *d, uint32_t dest, uint64_t n)
{
	const struct xlvs_maps *maps = &d->loader->maps;

	maps->dests[dest].conns += n;
	for (uint32_t i = 0; i < n; i++) {
		struct xlvs_traffic *counts =
			&maps->traffic[i % FIXTURE_CPUS * XLVS_DESTS_MAX + dest];

		counts->in_packets += 1;
		counts->in_bytes += 100;
		counts->out_packets += 2;
		counts->out_bytes += 100;
	}
}

static void expect_counters(const struct xlvs_counters *counters, uint64_t n)
{
	assert_int_equal(counters->conns, n);
	assert_int_equal(counters->in_packets, n);
	assert_int_equal(counters->in_bytes, n * 100);
	assert_int_equal(counters->out_packets, n * 2);
	assert_int_equal(counters->out_bytes, n * 100);
}

static void expect_dest(struct director *d, uint32_t dest, uint64_t n)
{
	struct xlvs_counters counters;

	xlvs_loader_dest_counters(d->loader, dest, &counters);
	expect_counters(&counters, n);
}

static void expect_service(struct director *d, uint64_t n)
{
	struct xlvs_counters counters;

	xlvs_loader_service_counters(d->loader, d->f.model, service_id(d, VIP), &counters);
	expect_counters(&counters, n);
}

static void two_destinations(struct director *d)
{
	make(d, add_service(&d->f, VIP, "rr"));
	make(d, add_dest(&d->f, VIP, A));
	make(d, add_dest(&d->f, VIP, B));
}

static void zero(struct director *d, bool all)
{
	struct xlvs_service_key key = service_key(VIP);

	make(d, xlvs_model_zero(d->f.model, all ? NULL : &key, &d->f.plan, NULL));
}

static void test_a_service_shows_the_sum_of_its_destinations(void **state)
{
	struct director *d = *state;

	two_destinations(d);
	traffic(d, dest_id(d, VIP, A), 5);
	traffic(d, dest_id(d, VIP, B), 8);
	expect_dest(d, dest_id(d, VIP, A), 5);
	expect_dest(d, dest_id(d, VIP, B), 8);
	expect_service(d, 13);
	make(d, edit_dest(&d->f, VIP, A, 3));
	make(d, edit_service(&d->f, VIP, "wrr"));
	expect_dest(d, dest_id(d, VIP, A), 5);
	expect_service(d, 13);
}

static void test_a_deleted_destination_stays_in_its_service(void **state)
{
	struct director *d = *state;
	uint32_t a;

	two_destinations(d);
	a = dest_id(d, VIP, A);
	traffic(d, a, 5);
	traffic(d, dest_id(d, VIP, B), 8);
	make(d, delete_dest(&d->f, VIP, A));
	expect_service(d, 13);
	make(d, xlvs_model_free_dest(d->f.model, a, &d->f.plan));
	expect_service(d, 13);
	traffic(d, dest_id(d, VIP, B), 1);
	expect_service(d, 14);
	restart(d);
	expect_service(d, 14);
}

static void test_a_destination_that_comes_back_goes_on_counting(void **state)
{
	struct director *d = *state;

	two_destinations(d);
	traffic(d, dest_id(d, VIP, A), 5);
	make(d, delete_dest(&d->f, VIP, A));
	make(d, add_dest(&d->f, VIP, A));
	expect_dest(d, dest_id(d, VIP, A), 5);
	expect_service(d, 5);
	traffic(d, dest_id(d, VIP, A), 2);
	expect_dest(d, dest_id(d, VIP, A), 7);
	expect_service(d, 7);
}

static void test_a_slot_used_again_starts_at_zero(void **state)
{
	struct director *d = *state;
	uint32_t a;

	two_destinations(d);
	a = dest_id(d, VIP, A);
	traffic(d, a, 5);
	make(d, delete_dest(&d->f, VIP, A));
	make(d, xlvs_model_free_dest(d->f.model, a, &d->f.plan));
	/* The model uses the number that was given back longest ago: now the only one. */
	make(d, add_dest(&d->f, VIP, "198.51.100.9"));
	assert_int_equal(dest_id(d, VIP, "198.51.100.9"), a);
	expect_dest(d, a, 0);
	expect_service(d, 5);
}

static void test_a_service_made_anew_and_what_returns_to_it_start_at_zero(void **state)
{
	struct director *d = *state;

	two_destinations(d);
	traffic(d, dest_id(d, VIP, A), 5);
	traffic(d, dest_id(d, VIP, B), 8);
	make(d, delete_dest(&d->f, VIP, B));
	make(d, delete_service(&d->f, VIP));
	make(d, add_service(&d->f, VIP, "rr"));
	expect_service(d, 0);
	make(d, add_dest(&d->f, VIP, A));
	expect_dest(d, dest_id(d, VIP, A), 0);
	expect_service(d, 0);
	traffic(d, dest_id(d, VIP, A), 3);
	expect_dest(d, dest_id(d, VIP, A), 3);
	expect_service(d, 3);
	make(d, delete_dest(&d->f, VIP, A));
	expect_service(d, 3);
	restart(d);
	expect_service(d, 3);
}

static void test_zeroing_one_service_leaves_the_others(void **state)
{
	struct director *d = *state;
	struct xlvs_counters other;

	two_destinations(d);
	make(d, add_service(&d->f, "192.0.2.2", "rr"));
	make(d, add_dest(&d->f, "192.0.2.2", A));
	traffic(d, dest_id(d, VIP, A), 5);
	traffic(d, dest_id(d, VIP, B), 5);
	traffic(d, dest_id(d, "192.0.2.2", A), 9);
	make(d, delete_dest(&d->f, VIP, B));
	zero(d, false);
	expect_dest(d, dest_id(d, VIP, A), 0);
	expect_service(d, 0);
	traffic(d, dest_id(d, VIP, A), 4);
	expect_dest(d, dest_id(d, VIP, A), 4);
	expect_service(d, 4);
	xlvs_loader_service_counters(d->loader, d->f.model, service_id(d, "192.0.2.2"), &other);
	expect_counters(&other, 9);
	restart(d);
	expect_service(d, 4);

	zero(d, true);
	expect_service(d, 0);
	xlvs_loader_service_counters(d->loader, d->f.model, service_id(d, "192.0.2.2"), &other);
	expect_counters(&other, 0);
	expect_dest(d, dest_id(d, "192.0.2.2", A), 0);
}

static void test_what_left_before_a_zeroing_does_not_come_back_below_zero(void **state)
{
	struct director *d = *state;

	two_destinations(d);
	traffic(d, dest_id(d, VIP, A), 5);
	make(d, delete_dest(&d->f, VIP, A));
	zero(d, false);
	expect_service(d, 0);
	make(d, add_dest(&d->f, VIP, A));
	expect_service(d, 0);
	traffic(d, dest_id(d, VIP, A), 2);
	expect_service(d, 2);
}

static void test_reasons_are_summed_over_cpus(void **state)
{
	struct director *d = *state;
	uint64_t *reasons = d->loader->maps.reasons;

	reasons[XLVS_DROP_NO_DEST] = 3;
	reasons[XLVS_REASONS_MAX + XLVS_DROP_NO_DEST] = 4;
	assert_int_equal(xlvs_loader_reason(d->loader, XLVS_DROP_NO_DEST), 7);
	assert_int_equal(xlvs_loader_reason(d->loader, XLVS_DROP_NO_ROUTE), 0);
	assert_int_equal(xlvs_loader_reason(d->loader, XLVS_REASONS_MAX), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		director_test(test_a_service_shows_the_sum_of_its_destinations),
		director_test(test_a_deleted_destination_stays_in_its_service),
		director_test(test_a_destination_that_comes_back_goes_on_counting),
		director_test(test_a_slot_used_again_starts_at_zero),
		director_test(test_a_service_made_anew_and_what_returns_to_it_start_at_zero),
		director_test(test_zeroing_one_service_leaves_the_others),
		director_test(test_what_left_before_a_zeroing_does_not_come_back_below_zero),
		director_test(test_reasons_are_summed_over_cpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
