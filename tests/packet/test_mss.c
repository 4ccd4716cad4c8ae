// SPDX-License-Identifier: GPL-2.0-or-later
/* The maximum segment size in the handshake of a destination that wants it lowered. */
#include "fixture.h"

#include <string.h>

#include "abi/mss.h"
#include "abi/tunnel.h"

#define for_each(index, array) \
	for (size_t index = 0; index < sizeof(array) / sizeof((array)[0]); index++)

enum {
	FITS4 = MTU_BYTES - 20 - 20,
	FITS6 = MTU_BYTES - 40 - 20,
};

/* A service and a destination of this method that wants `mss`. */
static struct packet serve(int family, uint8_t method, uint16_t mss, uint32_t *ret_dest)
{
	struct packet request = request_packet(family, PACKET_TCP);
	struct dest_words words = {
		.family = family,
		.port = method == XLVS_FORWARD_nat || method == XLVS_FORWARD_fullnat ? SERVER_PORT
										     : VIP_PORT,
		.method = method,
		.weight = 1,
		.ifindex = INGRESS,
	};

	director_reset();
	*ret_dest = director_serve(&request, &words);
	director.table.dests[*ret_dest].mss = mss;
	return request;
}

/* `before` bytes of padding, the size, and padding up to a multiple of 4. */
static void set_mss(struct packet *packet, size_t before, uint16_t mss)
{
	memset(packet->tcp_options, 1, 8);
	packet->tcp_option_bytes = 8;
	packet->tcp_options[before] = 2;
	packet->tcp_options[before + 1] = 4;
	packet_put16(packet->tcp_options + before + 2, mss);
}

static void expect_request(const struct packet *packet, const struct packet *at_server,
			   uint32_t dest)
{
	struct packet wanted = sent_to_dest(at_server, dest);
	struct frame in, out;

	packet_build(packet, &in);
	packet_build(&wanted, &out);
	expect_sent(&in, &out, INGRESS);
}

static const struct {
	const char *name;
	uint16_t sent, clamp, lowered4, lowered6;
} sizes[] = {
	{"too big", 8960, XLVS_MSS_FITS, FITS4, FITS6},
	{"fits", FITS6, XLVS_MSS_FITS, FITS6, FITS6},
	{"above the number", FITS4, 1200, 1200, 1200},
	{"below the number", 1100, 1200, 1100, 1100},
	{"very small", 200, 256, 200, 200},
	{"unchanged", 8960, XLVS_MSS_UNCHANGED, 8960, 8960},
};

static void test_the_clients_syn_is_lowered_by_direct_routing(void **state)
{
	uint32_t dest;

	(void)state;
	for (int family = 4; family <= 6; family += 2)
		for_each(i, sizes) for (size_t before = 0; before <= 3; before++)
		{
			struct packet packet =
				serve(family, XLVS_FORWARD_dr, sizes[i].clamp, &dest);
			struct packet at_server = packet;

			director_say("IPv%d, %s, %zu before it", family, sizes[i].name, before);
			set_mss(&packet, before, sizes[i].sent);
			set_mss(&at_server, before,
				family == 4 ? sizes[i].lowered4 : sizes[i].lowered6);
			expect_request(&packet, &at_server, dest);
			expect_request(&packet, &at_server, dest); /* and when it is sent again */
		}
}

static void test_a_tunnel_takes_its_part(void **state)
{
	static const struct {
		uint8_t type;
		uint16_t flags, overhead;
	} tunnels[] = {
		{XLVS_TUNNEL_IPIP, 0, 20},
		{XLVS_TUNNEL_GUE, 0, 20 + 8 + 4},
		{XLVS_TUNNEL_GRE, 0, 20 + 4},
		{XLVS_TUNNEL_GRE, XLVS_TUNNEL_CSUM, 20 + 8},
	};

	(void)state;
	for_each(i, tunnels)
	{
		struct packet packet = request_packet(4, PACKET_TCP);
		struct dest_words words = {
			.family = 4,
			.port = VIP_PORT,
			.method = XLVS_FORWARD_tun,
			.weight = 1,
			.ifindex = INGRESS,
			.tunnel_type = tunnels[i].type,
			.tunnel_flags = tunnels[i].flags,
		};
		struct frame in, out;
		uint32_t dest;

		director_say("tunnel %zu", i);
		director_reset();
		dest = director_serve(&packet, &words);
		director.table.dests[dest].mss = XLVS_MSS_FITS;
		set_mss(&packet, 0, FITS4);
		packet_build(&packet, &in);
		director_run(&in, &out);
		/* The TCP header with its 8 bytes of options is the last of it. */
		assert_int_equal(packet_get16(out.data + out.bytes - 6),
				 FITS4 - tunnels[i].overhead);
		assert_true(packet_sums_right(&out));
	}
}

static void test_translation_lowers_it_in_both_directions(void **state)
{
	uint32_t dest;

	(void)state;
	for (int family = 4; family <= 6; family += 2)
		for_each(i, sizes)
		{
			struct packet packet =
				serve(family, XLVS_FORWARD_nat, sizes[i].clamp, &dest);
			struct packet at_server = packet, reply, to_client;
			uint16_t lowered = family == 4 ? sizes[i].lowered4 : sizes[i].lowered6;
			struct frame in, out;

			director_say("IPv%d, %s", family, sizes[i].name);
			at_server.to = server_address(family, 1);
			at_server.dport = SERVER_PORT;
			set_mss(&packet, 2, sizes[i].sent);
			set_mss(&at_server, 2, lowered);
			expect_request(&packet, &at_server, dest);
			reply = reply_packet(&packet, server_address(family, 1), SERVER_PORT);
			reply.tcp_flags = SYN | ACK;
			to_client = sent_to_client(&reply);
			to_client.from = vip_address[family];
			to_client.sport = VIP_PORT;
			set_mss(&reply, 1, sizes[i].sent);
			set_mss(&to_client, 1, lowered);
			packet_build(&reply, &in);
			packet_build(&to_client, &out);
			expect_sent(&in, &out, director.client_ifindex);
		}
}

static void test_an_option_with_the_clients_address_needs_its_room_beside_it(void **state)
{
	uint32_t dest;

	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct packet packet = serve(family, XLVS_FORWARD_fullnat, 1200, &dest);
		struct packet at_server, reply, to_client;
		struct frame in, out;

		director_say("IPv%d", family);
		director.table.dests[dest].toa_kind = 254;
		expect_forwarded(&packet);
		at_server = served_packet(&packet);
		reply = reply_packet(&packet, server_address(family, 1), SERVER_PORT);
		reply.tcp_flags = SYN | ACK;
		to_client = sent_to_client(&reply);
		to_client.from = vip_address[family];
		to_client.sport = VIP_PORT;
		reply.to = at_server.from;
		reply.dport = at_server.sport;
		set_mss(&reply, 0, FITS4);
		set_mss(&to_client, 0, family == 4 ? 1200 - 8 : 1200 - 20);
		packet_build(&reply, &in);
		packet_build(&to_client, &out);
		expect_sent(&in, &out, director.client_ifindex);
	}
}

static void test_what_is_no_syn_or_does_not_leave_stays_as_it_is(void **state)
{
	struct packet_error expired = {.type = 11};
	struct packet packet, at_server;
	uint32_t dest;

	(void)state;
	packet = serve(4, XLVS_FORWARD_dr, 1200, &dest);
	set_mss(&packet, 0, FITS4);
	packet.ttl = 1;
	director_forget_icmp();
	expect_client_told(&packet, XLVS_DROP_TTL_EXCEEDED, &expired);
	packet.ttl = 64;
	packet.tcp_flags = ACK;
	at_server = packet;
	expect_request(&packet, &at_server, dest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_clients_syn_is_lowered_by_direct_routing),
		cmocka_unit_test(test_a_tunnel_takes_its_part),
		cmocka_unit_test(test_translation_lowers_it_in_both_directions),
		cmocka_unit_test(test_an_option_with_the_clients_address_needs_its_room_beside_it),
		cmocka_unit_test(test_what_is_no_syn_or_does_not_leave_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
