// SPDX-License-Identifier: GPL-2.0-or-later
/* Rates by the arithmetic of IPVS: fixed point, a quarter of the difference every two seconds. */
#include "daemon_fake.h"

#include "daemon/estimator.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

struct fixture {
	struct xlvs_loader *loader;
	struct xlvs_model *model;
	struct xlvs_estimator *estimator;
};

static void add_dest(struct fixture *f, const char *vip, const char *address)
{
	struct xlvs_service_key service = {
		.family = AF_INET,
		.protocol = IPPROTO_TCP,
		.address = fake_address(vip),
		.port = htons(80),
	};
	struct xlvs_service_spec spec = {.key = service, .scheduler = "rr", .netmask = ~0U};
	struct xlvs_dest_spec dest = {
		.key = {.family = AF_INET, .address = fake_address(address), .port = htons(80)},
		.weight = 1,
	};
	struct xlvs_plan plan = {0};

	if (!xlvs_model_find_service(f->model, &service))
		assert_int_equal(xlvs_model_add_service(f->model, &spec, &plan, NULL), 0);
	assert_int_equal(xlvs_model_add_dest(f->model, &service, &dest, &plan, NULL), 0);
	xlvs_plan_done(&plan);
}

/* Service 0 with destinations 0 and 1, service 1 with destination 2. */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->loader = fake_loader_new();
	f->model = xlvs_model_new();
	assert_int_equal(xlvs_estimator_new(&f->estimator), 0);
	add_dest(f, "192.0.2.1", "198.51.100.1");
	add_dest(f, "192.0.2.1", "198.51.100.2");
	add_dest(f, "192.0.2.2", "198.51.100.3");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	xlvs_estimator_free(f->estimator);
	xlvs_model_free(f->model);
	fake_loader_free(f->loader);
	free(f);
	return 0;
}

static void pass_two_seconds(struct fixture *f)
{
	for (int i = 0; i < XLVS_ESTIMATOR_PARTS; i++)
		xlvs_estimator_tick(f->estimator, f->model, f->loader);
}

static uint64_t shown_conns(const struct xlvs_rate *rate)
{
	struct xlvs_stats stats;

	xlvs_rate_show(rate, &stats);
	return stats.conns_per_sec;
}

static void test_constant_load_is_approached_by_quarters(void **state)
{
	const struct xlvs_counters load = {
		.conns = 2000,
		.in_packets = 20000,
		.out_packets = 200,
		.in_bytes = 2000000,
		.out_bytes = 20,
	};
	/* 1000 a second: 250, then three quarters of the rest each time. */
	static const uint64_t expected[] = {250, 437, 578, 684};
	struct xlvs_rate rate = {0};
	struct xlvs_stats stats;

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		xlvs_rate_add(&rate, &load);
		assert_int_equal(shown_conns(&rate), expected[i]);
	}
	for (int i = 0; i < 100; i++)
		xlvs_rate_add(&rate, &load);
	xlvs_rate_show(&rate, &stats);
	assert_int_equal(stats.conns_per_sec, 1000);
	assert_int_equal(stats.in_packets_per_sec, 10000);
	assert_int_equal(stats.out_packets_per_sec, 100);
	assert_int_equal(stats.in_bytes_per_sec, 1000000);
	assert_int_equal(stats.out_bytes_per_sec, 10);
}

/* The kernel's numbers for one connection: average 512 >> 2 = 128 of 1024, shown rounded to the
 * nearest below a half. */
static void test_one_connection_is_rounded_away(void **state)
{
	const struct xlvs_counters one = {.conns = 1, .in_packets = 12, .in_bytes = 164};
	struct xlvs_rate rate = {0};
	struct xlvs_stats stats;

	(void)state;
	xlvs_rate_add(&rate, &one);
	assert_int_equal(rate.conns, 128);
	assert_int_equal(rate.in_packets, 12 * 128);
	assert_int_equal(rate.in_bytes, 164 * 16 / 4);
	xlvs_rate_show(&rate, &stats);
	assert_int_equal(stats.conns_per_sec, 0);
	assert_int_equal(stats.in_packets_per_sec, 1); /* 1.5 */
	assert_int_equal(stats.in_bytes_per_sec, 20); /* 20.5 */
}

static void test_without_load_rates_fall_to_zero(void **state)
{
	struct xlvs_rate rate = {.conns = 1000 << 10};

	(void)state;
	xlvs_rate_add(&rate, &(struct xlvs_counters){0});
	assert_int_equal(shown_conns(&rate), 750);
	for (int i = 0; i < 100; i++)
		xlvs_rate_add(&rate, &(struct xlvs_counters){0});
	assert_int_equal(rate.conns, 0);
}

static void test_service_is_the_sum_of_its_destinations(void **state)
{
	struct fixture *f = *state;

	f->loader->maps.dests[0].conns = 2000;
	f->loader->maps.dests[1].conns = 4000;
	f->loader->maps.dests[2].conns = 8000;
	pass_two_seconds(f);
	assert_int_equal(shown_conns(xlvs_estimator_dest(f->estimator, 0)), 250);
	assert_int_equal(shown_conns(xlvs_estimator_dest(f->estimator, 1)), 500);
	assert_int_equal(shown_conns(xlvs_estimator_service(f->estimator, 0)), 750);
	assert_int_equal(shown_conns(xlvs_estimator_service(f->estimator, 1)), 1000);
}

static void test_each_is_sampled_once_in_two_seconds(void **state)
{
	struct fixture *f = *state;

	f->loader->maps.dests[0].conns = 2000;
	pass_two_seconds(f);
	pass_two_seconds(f);
	assert_int_equal(shown_conns(xlvs_estimator_dest(f->estimator, 0)), 187); /* 187.5 */
}

static void test_counters_that_go_back_count_as_no_load(void **state)
{
	struct fixture *f = *state;

	f->loader->maps.dests[0].conns = 2000;
	pass_two_seconds(f);
	f->loader->maps.dests[0].conns = 0;
	pass_two_seconds(f);
	assert_int_equal(shown_conns(xlvs_estimator_dest(f->estimator, 0)), 187);
	f->loader->maps.dests[0].conns = 8;
	pass_two_seconds(f);
	assert_int_equal(shown_conns(xlvs_estimator_dest(f->estimator, 0)), 142); /* 141.6 */
}

static void test_adopted_counters_are_no_load(void **state)
{
	struct xlvs_counters now = {.conns = 1000000};
	struct fixture *f = *state;

	f->loader->maps.dests[0].conns = 1000000;
	xlvs_estimator_reset_dest(f->estimator, 0, &now);
	pass_two_seconds(f);
	assert_int_equal(shown_conns(xlvs_estimator_dest(f->estimator, 0)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_constant_load_is_approached_by_quarters),
		cmocka_unit_test(test_one_connection_is_rounded_away),
		cmocka_unit_test(test_without_load_rates_fall_to_zero),
		cmocka_unit_test_setup_teardown(test_service_is_the_sum_of_its_destinations, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_each_is_sampled_once_in_two_seconds, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_counters_that_go_back_count_as_no_load, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_adopted_counters_are_no_load, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
