// SPDX-License-Identifier: GPL-2.0-or-later
/* A model rebuilt from what a former daemon left carries on as if there had been no restart. */
#include <errno.h>
#include <sys/socket.h>

#include "abi/limits.h"
#include "model_fixture.h"

#define VIP "192.0.2.1"
#define A   "198.51.100.1"
#define B   "198.51.100.2"
#define C   "198.51.100.3"

static int adopt_service(struct fixture *f, uint32_t id, const char *address)
{
	struct xlvs_service_spec spec = service_spec(address, "wrr");

	return xlvs_model_adopt_service(f->model, id, &spec);
}

static int adopt_dest(struct fixture *f, uint32_t id, uint32_t service, const char *address,
		      bool available)
{
	struct xlvs_model_dest dest = {
		.id = id,
		.service = service,
		.service_key = service_key(VIP),
		.spec = dest_spec(address, 1),
		.available = available,
	};

	return xlvs_model_adopt_dest(f->model, &dest);
}

static void test_adopted_lists_keep_their_order_and_numbers(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(adopt_service(f, 7, VIP), 0);
	assert_int_equal(adopt_dest(f, 30, 7, C, true), 0);
	assert_int_equal(adopt_dest(f, 10, 7, A, true), 0);
	assert_int_equal(adopt_dest(f, 20, 7, B, true), 0);
	expect_list(f, VIP, "30 10 20");
	assert_int_equal(xlvs_model_next_service(f->model, 0)->id, 7);
	assert_int_equal(xlvs_model_service(f->model, 7)->scheduler, XLVS_SCHEDULER_wrr);
	assert_int_equal(xlvs_model_n_services(f->model, AF_INET), 1);
}

static void test_numbers_between_adopted_ones_are_used_first(void **state)
{
	struct fixture *f = *state;

	adopt_service(f, 2, VIP);
	adopt_dest(f, 3, 2, A, true);
	adopt_dest(f, 1, 2, B, true);
	f->plan.n_ops = 0;
	add_service(f, "192.0.2.2", "rr");
	add_service(f, "192.0.2.3", "rr");
	add_service(f, "192.0.2.4", "rr");
	expect_plan(f, "schedule s0 bind, service s0, schedule s1 bind, service s1, "
		       "schedule s3 bind, service s3");
	add_dest(f, VIP, C);
	add_dest(f, VIP, "198.51.100.4");
	add_dest(f, VIP, "198.51.100.5");
	expect_list(f, VIP, "4 2 0 3 1");
}

static void test_adopted_trash_of_a_living_service_resumes_its_counters(void **state)
{
	struct fixture *f = *state;

	adopt_service(f, 0, VIP);
	assert_int_equal(adopt_dest(f, 5, 0, A, false), 0);
	expect_list(f, VIP, "");
	add_dest(f, VIP, A);
	expect_plan(f, "put d5, schedule s0 added");
}

static void test_adopted_trash_of_a_service_made_anew_starts_from_zero(void **state)
{
	struct fixture *f = *state;

	adopt_service(f, 0, VIP);
	assert_int_equal(adopt_dest(f, 5, XLVS_NONE, A, false), 0);
	add_dest(f, VIP, A);
	expect_plan(f, "zero d5, put d5, schedule s0 added");
}

static void test_adopted_trash_is_freed_like_any(void **state)
{
	struct fixture *f = *state;

	adopt_service(f, 0, VIP);
	adopt_dest(f, 1, 0, A, false);
	adopt_dest(f, 2, XLVS_NONE, B, false);
	assert_int_equal(xlvs_model_free_dest(f->model, 1, &f->plan), 0);
	assert_int_equal(xlvs_model_free_dest(f->model, 2, &f->plan), 0);
	assert_null(xlvs_model_next_dest(f->model, 0));
}

static void test_services_no_model_could_have_left_are_refused(void **state)
{
	struct fixture *f = *state;
	struct xlvs_service_spec unknown = service_spec("192.0.2.2", "no-such");

	assert_int_equal(adopt_service(f, 3, VIP), 0);
	assert_int_equal(adopt_service(f, 3, "192.0.2.2"), -EINVAL);
	assert_int_equal(adopt_service(f, 4, VIP), -EINVAL);
	assert_int_equal(adopt_service(f, XLVS_SERVICES_MAX, "192.0.2.2"), -EINVAL);
	assert_int_equal(xlvs_model_adopt_service(f->model, 4, &unknown), -EINVAL);
	assert_int_equal(xlvs_model_n_services(f->model, AF_INET), 1);
}

static void test_destinations_no_model_could_have_left_are_refused(void **state)
{
	struct fixture *f = *state;

	adopt_service(f, 0, VIP);
	adopt_service(f, 1, "192.0.2.2");
	assert_int_equal(adopt_dest(f, 0, 0, A, true), 0);
	assert_int_equal(adopt_dest(f, 0, 0, B, true), -EINVAL);
	assert_int_equal(adopt_dest(f, 1, 0, A, true), -EINVAL);
	assert_int_equal(adopt_dest(f, 1, 0, A, false), -EINVAL);
	assert_int_equal(adopt_dest(f, 1, 1, B, true), -EINVAL);
	assert_int_equal(adopt_dest(f, 1, 2, B, false), -EINVAL);
	assert_int_equal(adopt_dest(f, 1, XLVS_NONE, B, true), -EINVAL);
	assert_int_equal(adopt_dest(f, XLVS_DESTS_MAX, 0, B, true), -EINVAL);
	expect_list(f, VIP, "0");
}

static void test_adopted_timeouts_replace_all_three(void **state)
{
	struct fixture *f = *state;
	struct xlvs_timeouts timeouts = {.tcp_sec = 1, .tcp_fin_sec = 2, .udp_sec = 3};

	xlvs_model_adopt_timeouts(f->model, &timeouts);
	timeouts = (struct xlvs_timeouts){};
	xlvs_model_timeouts(f->model, &timeouts);
	assert_int_equal(timeouts.tcp_sec, 1);
	assert_int_equal(timeouts.tcp_fin_sec, 2);
	assert_int_equal(timeouts.udp_sec, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(test_adopted_lists_keep_their_order_and_numbers),
		fixture_test(test_numbers_between_adopted_ones_are_used_first),
		fixture_test(test_adopted_trash_of_a_living_service_resumes_its_counters),
		fixture_test(test_adopted_trash_of_a_service_made_anew_starts_from_zero),
		fixture_test(test_adopted_trash_is_freed_like_any),
		fixture_test(test_services_no_model_could_have_left_are_refused),
		fixture_test(test_destinations_no_model_could_have_left_are_refused),
		fixture_test(test_adopted_timeouts_replace_all_three),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
