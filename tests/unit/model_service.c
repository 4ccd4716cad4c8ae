// SPDX-License-Identifier: GPL-2.0-or-later
/* Services as the kernel's ip_vs_ctl keeps them: order of checks, errors, edits, deletion. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "abi/config.h"
#include "abi/limits.h"
#include "model_fixture.h"

#define VIP  "192.0.2.1"
#define VIP2 "192.0.2.2"
#define VIP6 "2001:db8::1"

static const struct xlvs_model_service *find(struct fixture *f, const char *address)
{
	struct xlvs_service_key key = service_key(address);

	return xlvs_model_find_service(f->model, &key);
}

static void test_added_service_is_published_list_first(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add_service(f, VIP, "wrr"), 0);
	expect_plan(f, "schedule s0 bind, service s0");

	assert_non_null(find(f, VIP));
	assert_int_equal(find(f, VIP)->scheduler, XLVS_SCHEDULER_wrr);
	assert_int_equal(find(f, VIP)->n_dests, 0);
	assert_ptr_equal(find(f, VIP), xlvs_model_service(f->model, 0));
	assert_int_equal(find(f, VIP)->spec.flags, XLVS_SERVICE_HASHED);
}

static void test_service_without_scheduler_is_accepted(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add_service(f, VIP, "none"), 0);
	assert_int_equal(find(f, VIP)->scheduler, XLVS_SCHEDULER_NONE);
}

static void test_existing_service_is_refused_before_its_scheduler_is_looked_up(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add_service(f, VIP, "rr"), 0);
	f->plan.n_ops = 0;
	assert_int_equal(add_service(f, VIP, "no-such"), -EEXIST);
	assert_int_equal(add_service(f, VIP2, "no-such"), -ENOENT);
	assert_int_equal(edit_service(f, VIP, "no-such"), -ENOENT);
	expect_plan(f, "");
	assert_int_equal(find(f, VIP)->scheduler, XLVS_SCHEDULER_rr);
}

static void test_unknown_service_is_esrch_for_every_command(void **state)
{
	struct fixture *f = *state;
	struct xlvs_service_key key = service_key(VIP);

	assert_int_equal(edit_service(f, VIP, "rr"), -ESRCH);
	assert_int_equal(edit_service(f, VIP, "no-such"), -ESRCH);
	assert_int_equal(delete_service(f, VIP), -ESRCH);
	assert_int_equal(add_dest(f, VIP, "198.51.100.1"), -ESRCH);
	assert_int_equal(edit_dest(f, VIP, "198.51.100.1", 1), -ESRCH);
	assert_int_equal(delete_dest(f, VIP, "198.51.100.1"), -ESRCH);
	assert_int_equal(xlvs_model_zero(f->model, &key, &f->plan, &f->error), -ESRCH);
	expect_plan(f, "");
}

static void test_services_differ_by_protocol_port_address_and_family(void **state)
{
	struct fixture *f = *state;
	struct xlvs_service_spec udp = service_spec(VIP, "rr");
	struct xlvs_service_spec port = service_spec(VIP, "rr");

	udp.key.protocol = IPPROTO_UDP;
	port.key.port = htons(443);
	assert_int_equal(add_service(f, VIP, "rr"), 0);
	assert_int_equal(xlvs_model_add_service(f->model, &udp, &f->plan, NULL), 0);
	assert_int_equal(xlvs_model_add_service(f->model, &port, &f->plan, NULL), 0);
	assert_int_equal(add_service(f, VIP2, "rr"), 0);
	assert_int_equal(add_service(f, VIP6, "rr"), 0);
	assert_int_equal(find(f, VIP)->id, 0);
	assert_int_equal(xlvs_model_find_service(f->model, &udp.key)->id, 1);
	assert_int_equal(xlvs_model_find_service(f->model, &port.key)->id, 2);
	assert_int_equal(find(f, VIP6)->id, 4);
	assert_int_equal(xlvs_model_n_services(f->model, AF_INET), 4);
	assert_int_equal(xlvs_model_n_services(f->model, AF_INET6), 1);
}

static void test_address_family_other_than_ip_is_refused(void **state)
{
	struct fixture *f = *state;
	struct xlvs_service_spec spec = service_spec(VIP, "no-such");

	spec.key.family = AF_UNIX;
	assert_int_equal(xlvs_model_add_service(f->model, &spec, &f->plan, NULL), -EAFNOSUPPORT);
	assert_int_equal(xlvs_model_delete_service(f->model, &spec.key, &f->plan, NULL),
			 -EAFNOSUPPORT);
	expect_plan(f, "");
}

static void test_ipv6_prefix_length_is_1_to_128(void **state)
{
	struct fixture *f = *state;
	struct xlvs_service_spec spec = service_spec(VIP6, "rr");

	spec.netmask = 0;
	assert_int_equal(xlvs_model_add_service(f->model, &spec, &f->plan, NULL), -EINVAL);
	spec.netmask = 129;
	assert_int_equal(xlvs_model_add_service(f->model, &spec, &f->plan, NULL), -EINVAL);
	spec.netmask = 1;
	assert_int_equal(xlvs_model_add_service(f->model, &spec, &f->plan, NULL), 0);
	spec.netmask = 129;
	assert_int_equal(xlvs_model_edit_service(f->model, &spec, &f->plan, NULL), -EINVAL);
	spec = service_spec(VIP, "rr");
	spec.netmask = 0;
	assert_int_equal(xlvs_model_add_service(f->model, &spec, &f->plan, NULL), 0);
}

static void test_edit_to_the_same_scheduler_keeps_its_state(void **state)
{
	struct fixture *f = *state;

	add_service(f, VIP, "rr");
	f->plan.n_ops = 0;
	assert_int_equal(edit_service(f, VIP, "rr"), 0);
	expect_plan(f, "schedule s0 kept, service s0");
	assert_int_equal(edit_service(f, VIP, "wlc"), 0);
	expect_plan(f, "schedule s0 bind, service s0");
	assert_int_equal(find(f, VIP)->scheduler, XLVS_SCHEDULER_wlc);
	assert_string_equal(find(f, VIP)->spec.scheduler, "wlc");
}

static void test_edit_replaces_timeout_and_mask_and_keeps_destinations(void **state)
{
	struct fixture *f = *state;
	struct xlvs_service_spec spec = service_spec(VIP, "rr");

	add_service(f, VIP, "rr");
	add_dest(f, VIP, "198.51.100.1");
	spec.timeout_sec = 77;
	spec.netmask = htonl(0xffffff00);
	assert_int_equal(xlvs_model_edit_service(f->model, &spec, &f->plan, NULL), 0);
	assert_int_equal(find(f, VIP)->spec.timeout_sec, 77);
	assert_int_equal(find(f, VIP)->spec.netmask, htonl(0xffffff00));
	expect_list(f, VIP, "0");
}

static void test_flags_outside_the_mask_are_not_looked_at(void **state)
{
	struct fixture *f = *state;
	struct xlvs_service_spec spec = service_spec(VIP, "rr");

	spec.flags = XLVS_SERVICE_PERSISTENT;
	spec.flags_mask = 0;
	assert_int_equal(xlvs_model_add_service(f->model, &spec, &f->plan, NULL), 0);
	assert_int_equal(find(f, VIP)->spec.flags, XLVS_SERVICE_HASHED);
	assert_int_equal(xlvs_model_edit_service(f->model, &spec, &f->plan, NULL), 0);
	spec.flags_mask = XLVS_SERVICE_PERSISTENT;
	assert_int_equal(xlvs_model_edit_service(f->model, &spec, &f->plan, NULL), 0);
	assert_int_equal(find(f, VIP)->spec.flags, XLVS_SERVICE_HASHED | XLVS_SERVICE_PERSISTENT);
}

static void test_client_is_remembered_for_31_days_at_most(void **state)
{
	struct fixture *f = *state;
	struct xlvs_service_spec spec = service_spec(VIP, "rr");

	spec.flags = XLVS_SERVICE_PERSISTENT;
	spec.timeout_sec = 31 * 86400 + 1;
	assert_int_equal(xlvs_model_add_service(f->model, &spec, &f->plan, NULL), -EINVAL);
	spec.timeout_sec--;
	assert_int_equal(xlvs_model_add_service(f->model, &spec, &f->plan, NULL), 0);
	assert_int_equal(find(f, VIP)->spec.timeout_sec, 31 * 86400);
}

static void test_lookups_are_those_the_services_ask_for(void **state)
{
	struct fixture *f = *state;
	struct xlvs_service_spec ftp = service_spec(VIP, "rr"), all = ftp, plain = ftp;

	ftp.key.port = htons(21);
	all.key.port = 0;
	all.flags = XLVS_SERVICE_PERSISTENT;
	assert_int_equal(xlvs_model_add_service(f->model, &plain, &f->plan, NULL), 0);
	assert_int_equal(xlvs_model_lookups(f->model), 0);
	assert_int_equal(xlvs_model_add_service(f->model, &ftp, &f->plan, NULL), 0);
	assert_int_equal(xlvs_model_lookups(f->model), XLVS_LOOKUP_FTP);
	assert_int_equal(xlvs_model_add_service(f->model, &all, &f->plan, NULL), 0);
	assert_int_equal(xlvs_model_lookups(f->model), XLVS_LOOKUP_FTP | XLVS_LOOKUP_PORT0);
	assert_int_equal(xlvs_model_delete_service(f->model, &ftp.key, &f->plan, NULL), 0);
	assert_int_equal(xlvs_model_lookups(f->model), XLVS_LOOKUP_PORT0);
	assert_int_equal(xlvs_model_flush(f->model, &f->plan), 0);
	assert_int_equal(xlvs_model_lookups(f->model), 0);
}

static void test_deleted_service_goes_before_its_destinations(void **state)
{
	struct fixture *f = *state;

	add_service(f, VIP, "rr");
	add_dest(f, VIP, "198.51.100.1");
	add_dest(f, VIP, "198.51.100.2");
	f->plan.n_ops = 0;
	assert_int_equal(delete_service(f, VIP), 0);
	expect_plan(f, "delete s0, delete d1, delete d0");
	assert_null(find(f, VIP));
	assert_null(xlvs_model_service(f->model, 0));
	assert_int_equal(xlvs_model_n_services(f->model, AF_INET), 0);
	assert_int_equal(xlvs_model_dest(f->model, 0)->service, XLVS_NONE);
	assert_false(xlvs_model_dest(f->model, 0)->available);
}

static void test_flush_deletes_all_and_leaves_timeouts(void **state)
{
	struct fixture *f = *state;
	struct xlvs_timeouts timeouts = {.tcp_sec = 1000};

	add_service(f, VIP, "rr");
	add_service(f, VIP6, "rr");
	add_dest(f, VIP, "198.51.100.1");
	xlvs_model_set_timeouts(f->model, &timeouts, &f->plan, NULL);
	f->plan.n_ops = 0;
	assert_int_equal(xlvs_model_flush(f->model, &f->plan), 0);
	expect_plan(f, "delete s0, delete d0, delete s1");
	assert_null(xlvs_model_next_service(f->model, 0));
	assert_int_equal(xlvs_model_n_services(f->model, AF_INET6), 0);
	xlvs_model_timeouts(f->model, &timeouts);
	assert_int_equal(timeouts.tcp_sec, 1000);
	assert_int_equal(xlvs_model_flush(f->model, &f->plan), 0);
	expect_plan(f, "");
}

static void test_zero_names_one_service_or_all(void **state)
{
	struct fixture *f = *state;
	struct xlvs_service_key key = service_key(VIP2);

	add_service(f, VIP, "rr");
	add_service(f, VIP2, "rr");
	f->plan.n_ops = 0;
	assert_int_equal(xlvs_model_zero(f->model, &key, &f->plan, NULL), 0);
	assert_int_equal(xlvs_model_zero(f->model, NULL, &f->plan, NULL), 0);
	expect_plan(f, "zero s1, zero all");
}

static void test_timeouts_start_as_the_kernels_and_zero_leaves_them(void **state)
{
	struct fixture *f = *state;
	struct xlvs_timeouts set = {.tcp_fin_sec = 30};
	struct xlvs_timeouts got;

	xlvs_model_timeouts(f->model, &got);
	assert_int_equal(got.tcp_sec, 900);
	assert_int_equal(got.tcp_fin_sec, 120);
	assert_int_equal(got.udp_sec, 300);

	assert_int_equal(xlvs_model_set_timeouts(f->model, &set, &f->plan, NULL), 0);
	expect_plan(f, "timeouts");
	xlvs_model_timeouts(f->model, &got);
	assert_int_equal(got.tcp_sec, 900);
	assert_int_equal(got.tcp_fin_sec, 30);
	assert_int_equal(got.udp_sec, 300);
}

static void test_timeout_above_31_days_changes_none(void **state)
{
	struct fixture *f = *state;
	struct xlvs_timeouts set = {.tcp_sec = 60, .udp_sec = 2678401};
	struct xlvs_timeouts got;

	assert_int_equal(xlvs_model_set_timeouts(f->model, &set, &f->plan, NULL), -EINVAL);
	expect_plan(f, "");
	xlvs_model_timeouts(f->model, &got);
	assert_int_equal(got.tcp_sec, 900);
	set.udp_sec = 2678400;
	assert_int_equal(xlvs_model_set_timeouts(f->model, &set, &f->plan, NULL), 0);
	xlvs_model_timeouts(f->model, &got);
	assert_int_equal(got.udp_sec, 2678400);
}

static void test_freed_service_number_is_reused_longest_free_first(void **state)
{
	struct fixture *f = *state;

	add_service(f, "192.0.2.10", "rr");
	add_service(f, "192.0.2.11", "rr");
	add_service(f, "192.0.2.12", "rr");
	delete_service(f, "192.0.2.11");
	delete_service(f, "192.0.2.10");
	add_service(f, "192.0.2.13", "rr");
	add_service(f, "192.0.2.14", "rr");
	add_service(f, "192.0.2.15", "rr");
	assert_int_equal(find(f, "192.0.2.13")->id, 1);
	assert_int_equal(find(f, "192.0.2.14")->id, 0);
	assert_int_equal(find(f, "192.0.2.15")->id, 3);
}

static void test_serial_is_never_the_same_twice(void **state)
{
	struct fixture *f = *state;
	uint64_t serial;

	add_service(f, VIP, "rr");
	serial = find(f, VIP)->serial;
	delete_service(f, VIP);
	add_service(f, VIP, "rr");
	assert_int_equal(find(f, VIP)->id, 0);
	assert_true(find(f, VIP)->serial != serial);
}

static void test_walk_by_id_resumes_after_deletions(void **state)
{
	struct fixture *f = *state;

	add_service(f, "192.0.2.10", "rr");
	add_service(f, "192.0.2.11", "rr");
	add_service(f, "192.0.2.12", "rr");
	assert_int_equal(xlvs_model_next_service(f->model, 0)->id, 0);
	delete_service(f, "192.0.2.11");
	assert_int_equal(xlvs_model_next_service(f->model, 1)->id, 2);
	assert_null(xlvs_model_next_service(f->model, 3));
	assert_null(xlvs_model_service(f->model, 1));
	assert_null(xlvs_model_service(f->model, XLVS_NONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(test_added_service_is_published_list_first),
		fixture_test(test_service_without_scheduler_is_accepted),
		fixture_test(test_existing_service_is_refused_before_its_scheduler_is_looked_up),
		fixture_test(test_unknown_service_is_esrch_for_every_command),
		fixture_test(test_services_differ_by_protocol_port_address_and_family),
		fixture_test(test_address_family_other_than_ip_is_refused),
		fixture_test(test_ipv6_prefix_length_is_1_to_128),
		fixture_test(test_edit_to_the_same_scheduler_keeps_its_state),
		fixture_test(test_edit_replaces_timeout_and_mask_and_keeps_destinations),
		fixture_test(test_flags_outside_the_mask_are_not_looked_at),
		fixture_test(test_client_is_remembered_for_31_days_at_most),
		fixture_test(test_lookups_are_those_the_services_ask_for),
		fixture_test(test_deleted_service_goes_before_its_destinations),
		fixture_test(test_flush_deletes_all_and_leaves_timeouts),
		fixture_test(test_zero_names_one_service_or_all),
		fixture_test(test_timeouts_start_as_the_kernels_and_zero_leaves_them),
		fixture_test(test_timeout_above_31_days_changes_none),
		fixture_test(test_freed_service_number_is_reused_longest_free_first),
		fixture_test(test_serial_is_never_the_same_twice),
		fixture_test(test_walk_by_id_resumes_after_deletions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
