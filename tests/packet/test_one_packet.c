// SPDX-License-Identifier: GPL-2.0-or-later
/* One-packet scheduling: the scheduler is asked for each datagram, and nobody remembers. */
#include "fixture.h"

static uint32_t add_dest(uint32_t slot, const struct packet *request, int n)
{
	struct dest_words words = {
		.family = request->family,
		.address = server_address(request->family, n),
		.port = VIP_PORT,
		.method = XLVS_FORWARD_dr,
		.weight = 1,
		.ifindex = INGRESS,
	};

	return director_add_dest(slot, &words);
}

static void test_one_packet_service_schedules_each_datagram(void **state)
{
	static const uint8_t methods[] = {XLVS_FORWARD_dr, XLVS_FORWARD_nat};

	(void)state;
	for (int i = 0; i < 4; i++) {
		int family = i % 2 ? 6 : 4;
		struct packet request = request_packet(family, PACKET_UDP), tcp = request, reply;
		struct dest_words words = {.method = methods[i / 2], .port = SERVER_PORT};
		uint32_t first, slot;

		director_reset();
		first = director_serve(&request, &words);
		slot = director_slot(&request);
		add_dest(slot, &request, 2);
		director.services[slot].flags = XLVS_SVC_ONE_PACKET;
		for (int n = 0; n < 6; n++)
			expect_forwarded(&request);
		assert_null(director_conn(&request));
		assert_int_equal(director_traffic(first).in_packets, 3);
		assert_int_equal(director.table.dests[first].conns, 3);
		assert_int_equal(director.table.dests[first].inactive, 0);
		assert_int_equal(director.table.runtime->records, 0);
		if (methods[i / 2] == XLVS_FORWARD_nat) {
			struct frame frame;

			reply = reply_packet(&request, server_address(family, 1), SERVER_PORT);
			packet_build(&reply, &frame);
			expect_passed(&frame);
		}
		/* A connection's protocol has connections all the same. */
		tcp = request_packet(family, PACKET_TCP);
		director_serve(&tcp, &words);
		director.services[director_slot(&tcp)].flags = XLVS_SVC_ONE_PACKET;
		expect_forwarded(&tcp);
		assert_non_null(director_conn(&tcp));
		expect_sound_table();
	}
}

static void test_one_packet_service_can_be_persistent(void **state)
{
	struct packet request = request_packet(4, PACKET_UDP);
	uint32_t slot, dests[2];

	(void)state;
	director_reset();
	slot = director_add_service(&request, XLVS_SCHEDULER_rr);
	for (int n = 0; n < 2; n++)
		dests[n] = add_dest(slot, &request, n + 1);
	director_persist(slot, 30, 0);
	director.services[slot].flags |= XLVS_SVC_ONE_PACKET;
	for (int n = 0; n < 5; n++)
		expect_forwarded(&request);
	assert_int_equal(director.table.dests[dests[1]].conns, 5);
	assert_int_equal(director.table.dests[dests[1]].persistent, 1);
	assert_null(director_conn(&request));
	assert_non_null(director_template(&request, VIP_PORT));
	expect_sound_table();
}

static void test_one_packet_counts_against_the_threshold_while_it_lasts(void **state)
{
	struct packet request = request_packet(4, PACKET_UDP), other;
	uint32_t slot, dest;

	(void)state;
	director_reset();
	slot = director_add_service(&request, XLVS_SCHEDULER_rr);
	dest = add_dest(slot, &request, 1);
	director.table.dests[dest].upper_threshold = 2;
	director.services[slot].flags = XLVS_SVC_ONE_PACKET;
	for (int n = 0; n < 5; n++)
		expect_forwarded(&request);
	director.services[slot].flags = 0;
	other = request;
	other.sport++;
	expect_forwarded(&other); /* one that stays */
	director.services[slot].flags = XLVS_SVC_ONE_PACKET;
	expect_forwarded(
		&request); /* two of two: overloaded; one is still less than three quarters */
	expect_forwarded(&request);
	director.table.dests[dest].lower_threshold = 1;
	expect_forwarded(&request); /* but not less than one */
	expect_no_dest(&request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_packet_service_schedules_each_datagram),
		cmocka_unit_test(test_one_packet_service_can_be_persistent),
		cmocka_unit_test(test_one_packet_counts_against_the_threshold_while_it_lasts),
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
