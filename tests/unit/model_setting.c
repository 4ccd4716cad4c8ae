// SPDX-License-Identifier: GPL-2.0-or-later
/* Settings in the model: names and values as the kernel has them, and the automatic defences. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model_fixture.h"

static int set(struct fixture *f, const char *name, const char *value)
{
	f->plan.n_ops = 0;
	f->error.text[0] = '\0';
	return xlvs_model_set_setting(f->model, name, value, &f->plan, &f->error);
}

/* The value that is shown; fails where there is no such setting, or two values of it. */
static const char *shown(const struct fixture *f, const char *name)
{
	static char found[XLVS_SETTING_BYTES];
	char value[XLVS_SETTING_BYTES];
	const char *other;
	int n_found = 0;

	for (size_t n = 0; xlvs_model_nth_setting(f->model, n, &other, value); n++) {
		if (strcmp(name, other) != 0)
			continue;
		if (n_found++)
			assert_string_equal(value, found);
		memcpy(found, value, sizeof(found));
	}
	assert_true(n_found > 0);
	return found;
}

static void expect_refused(struct fixture *f, const char *name, const char *value, int code)
{
	assert_int_equal(set(f, name, value), code);
	assert_true(f->error.text[0]);
	assert_int_equal(f->plan.n_ops, 0);
}

static void test_a_director_starts_with_the_defaults_of_the_kernel(void **state)
{
	static const char *const expected[][2] = {
		{"am_droprate", "10"},	      {"amemthresh", "1024"},
		{"backup_only", "0"},	      {"cache_bypass", "0"},
		{"conn_reuse_mode", "1"},     {"conntrack", "0"},
		{"drop_entry", "0"},	      {"drop_packet", "0"},
		{"expire_nodest_conn", "0"},  {"expire_quiescent_template", "0"},
		{"lblc_expiration", "86400"}, {"lblcr_expiration", "86400"},
		{"nat_icmp_send", "0"},	      {"pmtu_disc", "1"},
		{"run_estimation", "1"},      {"schedule_icmp", "0"},
		{"secure_tcp", "0"},	      {"sloppy_sctp", "0"},
		{"sloppy_tcp", "0"},	      {"snat_reroute", "1"},
		{"sync_persist_mode", "0"},   {"sync_ports", "1"},
		{"sync_refresh_period", "0"}, {"sync_retries", "0"},
		{"sync_sock_size", "0"},      {"sync_threshold", "3 50"},
		{"sync_version", "1"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_string_equal(shown(f, expected[i][0]), expected[i][1]);
}

static void test_a_value_is_read_as_the_kernel_reads_it(void **state)
{
	static const char *const same[][2] = {{"7", "7"},
					      {" 7\n", "7"},
					      {"0x10", "16"},
					      {"-1", "-1"},
					      {"010", "8"},
					      {"2147483647", "2147483647"},
					      {"-2147483648", "-2147483648"}};
	static const char *const none[] = {
		"", " ", "x", "1x", "1 2", "2147483648", "-2147483649", "99999999999999999999"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_int_equal(set(f, "conn_reuse_mode", same[i][0]), 0);
		expect_plan(f, "settings");
		assert_string_equal(shown(f, "conn_reuse_mode"), same[i][1]);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		expect_refused(f, "conn_reuse_mode", none[i], -EINVAL);
	assert_string_equal(shown(f, "conn_reuse_mode"), "-2147483648");
}

static void test_a_defence_has_four_modes(void **state)
{
	static const char *const names[] = {"drop_entry", "drop_packet", "secure_tcp"};
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++) {
		expect_refused(f, names[i], "4", -EINVAL);
		expect_refused(f, names[i], "-1", -EINVAL);
		assert_int_equal(set(f, names[i], "3"), 0);
		assert_string_equal(shown(f, names[i]), "3");
	}
}

static void test_an_unknown_name_is_none(void **state)
{
	struct fixture *f = *state;

	expect_refused(f, "no_such_setting", "1", -ENOENT);
	expect_refused(f, "", "1", -ENOENT);
	expect_refused(f, "net.ipv4.vs.drop_entry", "1", -ENOENT);
}

static void test_what_cannot_be_followed_is_refused_and_its_default_accepted(void **state)
{
	struct fixture *f = *state;

	expect_refused(f, "conntrack", "1", -EOPNOTSUPP);
	assert_string_equal(f->error.text, "net.ipv4.vs.conntrack stays \"0\": packets are "
					   "forwarded before netfilter sees them");
	expect_refused(f, "snat_reroute", "0", -EOPNOTSUPP);
	expect_refused(f, "sync_threshold", "3 500", -EOPNOTSUPP);
	expect_refused(f, "sync_threshold", "3", -EOPNOTSUPP);
	assert_int_equal(set(f, "sync_threshold", " 3\t50\n"), 0);
	assert_int_equal(set(f, "conntrack", "0"), 0);
	assert_int_equal(f->plan.n_ops, 0);
}

static void test_what_the_packet_path_reads_takes_every_number(void **state)
{
	static const char *const names[] = {"cache_bypass", "pmtu_disc"};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (int number = -1; number <= 1; number++) {
			char value[XLVS_SETTING_BYTES];

			snprintf(value, sizeof(value), "%d", number);
			assert_int_equal(set(f, names[i], value), 0);
			expect_plan(f, "settings");
			assert_string_equal(shown(f, names[i]), value);
		}
	}
}

static void test_drop_packet_always_takes_the_rate_that_is_set(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(set(f, "drop_packet", "3"), 0);
	assert_int_equal(xlvs_model_drop_rate(f->model), 10);
	assert_int_equal(set(f, "am_droprate", "2"), 0);
	assert_int_equal(xlvs_model_drop_rate(f->model), 2);
	assert_int_equal(set(f, "drop_packet", "0"), 0);
	assert_int_equal(xlvs_model_drop_rate(f->model), 0);
}

static void defend(struct fixture *f, uint64_t free_pages, const char *plan)
{
	f->plan.n_ops = 0;
	assert_int_equal(xlvs_model_defend(f->model, free_pages, &f->plan), 0);
	expect_plan(f, plan);
}

static void test_automatic_defences_follow_the_memory(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(set(f, "drop_entry", "1"), 0);
	assert_int_equal(set(f, "drop_packet", "1"), 0);
	assert_int_equal(set(f, "secure_tcp", "3"), 0);
	defend(f, 1024, "");
	defend(f, 1023, "settings"); /* below amemthresh */
	assert_string_equal(shown(f, "drop_entry"), "2");
	assert_string_equal(shown(f, "drop_packet"), "2");
	assert_string_equal(shown(f, "secure_tcp"), "3");
	assert_int_equal(xlvs_model_drop_rate(f->model), 1024);
	defend(f, 512, "settings");
	assert_int_equal(xlvs_model_drop_rate(f->model), 2);
	defend(f, 512, "");
	defend(f, 1ULL << 40, "settings");
	assert_string_equal(shown(f, "drop_entry"), "1");
	assert_string_equal(shown(f, "drop_packet"), "1");
	assert_int_equal(xlvs_model_drop_rate(f->model), 0);
}

static void test_a_defence_set_by_hand_ignores_the_memory(void **state)
{
	struct fixture *f = *state;

	defend(f, 0, "");
	assert_int_equal(set(f, "drop_packet", "3"), 0);
	defend(f, 0, "");
	assert_int_equal(xlvs_model_drop_rate(f->model), 10);
	assert_string_equal(shown(f, "drop_packet"), "3");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(test_a_director_starts_with_the_defaults_of_the_kernel),
		fixture_test(test_a_value_is_read_as_the_kernel_reads_it),
		fixture_test(test_a_defence_has_four_modes),
		fixture_test(test_an_unknown_name_is_none),
		fixture_test(test_what_cannot_be_followed_is_refused_and_its_default_accepted),
		fixture_test(test_what_the_packet_path_reads_takes_every_number),
		fixture_test(test_drop_packet_always_takes_the_rate_that_is_set),
		fixture_test(test_automatic_defences_follow_the_memory),
		fixture_test(test_a_defence_set_by_hand_ignores_the_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
