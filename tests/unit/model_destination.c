// SPDX-License-Identifier: GPL-2.0-or-later
/* Destinations as the kernel's ip_vs_ctl keeps them: list order, order of checks, the trash. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "abi/limits.h"
#include "model_fixture.h"

#define VIP  "192.0.2.1"
#define VIP6 "2001:db8::1"
#define A    "198.51.100.1"
#define B    "198.51.100.2"
#define C    "198.51.100.3"

static int add(struct fixture *f, const char *service, const struct xlvs_dest_spec *spec)
{
	struct xlvs_service_key key = service_key(service);

	return xlvs_model_add_dest(f->model, &key, spec, &f->plan, NULL);
}

static int edit(struct fixture *f, const char *service, const struct xlvs_dest_spec *spec)
{
	struct xlvs_service_key key = service_key(service);

	return xlvs_model_edit_dest(f->model, &key, spec, &f->plan, NULL);
}

static void test_new_destination_is_written_before_the_list_names_it(void **state)
{
	struct fixture *f = *state;

	add_service(f, VIP, "rr");
	f->plan.n_ops = 0;
	assert_int_equal(add_dest(f, VIP, A), 0);
	expect_plan(f, "put d0, schedule s0 added");
	assert_int_equal(add_dest(f, VIP, B), 0);
	assert_int_equal(add_dest(f, VIP, C), 0);
	expect_list(f, VIP, "2 1 0");
}

static void test_deleted_destination_leaves_the_list_before_it_is_unavailable(void **state)
{
	struct fixture *f = *state;

	add_service(f, VIP, "rr");
	add_dest(f, VIP, A);
	add_dest(f, VIP, B);
	add_dest(f, VIP, C);
	f->plan.n_ops = 0;
	assert_int_equal(delete_dest(f, VIP, B), 0);
	expect_plan(f, "schedule s0 deleted, delete d1");
	expect_list(f, VIP, "2 0");
	assert_int_equal(xlvs_model_dest(f->model, 1)->service, 0);
	assert_false(xlvs_model_dest(f->model, 1)->available);
}

static void test_edit_keeps_the_place_in_the_list(void **state)
{
	struct fixture *f = *state;
	struct xlvs_dest_spec spec = dest_spec(A, 9);

	add_service(f, VIP, "rr");
	add_dest(f, VIP, A);
	add_dest(f, VIP, B);
	f->plan.n_ops = 0;
	spec.method = XLVS_METHOD_DR;
	assert_int_equal(edit(f, VIP, &spec), 0);
	expect_plan(f, "put d0, schedule s0 edited");
	expect_list(f, VIP, "1 0");
	assert_int_equal(xlvs_model_dest(f->model, 0)->spec.weight, 9);
	assert_int_equal(xlvs_model_dest(f->model, 0)->spec.method, XLVS_METHOD_DR);
}

static void test_existing_is_refused_and_missing_is_enoent(void **state)
{
	struct fixture *f = *state;

	add_service(f, VIP, "rr");
	add_dest(f, VIP, A);
	f->plan.n_ops = 0;
	assert_int_equal(add_dest(f, VIP, A), -EEXIST);
	assert_int_equal(edit_dest(f, VIP, B, 1), -ENOENT);
	assert_int_equal(delete_dest(f, VIP, B), -ENOENT);
	expect_plan(f, "");
	delete_dest(f, VIP, A);
	assert_int_equal(edit_dest(f, VIP, A, 1), -ENOENT);
	assert_int_equal(delete_dest(f, VIP, A), -ENOENT);
}

static void test_destinations_differ_by_port_and_by_service(void **state)
{
	struct fixture *f = *state;
	struct xlvs_dest_spec spec = dest_spec(A, 1);

	add_service(f, VIP, "rr");
	add_service(f, VIP6, "rr");
	assert_int_equal(add_dest(f, VIP, A), 0);
	spec.key.port = htons(8080);
	assert_int_equal(add(f, VIP, &spec), 0);
	spec.method = XLVS_METHOD_TUN;
	assert_int_equal(add(f, VIP6, &spec), 0);
	expect_list(f, VIP, "1 0");
	expect_list(f, VIP6, "2");
}

static void test_port_of_a_direct_routing_destination_is_kept_as_given(void **state)
{
	struct fixture *f = *state;
	struct xlvs_dest_spec spec = dest_spec(A, 1);

	add_service(f, VIP, "rr");
	spec.method = XLVS_METHOD_DR;
	spec.key.port = htons(8080);
	assert_int_equal(add(f, VIP, &spec), 0);
	assert_int_equal(xlvs_model_dest(f->model, 0)->spec.key.port, htons(8080));
	assert_int_equal(edit_dest(f, VIP, A, 1), -ENOENT);
}

static void test_address_must_be_unicast(void **state)
{
	static const char *const bad[] = {
		"0.0.0.0",	    "0.1.2.3", "224.0.0.1", "239.255.255.255", "::",
		"::ffff:192.0.2.9", "ff02::1", "fe80::1",   "febf::1:80",      "255.255.255.255",
	};
	static const char *const good[] = {"127.0.0.1", "240.0.0.1", "203.0.113.255", "::1",
					   "fec0::1",	"fd00::1",   "2001:db8::ff00"};
	struct fixture *f = *state;

	add_service(f, VIP, "rr");
	add_service(f, VIP6, "rr");
	f->plan.n_ops = 0;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(add_dest(f, strchr(bad[i], ':') ? VIP6 : VIP, bad[i]), -EINVAL);
	expect_plan(f, "");
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(add_dest(f, strchr(good[i], ':') ? VIP6 : VIP, good[i]), 0);
}

static void test_other_family_needs_a_tunnel(void **state)
{
	static const uint32_t others[] = {XLVS_METHOD_NAT, XLVS_METHOD_DR};
	struct fixture *f = *state;
	struct xlvs_dest_spec spec = dest_spec("2001:db8::9", -1);

	add_service(f, VIP, "rr");
	for (size_t i = 0; i < 2; i++) {
		spec.method = others[i];
		assert_int_equal(add(f, VIP, &spec), -EINVAL);
		assert_int_equal(edit(f, VIP, &spec), -EINVAL);
	}
	spec.method = XLVS_METHOD_TUN;
	assert_int_equal(add(f, VIP, &spec), -ERANGE);
	spec.weight = 1;
	assert_int_equal(add(f, VIP, &spec), 0);
	spec.method = XLVS_METHOD_NAT;
	assert_int_equal(edit(f, VIP, &spec), -EINVAL);
	assert_int_equal(delete_dest(f, VIP, "2001:db8::9"), 0);
}

static void test_family_other_than_ip_is_refused(void **state)
{
	struct fixture *f = *state;
	struct xlvs_dest_spec spec = dest_spec(A, 1);

	add_service(f, VIP, "rr");
	spec.key.family = AF_UNIX;
	assert_int_equal(add(f, VIP, &spec), -EAFNOSUPPORT);
	assert_int_equal(edit(f, VIP, &spec), -EAFNOSUPPORT);
}

static void test_numbers_out_of_range_are_refused_before_the_destination_is_looked_up(void **state)
{
	struct fixture *f = *state;
	struct xlvs_dest_spec spec = dest_spec(A, -1);

	add_service(f, VIP, "rr");
	add_dest(f, VIP, A);
	assert_int_equal(add(f, VIP, &spec), -ERANGE);
	spec.key = dest_key(B);
	assert_int_equal(edit(f, VIP, &spec), -ERANGE);
	spec.weight = INT_MAX;
	spec.lower_threshold = 20;
	assert_int_equal(add(f, VIP, &spec), -ERANGE);
	spec.lower_threshold = 0;
	spec.tunnel_type = XLVS_TUNNEL_GUE;
	assert_int_equal(edit(f, VIP, &spec), -EINVAL);
	spec.tunnel_type = XLVS_TUNNEL_IPIP;
	assert_int_equal(add(f, VIP, &spec), 0);
}

static void test_readded_destination_is_the_same_one_at_the_head(void **state)
{
	struct fixture *f = *state;

	add_service(f, VIP, "rr");
	add_dest(f, VIP, A);
	add_dest(f, VIP, B);
	delete_dest(f, VIP, A);
	f->plan.n_ops = 0;
	assert_int_equal(add_dest(f, VIP, A), 0);
	expect_plan(f, "put d0, schedule s0 added");
	expect_list(f, VIP, "0 1");
	assert_true(xlvs_model_dest(f->model, 0)->available);
}

static void test_readded_destination_takes_the_new_settings(void **state)
{
	struct fixture *f = *state;
	struct xlvs_dest_spec spec = dest_spec(A, 7);

	add_service(f, VIP, "rr");
	add_dest(f, VIP, A);
	delete_dest(f, VIP, A);
	spec.method = XLVS_METHOD_TUN;
	assert_int_equal(add(f, VIP, &spec), 0);
	assert_int_equal(xlvs_model_dest(f->model, 0)->spec.weight, 7);
	assert_int_equal(xlvs_model_dest(f->model, 0)->spec.method, XLVS_METHOD_TUN);
}

static void test_readded_after_the_service_was_made_anew_its_counters_are_zeroed(void **state)
{
	struct fixture *f = *state;

	add_service(f, "192.0.2.9", "rr");
	add_service(f, VIP, "rr");
	add_dest(f, VIP, A);
	add_dest(f, VIP, B);
	delete_dest(f, VIP, A);
	f->plan.n_ops = 0;
	delete_service(f, VIP);
	expect_plan(f, "delete s1, delete d1, delete d0");
	delete_service(f, "192.0.2.9");
	add_service(f, VIP, "wrr");
	f->plan.n_ops = 0;

	assert_int_equal(add_dest(f, VIP, A), 0);
	expect_plan(f, "zero d0, put d0, schedule s1 added");
	assert_int_equal(add_dest(f, VIP, B), 0);
	expect_plan(f, "zero d1, put d1, schedule s1 added");
	expect_list(f, VIP, "1 0");
	delete_dest(f, VIP, A);
	f->plan.n_ops = 0;
	add_dest(f, VIP, A);
	expect_plan(f, "put d0, schedule s1 added");
}

static void test_trash_of_another_service_is_left_alone(void **state)
{
	struct fixture *f = *state;

	add_service(f, VIP, "rr");
	add_service(f, "192.0.2.9", "rr");
	add_dest(f, VIP, A);
	delete_dest(f, VIP, A);
	assert_int_equal(add_dest(f, "192.0.2.9", A), 0);
	expect_list(f, "192.0.2.9", "1");
	assert_false(xlvs_model_dest(f->model, 0)->available);
}

static void test_number_is_not_reused_while_in_the_trash(void **state)
{
	struct fixture *f = *state;

	add_service(f, VIP, "rr");
	add_dest(f, VIP, A);
	delete_dest(f, VIP, A);
	add_dest(f, VIP, B);
	expect_list(f, VIP, "1");
	f->plan.n_ops = 0;
	assert_int_equal(xlvs_model_free_dest(f->model, 0, &f->plan), 0);
	expect_plan(f, "free d0");
	assert_null(xlvs_model_dest(f->model, 0));
	add_dest(f, VIP, C);
	expect_list(f, VIP, "0 1");
}

static void test_freed_number_is_reused_longest_free_first(void **state)
{
	struct fixture *f = *state;

	add_service(f, VIP, "rr");
	add_dest(f, VIP, A);
	add_dest(f, VIP, B);
	add_dest(f, VIP, C);
	xlvs_model_flush(f->model, &f->plan);
	xlvs_model_free_dest(f->model, 2, &f->plan);
	xlvs_model_free_dest(f->model, 0, &f->plan);
	add_service(f, VIP, "rr");
	add_dest(f, VIP, A);
	add_dest(f, VIP, C);
	add_dest(f, VIP, "198.51.100.4");
	expect_list(f, VIP, "3 0 2");
}

static void test_only_trash_is_freed(void **state)
{
	struct fixture *f = *state;

	add_service(f, VIP, "rr");
	add_dest(f, VIP, A);
	f->plan.n_ops = 0;
	assert_int_equal(xlvs_model_free_dest(f->model, 0, &f->plan), -EBUSY);
	assert_int_equal(xlvs_model_free_dest(f->model, 1, &f->plan), -ENOENT);
	assert_int_equal(xlvs_model_free_dest(f->model, XLVS_NONE, &f->plan), -ENOENT);
	expect_plan(f, "");
}

static void test_freeing_tells_whose_counters_to_keep(void **state)
{
	struct fixture *f = *state;

	add_service(f, VIP, "rr");
	add_service(f, VIP6, "rr");
	add_dest(f, VIP6, "2001:db8::9");
	add_dest(f, VIP6, "2001:db8::a");
	delete_dest(f, VIP6, "2001:db8::9");
	f->plan.n_ops = 0;
	xlvs_model_free_dest(f->model, 0, &f->plan);
	assert_int_equal(f->plan.ops[0].service, 1);
	delete_service(f, VIP6);
	f->plan.n_ops = 0;
	xlvs_model_free_dest(f->model, 1, &f->plan);
	assert_int_equal(f->plan.ops[0].service, XLVS_NONE);
}

static void test_trash_leaves_its_service_in_any_order(void **state)
{
	struct fixture *f = *state;

	add_service(f, VIP, "rr");
	add_dest(f, VIP, A);
	add_dest(f, VIP, B);
	add_dest(f, VIP, C);
	delete_dest(f, VIP, A);
	delete_dest(f, VIP, B);
	delete_dest(f, VIP, C);
	xlvs_model_free_dest(f->model, 1, &f->plan);
	xlvs_model_free_dest(f->model, 2, &f->plan);
	add_dest(f, VIP, B);
	delete_dest(f, VIP, B);
	f->plan.n_ops = 0;
	delete_service(f, VIP);
	expect_plan(f, "delete s0, delete d1, delete d0");
}

static void test_walk_by_id_includes_the_trash(void **state)
{
	struct fixture *f = *state;

	add_service(f, VIP, "rr");
	add_dest(f, VIP, A);
	add_dest(f, VIP, B);
	delete_dest(f, VIP, A);
	assert_int_equal(xlvs_model_next_dest(f->model, 0)->id, 0);
	assert_int_equal(xlvs_model_next_dest(f->model, 1)->id, 1);
	assert_null(xlvs_model_next_dest(f->model, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(test_new_destination_is_written_before_the_list_names_it),
		fixture_test(test_deleted_destination_leaves_the_list_before_it_is_unavailable),
		fixture_test(test_edit_keeps_the_place_in_the_list),
		fixture_test(test_existing_is_refused_and_missing_is_enoent),
		fixture_test(test_destinations_differ_by_port_and_by_service),
		fixture_test(test_port_of_a_direct_routing_destination_is_kept_as_given),
		fixture_test(test_address_must_be_unicast),
		fixture_test(test_other_family_needs_a_tunnel),
		fixture_test(test_family_other_than_ip_is_refused),
		fixture_test(
			test_numbers_out_of_range_are_refused_before_the_destination_is_looked_up),
		fixture_test(test_readded_destination_is_the_same_one_at_the_head),
		fixture_test(test_readded_destination_takes_the_new_settings),
		fixture_test(test_readded_after_the_service_was_made_anew_its_counters_are_zeroed),
		fixture_test(test_trash_of_another_service_is_left_alone),
		fixture_test(test_number_is_not_reused_while_in_the_trash),
		fixture_test(test_freed_number_is_reused_longest_free_first),
		fixture_test(test_only_trash_is_freed),
		fixture_test(test_freeing_tells_whose_counters_to_keep),
		fixture_test(test_trash_leaves_its_service_in_any_order),
		fixture_test(test_walk_by_id_includes_the_trash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
