// SPDX-License-Identifier: GPL-2.0-or-later
/* Local addresses and ports of FULLNAT connections: whose they are, when they are free again, and
 * what happens when there are no more. What the packets look like test_forward.c and test_icmp.c
 * tell. */
#include "fixture.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

enum {
	RECORDS = 1 << 15,
	FEW_PORTS = 8, /* so few that 128 draws find any of them */
	MANY_PORTS = 8192,
	NINETY_PERCENT = MANY_PORTS / 10 * 9,
	REST_SEC = 60, /* after the end of a connection */
	HALF_OPEN_SEC = 3, /* until a connection may have to give way */
};

static const char *const locals[7][2] = {
	[4] = {"192.0.2.201", "192.0.2.202"},
	[6] = {"2001:db8:3::201", "2001:db8:3::202"},
};

#define for_each_family(family) for (int family = 4; family <= 6; family += 2)

/* A service with one destination; returns its slot. */
static uint32_t serve(int family, uint8_t protocol)
{
	struct dest_words words = {.method = XLVS_FORWARD_fullnat, .port = SERVER_PORT};
	struct packet request = request_packet(family, protocol);

	director_serve(&request, &words);
	return director_slot(&request);
}

/* All ports but the last `n` are the kernel's. */
static void serve_with_ports(int family, uint8_t protocol, uint32_t n)
{
	director_reset();
	director_say("IPv%d, protocol %d", family, protocol);
	director.table.runtime->own_ports_first = XLVS_LOCAL_PORT_FIRST;
	director.table.runtime->own_ports_last = XLVS_LOCAL_PORT_LAST - n;
	serve(family, protocol);
}

static void serve_with_few_ports(int family, uint8_t protocol)
{
	serve_with_ports(family, protocol, FEW_PORTS);
}

/* The first packet of client number `n`. */
static struct packet first_packet(int family, uint8_t protocol, unsigned int n)
{
	struct packet packet = request_packet(family, protocol);

	packet.sport = (uint16_t)(XLVS_LOCAL_PORT_FIRST + n);
	return packet;
}

static struct packet open_nth(int family, uint8_t protocol, unsigned int n)
{
	struct packet packet = first_packet(family, protocol, n);

	expect_forwarded(&packet);
	return packet;
}

/* A packet of the server, forwarded. */
static void answer(const struct packet *request, uint8_t tcp_flags)
{
	struct packet served = served_packet(request);
	struct packet reply = reply_packet(request, served.to, served.dport);

	reply.to = served.from;
	reply.dport = served.sport;
	reply.tcp_flags = tcp_flags;
	expect_forwarded(&reply);
}

static void ask(const struct packet *request, uint8_t tcp_flags)
{
	struct packet packet = *request;

	packet.tcp_flags = tcp_flags;
	expect_forwarded(&packet);
}

static struct packet open_proven(int family, unsigned int n)
{
	struct packet packet = open_nth(family, PACKET_TCP, n);

	answer(&packet, SYN | ACK);
	ask(&packet, ACK);
	return packet;
}

static void close_both_ways(const struct packet *request)
{
	answer(request, FIN | ACK);
	ask(request, FIN | ACK);
	answer(request, ACK);
}

static void age(const struct packet *request, uint32_t seconds)
{
	director_age(director_conn(request), seconds * director.constants.ticks_per_sec);
}

static void expect_exhausted(int family, uint8_t protocol, unsigned int n)
{
	struct packet packet = first_packet(family, protocol, n);
	struct frame in;

	packet_build(&packet, &in);
	expect_dropped(&in, XLVS_DROP_PORTS_EXHAUSTED);
	assert_null(director_conn(&packet));
}

static void test_each_connection_has_a_port_that_the_kernel_leaves(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		int family = i & 1 ? 6 : 4;
		uint8_t protocol = i & 2 ? PACKET_UDP : PACKET_TCP;
		bool seen[FEW_PORTS] = {};

		serve_with_few_ports(family, protocol);
		for (unsigned int n = 0; n < FEW_PORTS; n++) {
			struct packet packet = open_nth(family, protocol, n);
			struct packet served = served_packet(&packet);

			assert_string_equal(served.from, director_address[family]);
			assert_in_range(served.sport, 65536 - FEW_PORTS, 65535);
			assert_false(seen[65535 - served.sport]);
			seen[65535 - served.sport] = true;
		}
		expect_exhausted(family, protocol, FEW_PORTS);
		expect_sound_table();
	}
}

/* Replies find their connection by the port alone. */
static void test_each_server_and_protocol_has_all_the_ports(void **state)
{
	struct dest_words words = {
		.family = 4,
		.address = server_address(4, 2),
		.port = SERVER_PORT,
		.method = XLVS_FORWARD_fullnat,
		.weight = 1,
		.ifindex = INGRESS,
	};
	struct packet packet = request_packet(4, PACKET_TCP);

	(void)state;
	serve_with_few_ports(4, PACKET_TCP);
	serve(4, PACKET_UDP);
	director_add_dest(director_slot(&packet), &words);
	words.port++;
	director_add_dest(director_slot(&packet), &words);
	for (unsigned int n = 0; n < 3 * FEW_PORTS; n++)
		open_nth(4, PACKET_TCP, n);
	for (unsigned int n = 0; n < FEW_PORTS; n++)
		open_nth(4, PACKET_UDP, n);
	expect_exhausted(4, PACKET_TCP, 3 * FEW_PORTS);
	expect_sound_table();
}

static void test_local_addresses_are_all_used_and_may_change_under_traffic(void **state)
{
	(void)state;
	for_each_family(family)
	{
		uint32_t slot, seen[2] = {};
		struct packet first;

		director_reset();
		director_say("IPv%d", family);
		slot = serve(family, PACKET_TCP);
		director_set_locals(slot, family, locals[family], 2);
		first = open_proven(family, 0);
		for (unsigned int n = 1; n < 100; n++) {
			struct packet packet = open_nth(family, PACKET_TCP, n);
			struct packet served = served_packet(&packet);

			assert_in_range(served.sport, XLVS_LOCAL_PORT_FIRST, XLVS_LOCAL_PORT_LAST);
			seen[strcmp(served.from, locals[family][0]) == 0]++;
		}
		assert_in_range(seen[0], 20, 80);
		director_set_locals(slot, family, locals[family] + 1, 1);
		for (unsigned int n = 100; n < 110; n++) {
			struct packet packet = open_nth(family, PACKET_TCP, n);

			assert_string_equal(served_packet(&packet).from, locals[family][1]);
		}
		director_set_locals(slot, family, NULL, 0);
		for (unsigned int n = 110; n < 120; n++) {
			struct packet packet = open_nth(family, PACKET_TCP, n);

			assert_string_equal(served_packet(&packet).from, director_address[family]);
		}
		ask(&first, ACK);
		answer(&first, ACK);
		expect_sound_table();
	}
}

/* How many ports the reply records name; none twice. */
static uint32_t count_ports(void)
{
	uint8_t *seen = calloc(1 << 16, 1);
	uint32_t n = 0;

	assert_non_null(seen);
	for (uint32_t i = 0; i < director.table.n_conns; i++) {
		const struct xlvs_conn *conn = &director.table.conns[i];
		uint16_t port = ntohs(conn->dport);

		if ((conn->word & XLVS_LIFE_MASK) != XLVS_LIFE_LIVE ||
		    !(conn->meta & XLVS_META_REPLY))
			continue;
		assert_in_range(port, XLVS_LOCAL_PORT_FIRST, XLVS_LOCAL_PORT_LAST);
		assert_int_equal(seen[port]++, 0);
		n++;
	}
	free(seen);
	return n;
}

/* One address, one server: nine tenths of all ports, without a single refusal. Sixteen draws are in
 * vain with a share of u in use in u^16 of all cases: for the first half of the ports that is none,
 * for all of them 80. */
static void test_ninety_percent_of_the_ports_are_found(void **state)
{
	(void)state;
	serve_with_ports(4, PACKET_TCP, MANY_PORTS);
	for (unsigned int n = 0; n < NINETY_PERCENT; n++) {
		open_nth(4, PACKET_TCP, n);
		if (n == MANY_PORTS / 2)
			assert_in_range(director_reason(XLVS_EVENT_PORTS_SCARCE), 0, 3);
	}
	assert_in_range(director_reason(XLVS_EVENT_PORTS_SCARCE), 35, 140);
	assert_int_equal(director_reason(XLVS_DROP_PORTS_EXHAUSTED), 0);
	assert_int_equal(count_ports(), NINETY_PERCENT);
	expect_sound_table();
}

static void test_half_open_connections_give_way_after_a_while_and_others_do_not(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		int family = i & 1 ? 6 : 4;
		uint8_t protocol = i & 2 ? PACKET_UDP : PACKET_TCP;
		struct packet packet;

		serve_with_few_ports(family, protocol);
		packet = open_nth(family, protocol, 0);
		for (unsigned int n = 1; n < FEW_PORTS; n++)
			open_nth(family, protocol, n);
		if (protocol == PACKET_TCP)
			answer(&packet, SYN | ACK);
		expect_exhausted(family, protocol, FEW_PORTS);
		age(&packet, HALF_OPEN_SEC);
		open_nth(family, protocol, FEW_PORTS);
		assert_null(director_conn(&packet));
		assert_int_equal(director_reason(XLVS_EVENT_DISPLACED), 1);
		assert_true(director_reason(XLVS_EVENT_PORTS_SCARCE) >= 1);
		expect_exhausted(family, protocol, FEW_PORTS + 1);
		expect_sound_table();
	}
}

static void test_established_connections_keep_their_ports(void **state)
{
	struct packet packet;

	(void)state;
	serve_with_few_ports(4, PACKET_TCP);
	for (unsigned int n = 0; n < FEW_PORTS; n++) {
		packet = open_proven(4, n);
		age(&packet, 200);
	}
	expect_exhausted(4, PACKET_TCP, FEW_PORTS);
	ask(&packet, ACK);
}

/* The port of the connection with the first client, and of all others but the last. */
static void fill_but_one(int family, struct packet *ret_first)
{
	serve_with_few_ports(family, PACKET_TCP);
	*ret_first = open_proven(family, 0);
	for (unsigned int n = 1; n < FEW_PORTS; n++)
		open_proven(family, n);
}

static void test_a_closed_connection_keeps_its_port_while_the_server_remembers_it(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct packet first;

		fill_but_one(family, &first);
		close_both_ways(&first);
		age(&first, REST_SEC - 2);
		expect_exhausted(family, PACKET_TCP, FEW_PORTS);
		age(&first, 2);
		open_nth(family, PACKET_TCP, FEW_PORTS);
		assert_null(director_conn(&first));
		assert_int_equal(director_reason(XLVS_EVENT_DISPLACED), 0);
		expect_sound_table();
	}
}

/* Its client opens another one in its place: that gets another port, and the former one rests. */
static void test_the_port_of_a_connection_that_is_opened_anew_rests(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct packet first, served;
		struct xlvs_conn *resting;
		uint16_t port;

		serve_with_few_ports(family, PACKET_TCP);
		first = open_proven(family, 0);
		port = served_packet(&first).sport;
		resting = &director.table.conns[director_conn(&first)->partner];
		close_both_ways(&first);
		age(&first, 10);
		ask(&first, SYN);
		served = served_packet(&first);
		assert_int_not_equal(served.sport, port);
		assert_int_equal(resting->word & XLVS_LIFE_MASK, XLVS_LIFE_LIVE);
		for (unsigned int n = 1; n < FEW_PORTS - 1; n++)
			open_proven(family, n);
		answer(&first, SYN | ACK);
		ask(&first, ACK);
		expect_exhausted(family, PACKET_TCP, FEW_PORTS);
		director_age(resting, (REST_SEC - 10 - 1) * TICKS_PER_SEC);
		expect_exhausted(family, PACKET_TCP, FEW_PORTS);
		expect_sound_table();
	}
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* Until packets of this kind find a port again. */
static void await_port(const struct packet *packet)
{
	struct frame in, out;

	packet_build(packet, &in);
	for (int waited_ms = 0; director_run(&in, &out) == XDP_DROP; waited_ms += 20) {
		if (waited_ms > 20000)
			fail_msg("the port does not become free");
		pause_ms(20);
	}
}

/* A reset connection lives for ten seconds; its port rests fifty more. */
static void test_expiry_lets_a_port_rest_and_then_frees_it(void **state)
{
	struct xlvs_conn *resting;
	struct packet first, packet = first_packet(4, PACKET_TCP, FEW_PORTS);
	struct frame in;

	(void)state;
	fill_but_one(4, &first);
	resting = &director.table.conns[director_conn(&first)->partner];
	answer(&first, RST);
	age(&first, 11);
	director_start_expiry();
	for (int waited_ms = 0; director_conn(&first); waited_ms += 20) {
		assert_true(waited_ms < 20000);
		pause_ms(20);
	}
	packet_build(&packet, &in);
	expect_dropped(&in, XLVS_DROP_PORTS_EXHAUSTED);
	assert_int_equal(resting->word & XLVS_LIFE_MASK, XLVS_LIFE_LIVE);
	director_age(resting, 50 * TICKS_PER_SEC);
	await_port(&packet);
}

/* What comes for a port that rests is the host's. */
static void test_packet_to_a_resting_port_passes(void **state)
{
	struct packet first, reply;
	struct frame in;

	(void)state;
	serve_with_few_ports(4, PACKET_TCP);
	first = open_proven(4, 0);
	reply = reply_packet(&first, server_address(4, 1), SERVER_PORT);
	reply.to = director_address[4];
	reply.dport = served_packet(&first).sport;
	close_both_ways(&first);
	ask(&first, SYN);
	for (int i = 0; i < 2; i++) {
		reply.tcp_flags = i ? ACK : FIN | ACK;
		packet_build(&reply, &in);
		expect_passed(&in);
	}
}

static void test_without_any_local_address_the_packet_is_dropped_by_name(void **state)
{
	struct packet packet = request_packet(4, PACKET_TCP);
	struct frame in;

	(void)state;
	director_reset();
	serve(4, PACKET_TCP);
	director.table
		.dests[director.chunks[director.services[director_slot(&packet)].list + 1]
			       .cells[0]
			       .dest]
		.nexthop = 0;
	packet_build(&packet, &in);
	expect_dropped(&in, XLVS_DROP_NO_ROUTE);
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
		cmocka_unit_test(test_each_connection_has_a_port_that_the_kernel_leaves),
		cmocka_unit_test(test_each_server_and_protocol_has_all_the_ports),
		cmocka_unit_test(test_local_addresses_are_all_used_and_may_change_under_traffic),
		cmocka_unit_test(test_ninety_percent_of_the_ports_are_found),
		cmocka_unit_test(
			test_half_open_connections_give_way_after_a_while_and_others_do_not),
		cmocka_unit_test(test_established_connections_keep_their_ports),
		cmocka_unit_test(
			test_a_closed_connection_keeps_its_port_while_the_server_remembers_it),
		cmocka_unit_test(test_the_port_of_a_connection_that_is_opened_anew_rests),
		cmocka_unit_test(test_packet_to_a_resting_port_passes),
		cmocka_unit_test(test_without_any_local_address_the_packet_is_dropped_by_name),
		/* Last: from here on the expiry runs. */
		cmocka_unit_test(test_expiry_lets_a_port_rest_and_then_frees_it),
	};

	return cmocka_run_group_tests(tests, setup, director_tear_down);
}
