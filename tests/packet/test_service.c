// SPDX-License-Identifier: GPL-2.0-or-later
/* New connections: which service, which destination, and what becomes of connections when either
 * goes away; and that every packet is counted once. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

enum {
	MANY_DESTS = 40, /* more than one chunk of cells */
};

#define for_each_family(family) for (int family = 4; family <= 6; family += 2)

static uint32_t add_dest(uint32_t slot, const struct packet *request, int n, int weight)
{
	struct dest_words words = {
		.family = request->family,
		.address = server_address(request->family, n),
		.port = VIP_PORT,
		.method = XLVS_FORWARD_dr,
		.weight = weight,
		.ifindex = INGRESS,
	};

	return director_add_dest(slot, &words);
}

/* Open one more connection; returns its destination. */
static uint32_t open_next(struct packet *request)
{
	request->sport++;
	expect_forwarded(request);
	return director_conn(request)->dest;
}

static void expect_refused(struct packet *request)
{
	request->sport++;
	expect_no_dest(request);
	assert_null(director_conn(request));
}

static void test_service_without_destinations_drops(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct packet request = request_packet(family, PACKET_UDP);
		uint32_t slot, dest;

		director_reset();
		slot = director_add_service(&request, XLVS_SCHEDULER_rr);
		expect_refused(&request);
		dest = add_dest(slot, &request, 1, 1);
		director_delete_dest(slot, dest);
		expect_refused(&request);
		assert_int_equal(director_traffic(dest).in_packets, 0);
		assert_int_equal(director.table.runtime->records, 0);
	}
}

static void test_service_without_scheduler_drops(void **state)
{
	struct packet request = request_packet(4, PACKET_TCP);

	(void)state;
	director_reset();
	add_dest(director_add_service(&request, XLVS_SCHEDULER_NONE), &request, 1, 1);
	expect_refused(&request);
}

static void test_weight_zero_keeps_connections_and_takes_no_new_ones(void **state)
{
	static const uint16_t schedulers[] = {
#define NUMBER(name, number) number,
		XLVS_SCHEDULERS(NUMBER)
#undef NUMBER
	};

	(void)state;
	for (size_t i = 0; i < sizeof(schedulers) / sizeof(schedulers[0]); i++) {
		struct packet request = request_packet(4, PACKET_TCP), old;
		uint32_t slot, dest;

		director_reset();
		director_say("scheduler %d", schedulers[i]);
		slot = director_add_service(&request, schedulers[i]);
		dest = add_dest(slot, &request, 1, 1);
		open_next(&request);
		old = request;
		director_weigh_dest(slot, dest, 0);
		expect_refused(&request);
		old.tcp_flags = ACK;
		expect_forwarded(&old);
		director_weigh_dest(slot, dest, 1);
		assert_int_equal(open_next(&request), dest);
	}
}

static void test_overloaded_destination_takes_no_new_connections(void **state)
{
	static const uint16_t schedulers[] = {XLVS_SCHEDULER_rr,  XLVS_SCHEDULER_wrr,
					      XLVS_SCHEDULER_lc,  XLVS_SCHEDULER_wlc,
					      XLVS_SCHEDULER_sed, XLVS_SCHEDULER_nq,
					      XLVS_SCHEDULER_fo,  XLVS_SCHEDULER_ovf,
					      XLVS_SCHEDULER_twos};

	(void)state;
	for (size_t i = 0; i < sizeof(schedulers) / sizeof(schedulers[0]); i++) {
		struct packet request = request_packet(6, PACKET_TCP);
		uint32_t slot, first, second;

		director_reset();
		director_say("scheduler %d", schedulers[i]);
		slot = director_add_service(&request, schedulers[i]);
		first = add_dest(slot, &request, 1, 1);
		second = add_dest(slot, &request, 2, 1);
		director.table.dests[first].overloaded = 1;
		for (int n = 0; n < 2; n++)
			assert_int_equal(open_next(&request), second);
		director.table.dests[second].overloaded = 1;
		expect_refused(&request);
	}
}

static void test_schedulers_begin_with_the_newest_and_heed_weights(void **state)
{
	static const struct {
		uint16_t scheduler;
		int weights[3];
		const char *order;
	} rows[] = {
		{XLVS_SCHEDULER_rr, {1, 1, 1}, "CBACBA"},
		{XLVS_SCHEDULER_rr, {9, 0, 1}, "CACACA"},
		{XLVS_SCHEDULER_wrr, {3, 1, 2}, "CBAACA"},
		{XLVS_SCHEDULER_wrr, {3, 0, 2}, "CAACAC"},
		{XLVS_SCHEDULER_lc, {1, 0, 1}, "CACACA"},
		{XLVS_SCHEDULER_wlc, {3, 1, 2}, "CBAACA"},
		{XLVS_SCHEDULER_wlc, {1, 0, 5}, "CACCCC"},
		{XLVS_SCHEDULER_sed, {3, 1, 2}, "ACACBA"},
		{XLVS_SCHEDULER_nq, {3, 1, 2}, "CBAACA"},
		{XLVS_SCHEDULER_fo, {3, 1, 2}, "AAAAAA"},
		{XLVS_SCHEDULER_ovf, {3, 1, 2}, "AAAACC"},
	};

	(void)state;
	for_each_family(family)
	{
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct packet request = request_packet(family, PACKET_TCP);
			uint32_t slot, dests[3];

			director_reset();
			slot = director_add_service(&request, rows[i].scheduler);
			for (int n = 0; n < 3; n++)
				dests[n] = add_dest(slot, &request, n + 1, rows[i].weights[n]);
			for (int n = 0; n < 6; n++)
				assert_int_equal(open_next(&request),
						 dests[rows[i].order[n] - 'A']);
		}
	}
}

static void test_source_hashing_keeps_a_client_on_one_destination(void **state)
{
	struct packet request = request_packet(4, PACKET_TCP);
	uint32_t slot, dests_used = 0;

	(void)state;
	director_reset();
	slot = director_add_service(&request, XLVS_SCHEDULER_sh);
	for (int n = 1; n <= 4; n++)
		add_dest(slot, &request, n, 1);
	for (int client = 1; client < 30; client++) {
		char address[20];
		uint32_t dest;

		snprintf(address, sizeof(address), "198.51.100.%d", client);
		request.from = address;
		dest = open_next(&request);
		dests_used |= 1U << dest;
		for (int n = 0; n < 3; n++)
			assert_int_equal(open_next(&request), dest);
	}
	assert_int_equal(__builtin_popcount(dests_used), 4);
}

static void test_long_list_is_served_whole(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct packet request = request_packet(family, PACKET_UDP);
		uint32_t slot, dests[MANY_DESTS];

		director_reset();
		slot = director_add_service(&request, XLVS_SCHEDULER_rr);
		for (int n = 0; n < MANY_DESTS; n++)
			dests[n] = add_dest(slot, &request, n + 1, 1);
		for (int n = 0; n < 2 * MANY_DESTS; n++)
			assert_int_equal(open_next(&request),
					 dests[MANY_DESTS - 1 - n % MANY_DESTS]);
	}
}

static void test_search_for_a_service_goes_past_deleted_ones(void **state)
{
	struct packet request = request_packet(4, PACKET_TCP);
	struct xlvs_service moved;
	uint32_t slot, dest;

	(void)state;
	director_reset();
	slot = director_add_service(&request, XLVS_SCHEDULER_rr);
	dest = add_dest(slot, &request, 1, 1);
	moved = director.services[slot];
	for (uint32_t i = 0; i < XLVS_SERVICE_PROBES - 1; i++)
		director.services[(slot + i) % XLVS_SERVICE_SLOTS].state = XLVS_SLOT_DELETED;
	director.services[(slot + XLVS_SERVICE_PROBES - 1) % XLVS_SERVICE_SLOTS] = moved;
	assert_int_equal(open_next(&request), dest);
}

/* Services that differ in a single part of their key are each other's strangers. */
static void test_services_are_told_apart(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct packet requests[4];
		uint32_t dests[4];

		director_reset();
		requests[0] = requests[1] = requests[2] = request_packet(family, PACKET_TCP);
		requests[1].dport++;
		requests[2].to = family == 4 ? "203.0.113.11" : "2001:db8:2::11";
		requests[3] = request_packet(family, PACKET_UDP);
		for (int i = 0; i < 4; i++)
			dests[i] = add_dest(director_add_service(&requests[i], XLVS_SCHEDULER_rr),
					    &requests[i], i + 1, 1);
		for (int i = 0; i < 4; i++)
			assert_int_equal(open_next(&requests[i]), dests[i]);
	}
}

struct talk {
	struct packet request;
	struct packet reply;
	uint32_t slot;
	uint32_t dest;
};

static struct talk open_nat(int family, uint8_t protocol)
{
	struct dest_words words = {.port = SERVER_PORT, .method = XLVS_FORWARD_nat};
	struct talk talk = {.request = request_packet(family, protocol)};

	director_reset();
	talk.dest = director_serve(&talk.request, &words);
	talk.slot = director_slot(&talk.request);
	talk.reply = reply_packet(&talk.request, server_address(family, 1), SERVER_PORT);
	expect_forwarded(&talk.request);
	expect_forwarded(&talk.reply);
	talk.request.tcp_flags = talk.reply.tcp_flags = ACK;
	expect_forwarded(&talk.request);
	return talk;
}

static void test_removed_destination_stops_requests_and_lets_replies_through(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct talk talk = open_nat(family, PACKET_TCP);
		struct xlvs_conn *conn = director_conn(&talk.request);
		struct xlvs_traffic before = director_traffic(talk.dest), after;
		struct frame frame;
		uint32_t deadline;

		director_delete_dest(talk.slot, talk.dest);
		director_age(conn, 100 * TICKS_PER_SEC);
		deadline = conn->deadline;
		packet_build(&talk.request, &frame);
		expect_dropped(&frame, XLVS_DROP_DEST_REMOVED);
		assert_int_equal(conn->deadline, deadline);

		director_age(director_conn(&talk.reply), 100 * TICKS_PER_SEC);
		expect_forwarded(&talk.reply);
		expect_timeout(conn, 900);
		after = director_traffic(talk.dest);
		assert_memory_equal(&after, &before, sizeof(after));

		director.table.dests[talk.dest].flags |= XLVS_DEST_AVAILABLE;
		expect_forwarded(&talk.request);
		expect_sound_table();
	}
}

static void test_new_connections_avoid_a_removed_destination(void **state)
{
	struct talk talk = open_nat(4, PACKET_TCP);
	uint32_t other = add_dest(talk.slot, &talk.request, 2, 1);

	(void)state;
	director_delete_dest(talk.slot, talk.dest);
	talk.request.tcp_flags = SYN;
	for (int i = 0; i < 4; i++)
		assert_int_equal(open_next(&talk.request), other);
}

static void test_deleted_service_takes_no_new_connections(void **state)
{
	struct packet other = request_packet(4, PACKET_UDP);
	struct talk talk = open_nat(4, PACKET_TCP);
	struct frame frame;

	(void)state;
	director_add_service(&other, XLVS_SCHEDULER_rr);
	director_delete_dest(talk.slot, talk.dest);
	director_delete_service(talk.slot);
	packet_build(&talk.request, &frame);
	expect_dropped(&frame, XLVS_DROP_DEST_REMOVED);
	talk.request.sport++;
	talk.request.tcp_flags = SYN;
	packet_build(&talk.request, &frame);
	expect_passed(&frame);
}

static void test_packets_and_layer_3_bytes_are_counted_each_way(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct talk talk = open_nat(family, PACKET_UDP);
		struct xlvs_traffic before = director_traffic(talk.dest), after;
		uint64_t headers_bytes = family == 4 ? 28 : 48;

		talk.request.payload_bytes = 100;
		talk.reply.payload_bytes = 1000;
		talk.request.padding_bytes = talk.reply.padding_bytes = 11;
		for (int i = 0; i < 3; i++)
			expect_forwarded(&talk.request);
		for (int i = 0; i < 2; i++)
			expect_forwarded(&talk.reply);
		after = director_traffic(talk.dest);
		assert_int_equal(after.in_packets - before.in_packets, 3);
		assert_int_equal(after.in_bytes - before.in_bytes, 3 * (headers_bytes + 100));
		assert_int_equal(after.out_packets - before.out_packets, 2);
		assert_int_equal(after.out_bytes - before.out_bytes, 2 * (headers_bytes + 1000));
		assert_int_equal(director.table.dests[talk.dest].conns, 1);
		for (uint32_t i = 0; i < XLVS_REASONS_END; i++)
			assert_int_equal(director_reason(i), 0);
	}
}

static void test_datagrams_make_an_inactive_connection(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct talk talk = open_nat(family, PACKET_UDP);
		const struct xlvs_dest *dest = &director.table.dests[talk.dest];
		struct xlvs_conn *conn = director_conn(&talk.request);

		assert_int_equal(dest->active, 0);
		assert_int_equal(dest->inactive, 1);
		expect_timeout(conn, 300);
		director_age(conn, 100 * TICKS_PER_SEC);
		expect_forwarded(&talk.request);
		expect_timeout(conn, 300);
		assert_int_equal(director.table.runtime->unproven, 0);
		director_age(conn, 100 * TICKS_PER_SEC);
		director_age(director_conn(&talk.reply), 100 * TICKS_PER_SEC);
		expect_forwarded(&talk.reply);
		expect_timeout(conn, 300);

		director_age(conn, 301 * TICKS_PER_SEC);
		expect_forwarded(&talk.request);
		assert_int_equal(dest->conns, 2);
		expect_sound_table();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service_without_destinations_drops),
		cmocka_unit_test(test_service_without_scheduler_drops),
		cmocka_unit_test(test_weight_zero_keeps_connections_and_takes_no_new_ones),
		cmocka_unit_test(test_overloaded_destination_takes_no_new_connections),
		cmocka_unit_test(test_schedulers_begin_with_the_newest_and_heed_weights),
		cmocka_unit_test(test_source_hashing_keeps_a_client_on_one_destination),
		cmocka_unit_test(test_long_list_is_served_whole),
		cmocka_unit_test(test_search_for_a_service_goes_past_deleted_ones),
		cmocka_unit_test(test_services_are_told_apart),
		cmocka_unit_test(test_removed_destination_stops_requests_and_lets_replies_through),
		cmocka_unit_test(test_new_connections_avoid_a_removed_destination),
		cmocka_unit_test(test_deleted_service_takes_no_new_connections),
		cmocka_unit_test(test_packets_and_layer_3_bytes_are_counted_each_way),
		cmocka_unit_test(test_datagrams_make_an_inactive_connection),
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
