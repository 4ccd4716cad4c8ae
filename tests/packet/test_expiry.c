// SPDX-License-Identifier: GPL-2.0-or-later
/* The expiry, with its real timer, on a director whose seconds are a fifth as long: what has
 * ended is freed, all that was counted about it is taken back, and what lives is left alone. */
#include "fixture.h"

#include <bpf/bpf.h>
#include <stdio.h>
#include <time.h>

enum {
	RECORDS = 4096,
	SHORT_TICKS_PER_SEC = TICKS_PER_SEC / 5,
	CLOCK_SLACK_TICKS = 1,
	CONNECTIONS = 100, /* of each kind */
	PATIENCE_MS = 10000,
	POLL_MS = 2,
};

static const struct kind {
	uint8_t method;
	uint8_t protocol;
	uint32_t records; /* each connection takes */
} kinds[] = {
	{XLVS_FORWARD_dr, PACKET_TCP, 1},
	{XLVS_FORWARD_tun, PACKET_UDP, 1},
	{XLVS_FORWARD_nat, PACKET_TCP, 2},
	{XLVS_FORWARD_nat, PACKET_UDP, 2},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct packet nth_request(const struct kind *kind, int family, int n)
{
	struct packet request = request_packet(family, kind->protocol);

	request.dport = (uint16_t)(VIP_PORT + (kind - kinds));
	request.sport = (uint16_t)(CLIENT_PORT + n);
	return request;
}

static void serve_all(uint32_t *ret_dests)
{
	for (size_t i = 0; i < 2 * KINDS; i++) {
		struct packet request = nth_request(&kinds[i / 2], i % 2 ? 6 : 4, 0);
		struct dest_words words = {.method = kinds[i / 2].method};

		ret_dests[i] = director_serve(&request, &words);
	}
}

/* Established where it is TCP: first `n` connections of each kind and family. */
static uint32_t open_all(int n)
{
	uint32_t records = 0;

	for (size_t i = 0; i < 2 * KINDS; i++) {
		for (int nth = 0; nth < n; nth++) {
			struct packet request = nth_request(&kinds[i / 2], i % 2 ? 6 : 4, nth);

			expect_forwarded(&request);
			request.tcp_flags = ACK;
			expect_forwarded(&request);
			records += kinds[i / 2].records;
		}
	}
	return records;
}

static void sleep_ms(long ms)
{
	struct timespec pause = {.tv_nsec = ms * 1000000};

	nanosleep(&pause, NULL);
}

/* Wait until so many records are in use. */
static void await_records(uint32_t n)
{
	const struct xlvs_runtime *runtime = director.table.runtime;
	int waited_ms = 0;

	while (__atomic_load_n(&runtime->records, __ATOMIC_ACQUIRE) != n) {
		if (waited_ms > PATIENCE_MS)
			fail_msg("%u records in use, waited for %u", runtime->records, n);
		sleep_ms(POLL_MS);
		waited_ms += POLL_MS;
	}
}

static void await_turns(uint32_t n)
{
	const struct xlvs_runtime *runtime = director.table.runtime;
	uint32_t start = runtime->sweeps;
	int waited_ms = 0;

	while (__atomic_load_n(&runtime->sweeps, __ATOMIC_ACQUIRE) - start < n) {
		if (waited_ms > PATIENCE_MS)
			fail_msg("the hand stands still at %u", runtime->sweep_hand);
		sleep_ms(POLL_MS);
		waited_ms += POLL_MS;
	}
}

static void expect_empty_table(void)
{
	for (uint32_t i = 0; i < director.table.n_conns; i++) {
		if (director.table.conns[i].word)
			fail_msg("record %u: word %#lx", i,
				 (unsigned long)director.table.conns[i].word);
	}
	for (uint32_t i = 0; i < director.table.n_dests; i++) {
		assert_int_equal(director.table.dests[i].active, 0);
		assert_int_equal(director.table.dests[i].inactive, 0);
	}
	assert_int_equal(director.table.runtime->unproven, 0);
	assert_int_equal(director.table.runtime->records, 0);
}

/* Age every first record from position `from` of its kind on. */
static void expire_from(int from)
{
	for (uint32_t i = 0; i < director.table.n_conns; i++) {
		struct xlvs_conn *conn = &director.table.conns[i];

		if (((uint32_t)conn->word & XLVS_LIFE_MASK) == XLVS_LIFE_LIVE &&
		    !(conn->meta & XLVS_META_REPLY) &&
		    __builtin_bswap16(conn->sport) >= CLIENT_PORT + from)
			director_age(conn, 901 * SHORT_TICKS_PER_SEC);
	}
}

static void test_expired_connections_leave_nothing_behind(void **state)
{
	uint32_t dests[2 * KINDS];

	(void)state;
	serve_all(dests);
	open_all(CONNECTIONS);
	expire_from(0);
	await_records(0);
	expect_empty_table();
}

static void test_live_connections_stay(void **state)
{
	uint32_t dests[2 * KINDS], records;

	(void)state;
	serve_all(dests);
	records = open_all(CONNECTIONS);
	expire_from(CONNECTIONS / 4);
	await_records(records / 4);
	await_turns(3);
	assert_int_equal(director.table.runtime->records, records / 4);
	expect_sound_table();
	for (size_t i = 0; i < 2 * KINDS; i++) {
		const struct xlvs_dest *dest = &director.table.dests[dests[i]];

		assert_int_equal(dest->active + dest->inactive, CONNECTIONS / 4);
		for (int n = 0; n < CONNECTIONS / 4; n++) {
			struct packet request = nth_request(&kinds[i / 2], i % 2 ? 6 : 4, n);

			assert_non_null(director_conn(&request));
			request.tcp_flags = ACK;
			expect_forwarded(&request);
		}
	}
	expire_from(0);
	await_records(0);
	expect_empty_table();
}

/* Not before its time, and soon after. */
static void test_connection_ends_when_its_state_times_out(void **state)
{
	struct packet request = request_packet(4, PACKET_TCP);
	struct dest_words words = {.method = XLVS_FORWARD_dr};
	uint32_t deadline, dest;
	int waited_ms = 0;

	(void)state;
	dest = director_serve(&request, &words);
	expect_forwarded(&request);
	request.tcp_flags = ACK;
	expect_forwarded(&request);
	request.tcp_flags = RST;
	expect_forwarded(&request);
	deadline = director_conn(&request)->deadline;
	expect_timeout(director_conn(&request), 10);
	while (director_conn(&request) && waited_ms++ < PATIENCE_MS)
		sleep_ms(1);
	assert_true((int32_t)(director_now() - deadline) >= -2);
	assert_in_range(director_now() + 2 - deadline, 0, 4 + TICKS_PER_SEC);
	assert_int_equal(director.table.dests[dest].inactive, 0);
	await_records(0);
	expect_empty_table();
}

/* What has ended is kept from reuse for a tenth of a second: another CPU may still hold it. */
static void test_ended_record_is_freed_a_tenth_of_a_second_later(void **state)
{
	struct packet request = request_packet(6, PACKET_UDP);
	struct dest_words words = {.method = XLVS_FORWARD_dr};
	struct xlvs_conn *conn;
	int waited_ms = 0;
	uint32_t ended_at;

	(void)state;
	director_serve(&request, &words);
	expect_forwarded(&request);
	conn = director_conn(&request);
	director_age(conn, 301 * SHORT_TICKS_PER_SEC);
	while (__atomic_load_n(&conn->gateway, __ATOMIC_ACQUIRE) != 0xffff &&
	       waited_ms++ < PATIENCE_MS)
		sleep_ms(1);
	ended_at = conn->deadline;
	assert_int_equal(conn->gateway, 0xffff);
	await_records(0);
	assert_in_range(director_now() + CLOCK_SLACK_TICKS - ended_at, SHORT_TICKS_PER_SEC / 10,
			SHORT_TICKS_PER_SEC / 10 + TICKS_PER_SEC);
	expect_empty_table();
}

/* A connection opened anew leaves its first reply record to the expiry. */
static void test_reply_record_without_a_connection_is_freed(void **state)
{
	struct packet request = request_packet(4, PACKET_TCP), reply;
	struct dest_words words = {.method = XLVS_FORWARD_nat};

	(void)state;
	director_serve(&request, &words);
	reply = reply_packet(&request, server_address(4, 1), VIP_PORT);
	for (int i = 0; i < 10; i++) {
		request.tcp_flags = SYN;
		expect_forwarded(&request);
		reply.tcp_flags = RST;
		expect_forwarded(&reply);
	}
	assert_true(director.table.runtime->records > 2);
	await_records(2);
	expect_sound_table();
	expire_from(0);
	await_records(0);
	expect_empty_table();
}

static void test_hand_goes_round_in_small_steps(void **state)
{
	uint32_t dests[2 * KINDS];

	(void)state;
	director.table.runtime->sweep_records = RECORDS / 8;
	director.table.runtime->sweep_period_us = 1000;
	serve_all(dests);
	open_all(CONNECTIONS);
	expire_from(0);
	await_records(0);
	assert_true(director.table.runtime->sweeps > 2);
	expect_empty_table();
}

/* Each daemon starts it again. */
static void test_expiry_can_be_started_again(void **state)
{
	uint32_t dests[2 * KINDS];

	(void)state;
	serve_all(dests);
	for (int i = 0; i < 5; i++) {
		director_start_expiry();
		await_turns(2);
	}
	open_all(CONNECTIONS);
	expire_from(0);
	await_records(0);
	expect_empty_table();
}

static int setup(void **state)
{
	const struct director_options options = {
		.n_conns = RECORDS,
		.ticks_per_sec = SHORT_TICKS_PER_SEC,
	};

	(void)state;
	if (director_open(&options))
		return -1;
	director_start_expiry();
	return 0;
}

/* While the hand goes round: each test leaves an empty table to the next. */
static int reset(void **state)
{
	(void)state;
	director_reset();
	return 0;
}

#define expiry_test(function) cmocka_unit_test_setup(function, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		expiry_test(test_expired_connections_leave_nothing_behind),
		expiry_test(test_live_connections_stay),
		expiry_test(test_connection_ends_when_its_state_times_out),
		expiry_test(test_ended_record_is_freed_a_tenth_of_a_second_later),
		expiry_test(test_reply_record_without_a_connection_is_freed),
		expiry_test(test_hand_goes_round_in_small_steps),
		expiry_test(test_expiry_can_be_started_again),
	};

	return cmocka_run_group_tests(tests, setup, director_tear_down);
}
