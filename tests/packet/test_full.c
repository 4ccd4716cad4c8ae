// SPDX-License-Identifier: GPL-2.0-or-later
/* The connection table when it is full, or full of connections that nobody has proven: who gives
 * way to whom, who is served without a record, and what is dropped by which name. */
#include "crowd.h"

#include <linux/bpf.h>

enum {
	RECORDS = 4096,
	LIMIT = RECORDS / 4 * 3,
	UNPROVEN_LIMIT = LIMIT / 2,
	PROVEN = 300,
	FLOOD = 3 * RECORDS,
};

static const uint8_t one_way[] = {XLVS_FORWARD_dr, XLVS_FORWARD_tun};

static void flood(int family, int n)
{
	const struct xlvs_runtime *runtime = director.table.runtime;

	for (int i = 0; i < n; i++) {
		crowd_flood_packet(family, i);
		assert_true(runtime->unproven <= runtime->unproven_limit);
	}
}

static void expect_proven_to_live(int family, uint32_t dest)
{
	for (int i = 0; i < PROVEN; i++) {
		struct packet packet = crowd_packet(family, i);
		struct xlvs_conn *conn = director_conn(&packet);

		assert_non_null(conn);
		assert_int_equal(conn->dest, dest);
		packet.tcp_flags = ACK;
		expect_forwarded(&packet);
	}
}

static void test_flood_leaves_proven_one_way_connections_alone(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		int family = i & 2 ? 6 : 4;
		struct packet request = request_packet(family, PACKET_TCP);
		uint32_t dest = crowd_serve(&request, one_way[i & 1]);

		director_say("method %d, IPv%d", one_way[i & 1], family);
		crowd_open(family, one_way[i & 1], PROVEN);
		flood(family, FLOOD);
		assert_int_equal(director.table.runtime->unproven, UNPROVEN_LIMIT);
		assert_true(director_reason(XLVS_EVENT_DISPLACED) > FLOOD / 2);
		assert_int_equal(director_reason(XLVS_EVENT_DISPLACED) +
					 director_reason(XLVS_EVENT_HASHED) + UNPROVEN_LIMIT,
				 FLOOD);
		expect_proven_to_live(family, dest);
		expect_sound_table();
	}
}

static void test_flood_leaves_proven_two_way_connections_alone(void **state)
{
	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct packet request = request_packet(family, PACKET_TCP);
		uint32_t dest = crowd_serve(&request, XLVS_FORWARD_nat);

		director_say("IPv%d", family);
		crowd_open(family, XLVS_FORWARD_nat, PROVEN);
		flood(family, FLOOD);
		expect_proven_to_live(family, dest);
		for (int i = 0; i < PROVEN; i++) {
			struct packet packet = crowd_packet(family, i);
			struct packet reply = crowd_reply(&packet);

			reply.tcp_flags = ACK;
			expect_forwarded(&reply);
		}
		expect_sound_table();
	}
}

/* A client that answers becomes proven in the midst of a flood, and stays. */
static void test_connection_can_be_opened_during_a_flood(void **state)
{
	struct packet request = request_packet(4, PACKET_TCP);
	int kept = 0;

	(void)state;
	crowd_serve(&request, XLVS_FORWARD_dr);
	flood(4, FLOOD);
	for (int i = 0; i < PROVEN; i++) {
		struct packet packet = crowd_packet(4, i);

		expect_forwarded(&packet);
		for (int n = 0; n < 5; n++)
			crowd_flood_packet(4, FLOOD + i * 5 + n);
		packet.tcp_flags = ACK;
		expect_forwarded(&packet);
		kept += !!director_conn(&packet);
	}
	assert_true(kept > PROVEN * 9 / 10);
	for (int i = 0; i < FLOOD; i++)
		crowd_flood_packet(4, 2 * FLOOD + i);
	for (int i = 0; i < PROVEN; i++) {
		struct packet packet = crowd_packet(4, i);

		kept -= !!director_conn(&packet);
	}
	assert_int_equal(kept, 0);
	expect_sound_table();
}

/* Nothing but proven connections: as many as may be. */
static uint32_t fill(const struct packet *request, uint8_t method)
{
	uint32_t dest = crowd_serve(request, method);

	director.table.runtime->conn_limit = PROVEN;
	crowd_open(request->family, method, method == XLVS_FORWARD_nat ? PROVEN / 2 : PROVEN);
	assert_int_equal(director.table.runtime->records, PROVEN);
	return dest;
}

static void test_full_table_serves_one_way_methods_by_hash(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		struct packet request =
			request_packet(i & 2 ? 6 : 4, i & 4 ? PACKET_UDP : PACKET_TCP);
		struct packet opening = request;
		uint32_t dest;
		struct xlvs_traffic before, after;

		director_say("case %d", i);
		opening.protocol = PACKET_TCP;
		dest = fill(&opening, one_way[i & 1]);
		if (i & 4) {
			struct dest_words words = {.method = one_way[i & 1]};

			dest = director_serve(&request, &words);
		}
		before = director_traffic(dest);
		for (int n = 0; n < 3; n++) {
			expect_forwarded(&request);
			request.tcp_flags = ACK;
		}
		assert_null(director_conn(&request));
		assert_int_equal(director_reason(XLVS_EVENT_HASHED), 3);
		after = director_traffic(dest);
		assert_int_equal(after.in_packets - before.in_packets, 3);
		expect_sound_table();
	}
}

static void test_flow_served_by_hash_stays_on_its_destination(void **state)
{
	struct packet request = request_packet(4, PACKET_TCP);
	struct dest_words words = {.family = 4, .method = XLVS_FORWARD_dr, .weight = 1};
	uint32_t slot, dests_used = 0;

	(void)state;
	fill(&request, XLVS_FORWARD_dr);
	slot = director_slot(&request);
	for (int n = 2; n <= 6; n++) {
		words.address = server_address(4, n);
		words.ifindex = (uint32_t)(100 + n);
		words.weight = n == 4 ? 0 : 1;
		director_add_dest(slot, &words);
	}
	for (int flow = 0; flow < 50; flow++) {
		uint8_t first_mac = 0;

		request.sport++;
		for (int n = 0; n < 4; n++) {
			struct frame in, out;

			request.tcp_flags = n ? ACK : SYN;
			packet_build(&request, &in);
			assert_in_range(director_run(&in, &out), XDP_TX, XDP_REDIRECT);
			if (n)
				assert_int_equal(out.data[5], first_mac);
			first_mac = out.data[5];
		}
		dests_used |= 1U << first_mac;
	}
	assert_int_equal(__builtin_popcount(dests_used), 5);
}

static void test_full_table_drops_new_two_way_connections_by_name(void **state)
{
	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct packet request = request_packet(family, PACKET_TCP);
		struct frame frame;

		director_say("IPv%d", family);
		fill(&request, XLVS_FORWARD_nat);
		packet_build(&request, &frame);
		expect_dropped(&frame, XLVS_DROP_TABLE_FULL);
		request.tcp_flags = ACK;
		packet_build(&request, &frame);
		expect_passed(&frame);
		expect_sound_table();
	}
}

static void test_packet_without_a_record_passes_when_there_is_room_again(void **state)
{
	struct packet request = request_packet(4, PACKET_TCP);
	struct frame frame;

	(void)state;
	fill(&request, XLVS_FORWARD_dr);
	request.tcp_flags = ACK;
	expect_forwarded(&request);
	director.table.runtime->conn_limit++;
	packet_build(&request, &frame);
	expect_passed(&frame);
}

/* Every place taken, not only the limit reached: a claim that finds nothing is counted. */
static void test_no_free_record_at_all_is_counted(void **state)
{
	struct packet request = request_packet(4, PACKET_TCP);

	(void)state;
	crowd_serve(&request, XLVS_FORWARD_dr);
	director.table.runtime->conn_limit = RECORDS;
	director.table.runtime->unproven_limit = RECORDS;
	for (int i = 0; i < FLOOD; i++)
		assert_int_equal(crowd_flood_packet(4, i), XDP_TX);
	assert_true(director.table.runtime->records > RECORDS / 100 * 98);
	assert_true(director_reason(XLVS_EVENT_INSERT_FAILED) > 0);
	assert_int_equal(director_reason(XLVS_EVENT_INSERT_FAILED),
			 director_reason(XLVS_EVENT_HASHED));
	expect_sound_table();
}

/* The connection displaced is the one nearest its end, and its destination gets its count back. */
static void test_displaced_connection_is_settled(void **state)
{
	struct packet request = request_packet(6, PACKET_TCP);
	uint32_t dest = crowd_serve(&request, XLVS_FORWARD_dr);

	(void)state;
	flood(6, UNPROVEN_LIMIT);
	assert_int_equal(director_reason(XLVS_EVENT_DISPLACED), 0);
	flood(6, FLOOD);
	assert_int_equal(director.table.dests[dest].active, UNPROVEN_LIMIT);
	assert_int_equal(director.table.dests[dest].inactive, 0);
	assert_int_equal(director.table.dests[dest].conns,
			 UNPROVEN_LIMIT + director_reason(XLVS_EVENT_DISPLACED));
	assert_int_equal(director.table.runtime->records, UNPROVEN_LIMIT);
	expect_sound_table();
}

static int setup(void **state)
{
	const struct director_options options = {.n_conns = RECORDS};

	(void)state;
	return director_open(&options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flood_leaves_proven_one_way_connections_alone),
		cmocka_unit_test(test_flood_leaves_proven_two_way_connections_alone),
		cmocka_unit_test(test_connection_can_be_opened_during_a_flood),
		cmocka_unit_test(test_full_table_serves_one_way_methods_by_hash),
		cmocka_unit_test(test_flow_served_by_hash_stays_on_its_destination),
		cmocka_unit_test(test_full_table_drops_new_two_way_connections_by_name),
		cmocka_unit_test(test_packet_without_a_record_passes_when_there_is_room_again),
		cmocka_unit_test(test_no_free_record_at_all_is_counted),
		cmocka_unit_test(test_displaced_connection_is_settled),
	};

	return cmocka_run_group_tests(tests, setup, director_tear_down);
}
