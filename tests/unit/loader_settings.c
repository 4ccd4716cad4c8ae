// SPDX-License-Identifier: GPL-2.0-or-later
/* How large the tables become, and what a director starts with. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "abi/limits.h"
#include "abi/reason.h"
#include "loader/settings.h"
#include "model/spec.h"

static void test_two_records_a_connection_fill_three_quarters(void **state)
{
	const uint64_t connections[] = {1, 2, 3, 1000, 12345, 1000000, 10000000, 402653183};
	struct xlvs_sizes sizes;

	(void)state;
	for (size_t i = 0; i < sizeof(connections) / sizeof(connections[0]); i++) {
		assert_int_equal(xlvs_settings_sizes(connections[i], 2, &sizes, NULL), 0);
		assert_int_equal(sizes.conns % XLVS_CONN_GROUP, 0);
		assert_true(sizes.conns * 3ULL >= connections[i] * 8);
		assert_true((sizes.conns - XLVS_CONN_GROUP) * 3ULL < connections[i] * 8);
	}
}

static void test_every_possible_cpu_has_its_rows(void **state)
{
	struct xlvs_sizes sizes;

	(void)state;
	assert_int_equal(xlvs_settings_sizes(1, XLVS_CPUS_MAX, &sizes, NULL), 0);
	assert_int_equal(sizes.traffic, XLVS_CPUS_MAX * XLVS_DESTS_MAX);
	assert_int_equal(sizes.reasons, XLVS_CPUS_MAX * XLVS_REASONS_MAX);
}

static void test_what_cannot_be_indexed_is_refused_in_words(void **state)
{
	struct xlvs_error error = {};
	struct xlvs_sizes sizes = {.conns = 7};

	(void)state;
	assert_int_equal(xlvs_settings_sizes(402653185, 2, &sizes, &error), -EINVAL);
	assert_string_equal(error.text, "a connection table has room for 1 to 402653184 "
					"connections, not 402653185");
	assert_int_equal(xlvs_settings_sizes(0, 2, &sizes, &error), -EINVAL);
	assert_int_equal(xlvs_settings_sizes(UINT64_MAX, 2, &sizes, &error), -EINVAL);
	assert_int_equal(xlvs_settings_sizes(1, XLVS_CPUS_MAX + 1, &sizes, &error), -EOPNOTSUPP);
	assert_string_equal(error.text, "1025 CPUs: at most 1024 are supported");
	assert_int_equal(sizes.conns, 7);
}

static void test_ticks_are_at_most_250_a_second_and_the_seeds_differ(void **state)
{
	struct xlvs_constants a, b;

	(void)state;
	assert_int_equal(xlvs_settings_constants(1000, &a), 0);
	assert_int_equal(xlvs_settings_constants(1000, &b), 0);
	assert_int_equal(a.conn_groups, 1000 / XLVS_CONN_GROUP);
	assert_in_range(a.ticks_per_sec, 100, 250);
	assert_true(a.tick_shift <= 4);
	assert_memory_not_equal(a.seed, b.seed, sizeof(a.seed));
}

static void test_the_first_settings_are_those_of_the_kernel(void **state)
{
	const struct {
		uint32_t number, seconds;
	} expected[] = {
		{XLVS_TIMEOUT_TCP + XLVS_TCP_NONE, 2},
		{XLVS_TIMEOUT_TCP + XLVS_TCP_ESTABLISHED, 900},
		{XLVS_TIMEOUT_TCP + XLVS_TCP_SYN_SENT, 120},
		{XLVS_TIMEOUT_TCP + XLVS_TCP_SYN_RECV, 60},
		{XLVS_TIMEOUT_TCP + XLVS_TCP_FIN_WAIT, 120},
		{XLVS_TIMEOUT_TCP + XLVS_TCP_TIME_WAIT, 120},
		{XLVS_TIMEOUT_TCP + XLVS_TCP_CLOSE, 10},
		{XLVS_TIMEOUT_TCP + XLVS_TCP_CLOSE_WAIT, 60},
		{XLVS_TIMEOUT_TCP + XLVS_TCP_LAST_ACK, 30},
		{XLVS_TIMEOUT_TCP + XLVS_TCP_LISTEN, 120},
		{XLVS_TIMEOUT_TCP + XLVS_TCP_SYNACK, 120},
		{XLVS_TIMEOUT_UDP, 300},
		{XLVS_TIMEOUT_SCTP + XLVS_SCTP_NONE, 2},
		{XLVS_TIMEOUT_SCTP + XLVS_SCTP_INIT1, 4},
		{XLVS_TIMEOUT_SCTP + XLVS_SCTP_INIT, 61},
		{XLVS_TIMEOUT_SCTP + XLVS_SCTP_COOKIE_SENT, 61},
		{XLVS_TIMEOUT_SCTP + XLVS_SCTP_COOKIE_REPLIED, 61},
		{XLVS_TIMEOUT_SCTP + XLVS_SCTP_COOKIE_WAIT, 61},
		{XLVS_TIMEOUT_SCTP + XLVS_SCTP_COOKIE, 61},
		{XLVS_TIMEOUT_SCTP + XLVS_SCTP_COOKIE_ECHOED, 61},
		{XLVS_TIMEOUT_SCTP + XLVS_SCTP_ESTABLISHED, 900},
		{XLVS_TIMEOUT_SCTP + XLVS_SCTP_SHUTDOWN_SENT, 61},
		{XLVS_TIMEOUT_SCTP + XLVS_SCTP_SHUTDOWN_RECEIVED, 61},
		{XLVS_TIMEOUT_SCTP + XLVS_SCTP_SHUTDOWN_ACK_SENT, 61},
		{XLVS_TIMEOUT_SCTP + XLVS_SCTP_REJECTED, 4},
		{XLVS_TIMEOUT_SCTP + XLVS_SCTP_CLOSED, 61},
	};
	const struct xlvs_constants constants = {.conn_groups = 250000, .ticks_per_sec = 250};
	struct xlvs_runtime runtime = {};
	struct xlvs_timeouts timeouts;

	(void)state;
	xlvs_settings_runtime(&constants, &runtime);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(runtime.timeout_ticks[expected[i].number],
				 expected[i].seconds * 250);
	xlvs_settings_timeouts(&runtime, &timeouts);
	assert_int_equal(timeouts.tcp_sec, 900);
	assert_int_equal(timeouts.tcp_fin_sec, 120);
	assert_int_equal(timeouts.udp_sec, 300);
	assert_int_equal(runtime.conn_limit, 750000);
	assert_int_equal(runtime.unproven_limit, 375000);
	assert_memory_equal(&runtime.constants, &constants, sizeof(constants));
	/* A full turn of the expiry within a second. */
	assert_true((uint64_t)runtime.sweep_records * 1000000 / runtime.sweep_period_us >= 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_records_a_connection_fill_three_quarters),
		cmocka_unit_test(test_every_possible_cpu_has_its_rows),
		cmocka_unit_test(test_what_cannot_be_indexed_is_refused_in_words),
		cmocka_unit_test(test_ticks_are_at_most_250_a_second_and_the_seeds_differ),
		cmocka_unit_test(test_the_first_settings_are_those_of_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
