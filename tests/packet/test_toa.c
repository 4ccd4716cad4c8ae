// SPDX-License-Identifier: GPL-2.0-or-later
/* The client's address on its way to a FULLNAT server: whole frames in, whole frames out. */
#include "fixture.h"

#include <arpa/inet.h>
#include <string.h>

#define for_each(index, array) \
	for (size_t index = 0; index < sizeof(array) / sizeof((array)[0]); index++)

enum {
	KIND = 254,
	TOA4_BYTES = 8,
	TOA6_BYTES = 20,
};

struct options {
	uint8_t n_bytes;
	uint8_t bytes[OPTION_BYTES_MAX];
};

#define NOP2	  1, 1
#define NOP8	  1, 1, 1, 1, 1, 1, 1, 1
#define TIMESTAMP 8, 10, 1, 2, 3, 4, 5, 6, 7, 9
#define SACK1	  5, 10, 1, 2, 3, 4, 5, 6, 7, 8
#define SACK2	  5, 18, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18
#define SACK3                                                                                      \
	5, 26, 1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18, 21, 22, 23, 24, 25, 26, 27, \
		28
#define FORGED4 KIND, 8, 0x12, 0x34, 203, 0, 113, 66
#define FORGED6 KIND, 20, 0x12, 0x34, 32, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 66
#define NESTED	77, 10, FORGED4, NOP2
#define OPTIONS(...)                              \
	{                                         \
		sizeof((uint8_t[]){__VA_ARGS__}), \
		{                                 \
			__VA_ARGS__               \
		}                                 \
	}

/* What a client sent, and what follows the option then; padding included. */
static const struct row {
	const char *name;
	struct options sent;
	struct options behind4;
	struct options behind6;
} rows[] = {
	{"none", {}, {}, {}},
	{"timestamp", OPTIONS(NOP2, TIMESTAMP), OPTIONS(NOP2, TIMESTAMP), OPTIONS(NOP2, TIMESTAMP)},
	{"forged", OPTIONS(FORGED4), OPTIONS(NOP8), OPTIONS(NOP8)},
	{"forged, of IPv6", OPTIONS(FORGED6), OPTIONS(NOP8, NOP8, NOP2, NOP2),
	 OPTIONS(NOP8, NOP8, NOP2, NOP2)},
	{"forged behind a timestamp", OPTIONS(NOP2, TIMESTAMP, FORGED4),
	 OPTIONS(NOP2, TIMESTAMP, NOP8), OPTIONS(NOP2, TIMESTAMP, NOP8)},
	{"forged inside of another option", OPTIONS(NESTED), OPTIONS(NESTED), OPTIONS(NESTED)},
	{"without length", OPTIONS(77, 0, FORGED4, NOP2), OPTIONS(77, 0, FORGED4, NOP2),
	 OPTIONS(77, 0, FORGED4, NOP2)},
	{"behind the end", OPTIONS(0, 1, FORGED4, NOP2), OPTIONS(0, 1, FORGED4, NOP2),
	 OPTIONS(0, 1, FORGED4, NOP2)},
	{"selective acknowledgement", OPTIONS(NOP2, TIMESTAMP, NOP2, SACK1),
	 OPTIONS(NOP2, TIMESTAMP, NOP2, SACK1), OPTIONS(TIMESTAMP, SACK1)},
	{"two", OPTIONS(NOP2, TIMESTAMP, NOP2, SACK2), OPTIONS(NOP2, TIMESTAMP, NOP2, SACK2),
	 OPTIONS(TIMESTAMP, 0, 0)},
	{"three", OPTIONS(NOP2, TIMESTAMP, NOP2, SACK3),
	 OPTIONS(TIMESTAMP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	 OPTIONS(TIMESTAMP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)},
	{"full of padding", OPTIONS(NOP2, TIMESTAMP, NOP8, NOP8, FORGED4, NOP2, NOP2),
	 OPTIONS(TIMESTAMP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	 OPTIONS(TIMESTAMP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)},
};

static void set_options(struct packet *packet, const struct options *options)
{
	packet->tcp_option_bytes = options->n_bytes;
	memcpy(packet->tcp_options, options->bytes, options->n_bytes);
}

/* A service whose server is told, and a client's SYN that opened a connection to it. */
static struct packet open_connection(int family, uint8_t kind, uint32_t *ret_dest)
{
	struct packet request = request_packet(family, PACKET_TCP);
	struct dest_words words = {
		.family = family,
		.port = SERVER_PORT,
		.method = XLVS_FORWARD_fullnat,
		.weight = 1,
		.ifindex = INGRESS,
	};

	director_reset();
	*ret_dest = director_serve(&request, &words);
	director.table.dests[*ret_dest].toa_kind = kind;
	expect_forwarded(&request);
	return request;
}

/* What the server gets of a client's packet, the options as they are. */
static struct packet served(const struct packet *packet, uint32_t dest)
{
	struct packet at_server = served_packet(packet);

	return sent_to_dest(&at_server, dest);
}

static void expect_served(const struct packet *packet, const struct packet *at_server)
{
	struct frame in, wanted;

	packet_build(packet, &in);
	packet_build(at_server, &wanted);
	expect_sent(&in, &wanted, INGRESS);
}

/* The packet reaches its server with the option, and `behind` it. */
static void expect_told(const struct packet *packet, uint32_t dest, const struct options *behind)
{
	struct packet at_server = served(packet, dest);
	bool ipv4 = packet->family == 4;
	struct options told = {.n_bytes = ipv4 ? TOA4_BYTES : TOA6_BYTES,
			       .bytes = {KIND, ipv4 ? TOA4_BYTES : TOA6_BYTES}};

	packet_put16(told.bytes + 2, packet->sport);
	inet_pton(ipv4 ? AF_INET : AF_INET6, packet->from, told.bytes + 4);
	memcpy(told.bytes + told.n_bytes, behind->bytes, behind->n_bytes);
	told.n_bytes = (uint8_t)(told.n_bytes + behind->n_bytes);
	set_options(&at_server, &told);
	expect_served(packet, &at_server);
}

static void expect_not_told(const struct packet *packet, uint32_t dest)
{
	struct packet at_server = served(packet, dest);

	expect_served(packet, &at_server);
}

/* The server's packet to a client's, `to_client` being what that is to get of it. */
static struct packet answer(const struct packet *request, struct packet *ret_to_client)
{
	struct packet at_server = served_packet(request);
	struct packet reply =
		reply_packet(request, server_address(request->family, 1), SERVER_PORT);
	static char local[INET6_ADDRSTRLEN];

	strcpy(local, at_server.from);
	*ret_to_client = sent_to_client(&reply);
	ret_to_client->from = vip_address[request->family];
	ret_to_client->sport = VIP_PORT;
	reply.to = local;
	reply.dport = at_server.sport;
	return reply;
}

static void expect_answered(const struct packet *reply, const struct packet *to_client)
{
	struct frame in, wanted;

	packet_build(reply, &in);
	packet_build(to_client, &wanted);
	expect_sent(&in, &wanted, director.client_ifindex);
}

static void server_sends(const struct packet *request, uint8_t flags, uint16_t payload_bytes)
{
	struct packet to_client, reply = answer(request, &to_client);

	reply.tcp_flags = to_client.tcp_flags = flags;
	reply.payload_bytes = to_client.payload_bytes = payload_bytes;
	expect_answered(&reply, &to_client);
}

static void test_every_packet_of_the_client_tells_its_address(void **state)
{
	uint32_t dest;

	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct packet packet = open_connection(family, KIND, &dest);

		server_sends(&packet, SYN | ACK, 0);
		for_each(i, rows)
		{
			director_say("IPv%d, %s", family, rows[i].name);
			packet.tcp_flags = ACK;
			packet.payload_bytes = (uint16_t)(i * 7);
			set_options(&packet, &rows[i].sent);
			expect_told(&packet, dest,
				    family == 4 ? &rows[i].behind4 : &rows[i].behind6);
		}
		expect_sound_table();
	}
}

static void test_the_servers_first_data_ends_it(void **state)
{
	const struct options none = {};
	uint32_t dest;

	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct packet packet = open_connection(family, KIND, &dest);

		director_say("IPv%d", family);
		server_sends(&packet, SYN | ACK, 0);
		packet.tcp_flags = ACK;
		expect_told(&packet, dest, &none);
		packet.payload_bytes = 100;
		expect_told(&packet, dest, &none);
		server_sends(&packet, ACK, 0);
		expect_told(&packet, dest, &none);
		server_sends(&packet, ACK, 1);
		expect_not_told(&packet, dest);
		server_sends(&packet, ACK, 1000);
		expect_not_told(&packet, dest);
		expect_sound_table();
	}
}

static void test_syn_and_rst_do_not_tell_but_lose_what_is_forged(void **state)
{
	static const struct options sent = OPTIONS(2, 4, 5, 180, FORGED4, NOP2, 34, 2),
				    without = OPTIONS(2, 4, 5, 180, NOP8, NOP2, 1, 1);
	uint32_t dest;

	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct packet packet = open_connection(family, KIND, &dest), at_server;

		director_say("IPv%d", family);
		set_options(&packet, &sent);
		at_server = served(&packet, dest);
		set_options(&at_server, &without);
		expect_served(&packet, &at_server);
		packet.tcp_flags = at_server.tcp_flags = RST;
		at_server.tcp_options[14] = 34; /* only a SYN asks for Fast Open */
		at_server.tcp_options[15] = 2;
		expect_served(&packet, &at_server);
	}
}

static void test_last_data_of_the_client_tells_too(void **state)
{
	const struct options none = {};
	uint32_t dest;

	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct packet packet = open_connection(family, KIND, &dest);

		server_sends(&packet, SYN | ACK, 0);
		packet.tcp_flags = FIN | ACK;
		packet.payload_bytes = 12;
		expect_told(&packet, dest, &none);
	}
}

static void test_packet_without_room_for_it_goes_without(void **state)
{
	const struct options none = {};
	uint32_t dest;

	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct packet packet = open_connection(family, KIND, &dest);
		uint16_t room = (uint16_t)(MTU_BYTES - (family == 4 ? 20 : 40) - 20);
		uint16_t toa_bytes = family == 4 ? TOA4_BYTES : TOA6_BYTES;

		director_say("IPv%d", family);
		server_sends(&packet, SYN | ACK, 0);
		packet.tcp_flags = ACK;
		packet.payload_bytes = (uint16_t)(room - toa_bytes);
		expect_told(&packet, dest, &none);
		assert_int_equal(director_reason(XLVS_EVENT_TOA_NO_ROOM), 0);
		packet.payload_bytes++;
		expect_not_told(&packet, dest);
		packet.payload_bytes = room;
		expect_not_told(&packet, dest);
		assert_int_equal(director_reason(XLVS_EVENT_TOA_NO_ROOM), 2);
	}
}

static void test_segment_size_leaves_room_for_it(void **state)
{
	static const struct {
		struct options sent, lowered4, lowered6;
	} sizes[] = {
		{OPTIONS(2, 4, 5, 180), OPTIONS(2, 4, 5, 172), OPTIONS(2, 4, 5, 160)},
		{OPTIONS(1, 2, 4, 2, 4, 1, 3, 3), OPTIONS(1, 2, 4, 1, 252, 1, 3, 3),
		 OPTIONS(1, 2, 4, 1, 240, 1, 3, 3)},
		{OPTIONS(2, 4, 0, 255), OPTIONS(2, 4, 0, 255), OPTIONS(2, 4, 0, 255)},
		{OPTIONS(77, 6, 2, 4, 5, 180, 1, 1), OPTIONS(77, 6, 2, 4, 5, 180, 1, 1),
		 OPTIONS(77, 6, 2, 4, 5, 180, 1, 1)},
		{{}, {}, {}},
	};
	uint32_t dest;

	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct packet packet = open_connection(family, KIND, &dest);

		for_each(i, sizes)
		{
			struct packet to_client, reply = answer(&packet, &to_client);

			director_say("IPv%d, segment size %zu", family, i);
			reply.tcp_flags = to_client.tcp_flags = SYN | ACK;
			set_options(&reply, &sizes[i].sent);
			set_options(&to_client,
				    family == 4 ? &sizes[i].lowered4 : &sizes[i].lowered6);
			expect_answered(&reply, &to_client);
		}
	}
}

static void test_kind_is_the_destinations_and_none_is_none(void **state)
{
	static const struct options forged = OPTIONS(FORGED4), size = OPTIONS(2, 4, 5, 180);
	struct packet packet, to_client, reply;
	uint32_t dest;

	(void)state;
	packet = open_connection(4, 0, &dest);
	reply = answer(&packet, &to_client);
	reply.tcp_flags = to_client.tcp_flags = SYN | ACK;
	set_options(&reply, &size);
	set_options(&to_client, &size);
	expect_answered(&reply, &to_client);
	packet.tcp_flags = ACK;
	set_options(&packet, &forged);
	expect_not_told(&packet, dest);
}

static void test_packet_that_does_not_leave_is_quoted_as_it_came(void **state)
{
	struct packet_error expired = {.type = 11};
	struct packet packet;
	uint32_t dest;

	(void)state;
	packet = open_connection(4, KIND, &dest);
	server_sends(&packet, SYN | ACK, 0);
	packet.tcp_flags = ACK;
	packet.ttl = 1;
	director_forget_icmp();
	expect_client_told(&packet, XLVS_DROP_TTL_EXCEEDED, &expired);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_packet_of_the_client_tells_its_address),
		cmocka_unit_test(test_the_servers_first_data_ends_it),
		cmocka_unit_test(test_syn_and_rst_do_not_tell_but_lose_what_is_forged),
		cmocka_unit_test(test_last_data_of_the_client_tells_too),
		cmocka_unit_test(test_packet_without_room_for_it_goes_without),
		cmocka_unit_test(test_segment_size_leaves_room_for_it),
		cmocka_unit_test(test_kind_is_the_destinations_and_none_is_none),
		cmocka_unit_test(test_packet_that_does_not_leave_is_quoted_as_it_came),
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
