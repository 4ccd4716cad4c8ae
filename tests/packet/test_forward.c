// SPDX-License-Identifier: GPL-2.0-or-later
/* What each forwarding method does to a packet: whole frames in, whole frames out. */
#include "fixture.h"

#include <string.h>

enum {
	SECOND_FAMILY = 10, /* of the tunnel: the other one */
	NOT_INGRESS = 77,
};

/* A method, and the family of its tunnel: the packet's own or the other. */
struct way {
	const char *name;
	uint8_t method;
	bool other_family;
	uint8_t tunnel_type;
	uint16_t tunnel_flags;
	uint8_t shim_bytes;
};

static const struct way ways[] = {
	{"DR", XLVS_FORWARD_dr, false, 0, 0, 0},
	{"NAT", XLVS_FORWARD_nat, false, 0, 0, 0},
#define TUNNEL(name, type, flags, bytes)                                            \
	{name, XLVS_FORWARD_tun, false, type, flags, bytes},                        \
	{                                                                           \
		name " across families", XLVS_FORWARD_tun, true, type, flags, bytes \
	}
	TUNNEL("TUN", XLVS_TUNNEL_IPIP, 0, 0),
	TUNNEL("GUE", XLVS_TUNNEL_GUE, 0, 12),
	TUNNEL("GUE with checksum", XLVS_TUNNEL_GUE, XLVS_TUNNEL_CSUM, 12),
	TUNNEL("GUE with remote checksum", XLVS_TUNNEL_GUE, XLVS_TUNNEL_REMCSUM, 12),
	TUNNEL("GRE", XLVS_TUNNEL_GRE, 0, 4),
	TUNNEL("GRE with checksum", XLVS_TUNNEL_GRE, XLVS_TUNNEL_CSUM, 8),
	{"FULLNAT", XLVS_FORWARD_fullnat, false, 0, 0, 0},
};

struct shape {
	const char *name;
	struct packet changes; /* what differs from a plain packet, where not zero */
};

static const struct shape shapes[] = {
	{"plain", {}},
	{"TTL 2", {.ttl = 2}},
	{"TTL 255", {.ttl = 255}},
	{"one byte", {.payload_bytes = 1}},
	{"odd length", {.payload_bytes = 333}},
	{"longest for any tunnel", {.payload_bytes = MTU_BYTES - 112}},
	{"padded", {.padding_bytes = 6}},
	{"odd and padded", {.payload_bytes = 1, .padding_bytes = 5}},
	{"don't fragment", {.fragment = DONT_FRAGMENT}},
	{"don't fragment, no id", {.fragment = DONT_FRAGMENT, .id = 0xffff}},
	{"low delay", {.tos = 0x10}},
	{"ECT(1)", {.tos = 0xb9}},
	{"ECT(0)", {.tos = 0xba}},
	{"CE", {.tos = 0xbb}},
	{"one option", {.option_bytes = 4}},
	{"all options", {.option_bytes = OPTION_BYTES_MAX, .payload_bytes = 7}},
	{"no checksum", {.no_checksum = true}},
	{"no checksum, odd", {.no_checksum = true, .payload_bytes = 1001}},
	{"no checksum, even", {.no_checksum = true, .payload_bytes = 1022}},
};

#define for_each(index, array) \
	for (size_t index = 0; index < sizeof(array) / sizeof((array)[0]); index++)

static struct packet shaped(struct packet packet, const struct shape *shape)
{
	const struct packet *changes = &shape->changes;

	if (changes->ttl)
		packet.ttl = changes->ttl;
	if (changes->id)
		packet.id = changes->id;
	packet.tos = changes->tos;
	packet.fragment = changes->fragment;
	packet.option_bytes = changes->option_bytes;
	packet.no_checksum = changes->no_checksum;
	packet.payload_bytes = changes->payload_bytes;
	packet.padding_bytes = changes->padding_bytes;
	return packet;
}

static uint16_t source_port(const struct packet *outer, const struct frame *out)
{
	uint16_t port = packet_get16(out->data + ETHERNET_BYTES + (outer->family == 4 ? 20 : 40));

	assert_in_range(port, 32768, 60999);
	return port;
}

/* What IPVS makes of `packet` for `dest`; from `out`, which came of it, is taken what the director
 * is free to choose: the id and the source port of an outer header. */
static void build_expected(const struct packet *packet, uint32_t dest, const struct frame *out,
			   struct frame *ret_frame)
{
	const struct xlvs_dest *record = &director.table.dests[dest];
	struct packet sent = sent_to_dest(packet, dest), outer;
	struct frame inner;

	if (record->method == XLVS_FORWARD_tun) {
		outer = tunnel_to_dest(packet, dest);
		if (packet->family == 6)
			outer.id = packet_get16(out->data + ETHERNET_BYTES + 4);
		if (outer.protocol == PACKET_UDP)
			outer.sport = source_port(&outer, out);
		packet_build(&sent, &inner);
		packet_wrap(&outer, &inner, ret_frame);
		return;
	}
	if (record->method == XLVS_FORWARD_nat) {
		sent.to = server_address(packet->family, 1);
		sent.dport = SERVER_PORT;
		if (packet->protocol == PACKET_UDP)
			sent.no_checksum = false; /* IPVS gives it one */
	}
	if (record->method == XLVS_FORWARD_fullnat) {
		struct packet served = served_packet(packet);

		assert_string_equal(served.from, director_address[packet->family]);
		assert_string_equal(served.to, server_address(packet->family, 1));
		assert_int_equal(served.dport, SERVER_PORT);
		sent.from = served.from;
		sent.to = served.to;
		sent.sport = served.sport;
		sent.dport = SERVER_PORT;
		if (packet->protocol == PACKET_UDP)
			sent.no_checksum = false;
	}
	packet_build(&sent, ret_frame);
}

static void expect_forwarded_whole(const struct packet *packet, uint32_t dest, uint32_t ifindex)
{
	struct frame in, out, wanted;

	packet_build(packet, &in);
	expect_leaving(director_run(&in, &out), ifindex);
	build_expected(packet, dest, &out, &wanted);
	expect_frame(&out, &wanted);
	assert_true(packet_sums_right(&out));
}

static uint32_t serve(const struct packet *request, const struct way *way, uint32_t ifindex)
{
	struct dest_words words = {
		.family = way->other_family ? SECOND_FAMILY - request->family : request->family,
		.port = xlvs_is_two_way(way->method) ? SERVER_PORT : VIP_PORT,
		.method = way->method,
		.ifindex = ifindex,
		.tunnel_type = way->tunnel_type,
		.tunnel_flags = way->tunnel_flags,
	};

	return director_serve(request, &words);
}

static void forward_all_shapes(const struct way *way, int family, uint8_t protocol)
{
	struct packet request = request_packet(family, protocol);
	uint32_t dest;

	director_reset();
	dest = serve(&request, way, INGRESS);
	for_each(i, shapes)
	{
		struct packet packet = shaped(request, &shapes[i]);

		packet.sport = (uint16_t)(CLIENT_PORT + i);
		for (int nth = 1; nth <= 3; nth++) {
			director_say("%s, IPv%d, protocol %d, %s, packet %d", way->name, family,
				     protocol, shapes[i].name, nth);
			expect_forwarded_whole(&packet, dest, INGRESS);
			packet.tcp_flags = nth == 1 ? ACK : ACK | PSH;
			packet.chunk = nth == 1 ? COOKIE_ECHO : DATA;
		}
	}
	expect_sound_table();
}

static void test_request_leaves_as_the_method_says(void **state)
{
	(void)state;
	for_each(i, ways)
	{
		for (int family = 4; family <= 6; family += 2) {
			forward_all_shapes(&ways[i], family, PACKET_TCP);
			forward_all_shapes(&ways[i], family, PACKET_UDP);
			forward_all_shapes(&ways[i], family, PACKET_SCTP);
		}
	}
}

static void reply_all_shapes(const struct way *way, int family, uint8_t protocol)
{
	struct packet request = request_packet(family, protocol);

	director_reset();
	serve(&request, way, INGRESS);
	for_each(i, shapes)
	{
		struct packet packet = shaped(request, &shapes[i]), reply, sent;
		struct frame in, wanted;

		packet.sport = (uint16_t)(CLIENT_PORT + i);
		expect_forwarded(&packet);
		reply = reply_packet(&packet, server_address(family, 1), SERVER_PORT);
		if (way->method == XLVS_FORWARD_fullnat) {
			reply.to = served_packet(&packet).from;
			reply.dport = served_packet(&packet).sport;
		}
		for (int nth = 1; nth <= 3; nth++) {
			director_say("reply, %s, IPv%d, protocol %d, %s, packet %d", way->name,
				     family, protocol, shapes[i].name, nth);
			sent = sent_to_client(&reply);
			sent.to = packet.from;
			sent.dport = packet.sport;
			sent.from = vip_address[family];
			sent.sport = VIP_PORT;
			sent.no_checksum = reply.no_checksum && protocol == PACKET_SCTP;
			packet_build(&reply, &in);
			packet_build(&sent, &wanted);
			expect_sent(&in, &wanted, director.client_ifindex);
			reply.tcp_flags = ACK;
			reply.chunk = nth == 1 ? COOKIE_ACK : SACK;
		}
	}
	expect_sound_table();
}

static void test_reply_leaves_with_the_virtual_address(void **state)
{
	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		for_each(i, ways)
		{
			if (!xlvs_is_two_way(ways[i].method))
				continue;
			reply_all_shapes(&ways[i], family, PACKET_TCP);
			reply_all_shapes(&ways[i], family, PACKET_UDP);
			reply_all_shapes(&ways[i], family, PACKET_SCTP);
		}
	}
}

/* A checksum that comes out as zero is sent as 0xffff: zero would say that there is none. */
static void test_translated_udp_checksum_is_never_zero(void **state)
{
	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct packet request = request_packet(family, PACKET_UDP), sent;
		struct frame in, wanted;
		uint32_t dest;
		uint8_t *payload, *check;

		director_reset();
		director_say("IPv%d", family);
		dest = serve(&request, &ways[1], INGRESS);
		request.payload_bytes = 8;
		sent = sent_to_dest(&request, dest);
		sent.to = server_address(family, 1);
		sent.dport = SERVER_PORT;
		/* A payload word that takes up what is missing to zero. */
		packet_build(&sent, &wanted);
		payload = wanted.data + wanted.bytes - 8;
		check = payload - 2;
		packet_put16(payload,
			     (uint16_t)((packet_get16(payload) + packet_get16(check)) % 0xffff));
		packet_seal(&wanted);
		assert_int_equal(packet_get16(check), 0xffff);
		packet_build(&request, &in);
		memcpy(in.data + in.bytes - 8, payload, 8);
		packet_seal(&in);
		expect_sent(&in, &wanted, INGRESS);
	}
}

static void test_port_zero_of_a_destination_keeps_the_packets_own(void **state)
{
	struct dest_words words = {.method = XLVS_FORWARD_nat};

	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct packet request = request_packet(family, PACKET_TCP), sent, reply;
		struct frame in, wanted;

		director_reset();
		director_say("IPv%d", family);
		sent = sent_to_dest(&request, director_serve(&request, &words));
		sent.to = server_address(family, 1);
		packet_build(&request, &in);
		packet_build(&sent, &wanted);
		expect_sent(&in, &wanted, INGRESS);

		reply = reply_packet(&request, sent.to, VIP_PORT);
		sent = sent_to_client(&reply);
		sent.from = vip_address[family];
		packet_build(&reply, &in);
		packet_build(&sent, &wanted);
		expect_sent(&in, &wanted, director.client_ifindex);
	}
}

/* The packets of a flow take one path, those of many flows take many. */
static void test_source_port_of_gue_is_the_flows_own(void **state)
{
	const struct way *way = &ways[4];
	struct packet request = request_packet(4, PACKET_UDP), outer;
	uint16_t ports[16], seen = 0;
	struct frame in, out;

	(void)state;
	director_reset();
	outer = tunnel_to_dest(&request, serve(&request, way, INGRESS));
	for (unsigned int i = 0; i < 64; i++) {
		request.sport = (uint16_t)(CLIENT_PORT + i % 16);
		packet_build(&request, &in);
		director_run(&in, &out);
		if (i >= 16)
			assert_int_equal(source_port(&outer, &out), ports[i % 16]);
		else
			ports[i] = source_port(&outer, &out);
	}
	for (unsigned int i = 1; i < 16; i++)
		seen += ports[i] != ports[0];
	assert_in_range(seen, 12, 15);
}

static void test_packet_leaves_by_the_next_hops_interface(void **state)
{
	(void)state;
	for_each(i, ways)
	{
		for (int family = 4; family <= 6; family += 2) {
			struct packet request = request_packet(family, PACKET_TCP);
			uint32_t dest;

			director_reset();
			director_say("%s, IPv%d", ways[i].name, family);
			dest = serve(&request, &ways[i], NOT_INGRESS);
			expect_forwarded_whole(&request, dest, NOT_INGRESS);
		}
	}
}

static const struct packet_error time_exceeded[7] = {[4] = {.type = 11}, [6] = {.type = 3}};

static void test_used_up_ttl_is_told_and_counted_as_a_connection(void **state)
{
	(void)state;
	for_each(i, ways)
	{
		for (int family = 4; family <= 6; family += 2) {
			struct packet request = request_packet(family, PACKET_TCP);
			uint32_t dest;

			director_reset();
			director_say("%s, IPv%d", ways[i].name, family);
			dest = serve(&request, &ways[i], INGRESS);
			for (uint8_t ttl = 0; ttl <= 1; ttl++) {
				request.ttl = ttl;
				expect_client_told(&request, XLVS_DROP_TTL_EXCEEDED,
						   &time_exceeded[family]);
			}
			assert_int_equal(director_traffic(dest).in_packets, 2);
			assert_int_equal(director.table.dests[dest].active, 1);
		}
	}
}

static void test_server_is_told_of_a_reply_with_used_up_ttl(void **state)
{
	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct packet request = request_packet(family, PACKET_TCP), reply;
		uint32_t dest;

		director_reset();
		director_say("IPv%d", family);
		dest = serve(&request, &ways[1], INGRESS);
		expect_forwarded(&request);
		reply = reply_packet(&request, server_address(family, 1), SERVER_PORT);
		reply.ttl = 1;
		expect_server_told(&reply, dest, XLVS_DROP_TTL_EXCEEDED, &time_exceeded[family]);
	}
}

static void test_without_pmtu_disc_what_carries_a_packet_may_be_cut(void **state)
{
	(void)state;
	for_each(i, ways)
	{
		struct packet request = request_packet(4, PACKET_TCP);

		if (ways[i].method != XLVS_FORWARD_tun)
			continue;
		director_reset();
		director_say("%s", ways[i].name);
		serve(&request, &ways[i], INGRESS);
		director.table.runtime->tunnel_df = 0;
		request.fragment = DONT_FRAGMENT;
		expect_forwarded(&request);
	}
}

static uint16_t overhead_bytes(const struct way *way, int family)
{
	int outer = way->other_family ? SECOND_FAMILY - family : family;

	return way->method != XLVS_FORWARD_tun ? 0 : (outer == 4 ? 20 : 40) + way->shim_bytes;
}

static void test_packet_of_just_the_mtu_passes_and_a_byte_more_is_told_the_mtu(void **state)
{
	(void)state;
	for_each(i, ways)
	{
		for (int family = 4; family <= 6; family += 2) {
			struct packet request = request_packet(family, PACKET_UDP);
			uint16_t mtu = (uint16_t)(MTU_BYTES - overhead_bytes(&ways[i], family));
			struct packet_error error = {.type = 2, .mtu = mtu};
			struct frame in;
			uint32_t dest;

			if (family == 4)
				error = (struct packet_error){.type = 3, .code = 4, .mtu = mtu};
			director_reset();
			director_say("%s, IPv%d", ways[i].name, family);
			dest = serve(&request, &ways[i], INGRESS);
			request.fragment = DONT_FRAGMENT;
			request.payload_bytes = (uint16_t)(mtu - (family == 4 ? 28 : 48));
			expect_forwarded_whole(&request, dest, INGRESS);
			request.payload_bytes++;
			for (int nth = 0; nth < 100; nth++) /* at any rate */
				expect_client_told(&request, XLVS_DROP_TOO_BIG, &error);
			if (family == 4) {
				request.fragment = 0;
				packet_build(&request, &in);
				expect_dropped(&in, XLVS_DROP_TOO_BIG);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_leaves_as_the_method_says),
		cmocka_unit_test(test_reply_leaves_with_the_virtual_address),
		cmocka_unit_test(test_translated_udp_checksum_is_never_zero),
		cmocka_unit_test(test_port_zero_of_a_destination_keeps_the_packets_own),
		cmocka_unit_test(test_source_port_of_gue_is_the_flows_own),
		cmocka_unit_test(test_packet_leaves_by_the_next_hops_interface),
		cmocka_unit_test(test_used_up_ttl_is_told_and_counted_as_a_connection),
		cmocka_unit_test(test_server_is_told_of_a_reply_with_used_up_ttl),
		cmocka_unit_test(
			test_packet_of_just_the_mtu_passes_and_a_byte_more_is_told_the_mtu),
		cmocka_unit_test(test_without_pmtu_disc_what_carries_a_packet_may_be_cut),
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
