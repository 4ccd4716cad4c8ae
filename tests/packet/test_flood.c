// SPDX-License-Identifier: GPL-2.0-or-later
/* Floods of two-way connections, which need two records each, and the records of ended ones: these
 * are used again once nobody can hold a pointer to them, a tenth of a second later, on a director
 * whose seconds are a tenth as long and whose expiry has not been started. */
#include "crowd.h"

#include <linux/bpf.h>
#include <time.h>

enum {
	RECORDS = 4096,
	SHORT_TICKS_PER_SEC = TICKS_PER_SEC / 10,
	GRACE_TICKS = SHORT_TICKS_PER_SEC / 10,
	PROVEN = 300,
	FLOOD = 3 * RECORDS,
	FLOOD_PER_GRACE = RECORDS / 20, /* records ended and not yet to be used again */
	NEWCOMERS = 60,
	PATIENCE_TICKS = 10 * TICKS_PER_SEC,
};

static void await_ticks(uint32_t n)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	uint32_t start = director_now();

	while (director_now() - start < n) {
		assert_true(director_now() - start < PATIENCE_TICKS);
		nanosleep(&pause, NULL);
	}
}

static void expect_proven_to_work(int family, uint32_t dest)
{
	uint64_t conns = director.table.dests[dest].conns;

	for (int i = 0; i < PROVEN; i++) {
		struct packet packet = crowd_packet(family, i), reply = crowd_reply(&packet);

		packet.tcp_flags = reply.tcp_flags = ACK;
		expect_forwarded(&packet);
		expect_forwarded(&reply);
		assert_true(director_conn(&packet)->meta & XLVS_META_PROVEN);
	}
	assert_int_equal(director.table.dests[dest].conns, conns);
}

/* Whether client number `n` gets through, with some of the flood between its packets. */
static bool newcomer_succeeds(int family, int n, int flooded)
{
	struct packet packet = crowd_packet(family, PROVEN + n), reply = crowd_reply(&packet);
	struct packet *const handshake[] = {&packet, &reply, &packet};
	struct frame in, out;

	for (int i = 0; i < 3; i++) {
		if (i == 2)
			packet.tcp_flags = ACK;
		packet_build(handshake[i], &in);
		if (director_run(&in, &out) < XDP_TX)
			return false;
		for (int k = 0; k < 3; k++)
			crowd_flood_packet(family, flooded++);
	}
	return director_conn(&packet) && director_conn(&packet)->meta & XLVS_META_PROVEN;
}

static void test_flood_of_two_way_connections_leaves_room_for_clients(void **state)
{
	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct packet request = request_packet(family, PACKET_TCP);
		uint32_t dest = crowd_serve(&request, XLVS_FORWARD_nat), started;
		int newcomers = 0, succeeded = 0;

		director_say("IPv%d", family);
		crowd_open(family, XLVS_FORWARD_nat, PROVEN);
		started = director_now();
		for (int i = 0; i < FLOOD; i++) {
			crowd_flood_packet(family, i);
			if (i % FLOOD_PER_GRACE == 0)
				await_ticks(GRACE_TICKS + 1);
			if (i > FLOOD / 2 && i % (FLOOD / 2 / NEWCOMERS) == 0)
				succeeded += newcomer_succeeds(family, newcomers++, FLOOD + i);
		}
		assert_true(director_now() - started > 2 * GRACE_TICKS);
		assert_true(newcomers >= NEWCOMERS);
		if (succeeded < newcomers * 95 / 100)
			fail_msg("IPv%d: %d of %d clients got through", family, succeeded,
				 newcomers);
		assert_true(director_reason(XLVS_EVENT_DISPLACED) > FLOOD / 2);
		expect_proven_to_work(family, dest);
		expect_sound_table();
	}
}

static uint32_t life_of(const struct xlvs_conn *conn)
{
	return (uint32_t)conn->word & XLVS_LIFE_MASK;
}

/* Every place taken by one-way connections; returns how many. */
static uint32_t fill(int family)
{
	struct packet request = request_packet(family, PACKET_TCP);

	crowd_serve(&request, XLVS_FORWARD_dr);
	director.table.runtime->conn_limit = director.table.runtime->unproven_limit = 2 * RECORDS;
	for (int i = 0; i < FLOOD; i++)
		crowd_flood_packet(family, i);
	return director.table.runtime->records;
}

/* All connections end, as the expiry does it: dated or not. */
static void end_all(bool dated)
{
	const uint32_t now = director_now();

	for (uint32_t i = 0; i < director.table.n_conns; i++) {
		struct xlvs_conn *conn = &director.table.conns[i];

		if (life_of(conn) != XLVS_LIFE_LIVE)
			continue;
		conn->deadline = now;
		conn->gateway = dated ? 0xffff : 0;
		conn->meta |= XLVS_META_ENDED;
		conn->word |= XLVS_LIFE_ZOMBIE;
	}
	for (uint32_t i = 0; i < director.table.n_dests; i++)
		director.table.dests[i].active = director.table.dests[i].inactive = 0;
	director.table.runtime->unproven = 0;
}

static void let_a_grace_pass(void)
{
	for (uint32_t i = 0; i < director.table.n_conns; i++)
		director.table.conns[i].deadline -= GRACE_TICKS + 1;
}

/* A client whose every place is taken. */
static struct packet homeless_client(int family)
{
	struct packet packet;
	int n = 0;

	do {
		uint64_t failed = director_reason(XLVS_EVENT_INSERT_FAILED);

		packet = crowd_packet(family, n++);
		expect_forwarded(&packet);
		if (director_reason(XLVS_EVENT_INSERT_FAILED) > failed)
			return packet;
	} while (n < PROVEN);
	fail_msg("%d clients found a place in a full table", n);
	return packet;
}

static void test_ended_record_is_used_again_when_it_is_cold(void **state)
{
	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct packet packet;
		uint32_t records;

		director_say("IPv%d", family);
		fill(family);
		packet = homeless_client(family);
		records = director.table.runtime->records;
		end_all(true);
		expect_forwarded(&packet); /* without a record */
		assert_null(director_conn(&packet));
		let_a_grace_pass();
		expect_forwarded(&packet);
		assert_non_null(director_conn(&packet));
		assert_int_equal(director.table.runtime->records, records);
		assert_int_equal(director.table.runtime->unproven, 1);
		expect_sound_table();
	}
}

/* When it ended is not known: the expiry has not come by since. */
static void test_ended_record_without_a_date_is_not_used_again(void **state)
{
	struct packet packet;

	(void)state;
	fill(4);
	packet = homeless_client(4);
	end_all(false);
	let_a_grace_pass();
	expect_forwarded(&packet);
	assert_null(director_conn(&packet));
	expect_sound_table();
}

/* A packet that was under way when its connection ended has moved the deadline. */
static void test_ended_record_with_a_late_deadline_is_not_used_again(void **state)
{
	struct packet packet;

	(void)state;
	fill(4);
	packet = homeless_client(4);
	end_all(true);
	for (uint32_t i = 0; i < director.table.n_conns; i++)
		director.table.conns[i].deadline += 900 * SHORT_TICKS_PER_SEC;
	expect_forwarded(&packet);
	assert_null(director_conn(&packet));
}

/* A full table of records that ended is as good as an empty one. */
static void test_cold_records_serve_as_many_connections_again(void **state)
{
	uint32_t before, after;

	(void)state;
	before = fill(6);
	end_all(true);
	let_a_grace_pass();
	for (int i = 0; i < FLOOD; i++)
		crowd_flood_packet(6, FLOOD + i);
	after = director.table.runtime->unproven;
	assert_in_range(after, before - before / 50, RECORDS);
	expect_sound_table();
}

static int setup(void **state)
{
	const struct director_options options = {
		.n_conns = RECORDS,
		.ticks_per_sec = SHORT_TICKS_PER_SEC,
	};

	(void)state;
	return director_open(&options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flood_of_two_way_connections_leaves_room_for_clients),
		cmocka_unit_test(test_ended_record_is_used_again_when_it_is_cold),
		cmocka_unit_test(test_ended_record_without_a_date_is_not_used_again),
		cmocka_unit_test(test_ended_record_with_a_late_deadline_is_not_used_again),
		cmocka_unit_test(test_cold_records_serve_as_many_connections_again),
	};

	return cmocka_run_group_tests(tests, setup, director_tear_down);
}
