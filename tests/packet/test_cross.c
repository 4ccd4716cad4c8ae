// SPDX-License-Identifier: GPL-2.0-or-later
/* FULLNAT to servers of the other address family: whole frames both ways, what is too big, errors
 * about such connections, and what is refused. The headers are those of RFC 7915. */
#include "fixture.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <string.h>

enum {
	UNFRAGMENTED = 1260, /* bytes: a longer IPv4 packet is not to be fragmented */
	HEADER_DIFFERENCE = 20,
	TOA_KIND = 254,
	TOA_BYTES = 20, /* of an IPv6 client's */
};

static const uint8_t protocols[] = {PACKET_TCP, PACKET_UDP, PACKET_SCTP};

#define for_each_family(family) for (int family = 4; family <= 6; family += 2)
#define for_each(index, array) \
	for (size_t index = 0; index < sizeof(array) / sizeof((array)[0]); index++)

static int other(int family)
{
	return 10 - family;
}

static struct packet serve(int family, uint8_t protocol, uint32_t *ret_dest)
{
	struct packet request = request_packet(family, protocol);
	struct dest_words words = {
		.family = other(family),
		.method = XLVS_FORWARD_fullnat,
		.port = SERVER_PORT,
	};

	director_reset();
	director_say("IPv%d client, protocol %d", family, protocol);
	*ret_dest = director_serve(&request, &words);
	return request;
}

/* What `packet` is in the other family, its ends apart; the id is the director's to choose. */
static struct packet crossed(const struct packet *packet, const struct frame *out)
{
	size_t transport_bytes = packet->protocol == PACKET_TCP	  ? 20U + packet->tcp_option_bytes
				 : packet->protocol == PACKET_UDP ? 8
								  : 0;
	struct packet to = *packet;

	to.family = other(packet->family);
	to.option_bytes = 0;
	to.padding_bytes = packet->padding_bytes;
	to.fragment = 0;
	if (to.family == 4) {
		to.id = packet_get16(out->data + ETHERNET_BYTES + 4);
		if (20 + transport_bytes + packet->payload_bytes > UNFRAGMENTED)
			to.fragment = DONT_FRAGMENT;
	} else if (packet->protocol == PACKET_UDP) {
		to.no_checksum = false;
	}
	return to;
}

static void expect_request(const struct packet *request, uint32_t dest)
{
	struct packet served, sent;
	struct frame in, out, wanted;

	packet_build(request, &in);
	expect_leaving(director_run(&in, &out), INGRESS);
	served = served_packet(request);
	assert_string_equal(served.from, director_address[served.family]);
	assert_string_equal(served.to, server_address(served.family, 1));
	assert_int_equal(served.dport, SERVER_PORT);
	sent = crossed(request, &out);
	sent.from = served.from;
	sent.to = served.to;
	sent.sport = served.sport;
	sent.dport = served.dport;
	sent = sent_to_dest(&sent, dest);
	packet_build(&sent, &wanted);
	assert_true(packet_sums_right(&out));
	expect_frame(&out, &wanted);
}

/* A server's packet as it leaves the server. */
static struct packet answer_to(const struct packet *request)
{
	struct packet served = served_packet(request);
	struct packet reply = reply_packet(&served, server_address(served.family, 1), SERVER_PORT);

	reply.to = director_address[served.family];
	reply.dport = served.sport;
	return reply;
}

static void expect_reply(const struct packet *request, const struct packet *reply)
{
	struct frame in, out, wanted;
	struct packet sent;

	packet_build(reply, &in);
	expect_leaving(director_run(&in, &out), director.client_ifindex);
	sent = crossed(reply, &out);
	sent.from = request->to;
	sent.sport = request->dport;
	sent.to = request->from;
	sent.dport = request->sport;
	sent = sent_to_client(&sent);
	packet_build(&sent, &wanted);
	assert_true(packet_sums_right(&out));
	expect_frame(&out, &wanted);
}

static const struct packet shapes[] = {
	{.ttl = 64},
	{.ttl = 2},
	{.ttl = 255, .payload_bytes = 1},
	{.ttl = 64, .payload_bytes = 333, .tos = 0xb9},
	{.ttl = 64, .payload_bytes = 1001, .tos = 0x1e},
	{.ttl = 64, .payload_bytes = 1252, .tos = 0xff},
	{.ttl = 64, .payload_bytes = 1400, .fragment = DONT_FRAGMENT},
	{.ttl = 64, .padding_bytes = 6},
	{.ttl = 64, .option_bytes = 4, .payload_bytes = 9},
	{.ttl = 64, .option_bytes = OPTION_BYTES_MAX, .payload_bytes = 100},
	{.ttl = 64, .payload_bytes = 1001, .no_checksum = true},
	{.ttl = 64, .payload_bytes = 1022, .no_checksum = true},
};

static void shape(struct packet *packet, const struct packet *like)
{
	packet->ttl = like->ttl;
	packet->tos = like->tos;
	packet->payload_bytes = like->payload_bytes;
	packet->padding_bytes = like->padding_bytes;
	packet->no_checksum = packet->protocol == PACKET_UDP && like->no_checksum;
	packet->fragment = packet->family == 4 ? like->fragment : 0;
	packet->option_bytes = packet->family == 4 ? like->option_bytes : 0;
}

static void test_packets_get_headers_of_the_other_family_both_ways(void **state)
{
	(void)state;
	for_each_family(family)
	{
		for_each(i, protocols)
		{
			uint32_t dest;
			struct packet request = serve(family, protocols[i], &dest), reply;

			for_each(j, shapes)
			{
				director_say("IPv%d client, protocol %d, shape %zu", family,
					     protocols[i], j);
				shape(&request, &shapes[j]);
				expect_request(&request, dest);
				reply = answer_to(&request);
				shape(&reply, &shapes[j]);
				expect_reply(&request, &reply);
				request.tcp_flags = ACK;
			}
			expect_sound_table();
			assert_int_equal(director_traffic(dest).out_packets,
					 sizeof(shapes) / sizeof(shapes[0]));
		}
	}
}

static uint32_t limit(uint32_t nexthop_mtu_bytes, int from, int to)
{
	return nexthop_mtu_bytes + (uint32_t)(from == 6 ? HEADER_DIFFERENCE : 0) -
	       (uint32_t)(to == 6 ? HEADER_DIFFERENCE : 0);
}

static void set_payload(struct packet *packet, uint32_t length_bytes)
{
	packet->payload_bytes = (uint16_t)(length_bytes - (packet->family == 4 ? 20 : 40) - 20);
}

/* By one byte, or the other family's header would not fit. */
static void test_sender_of_what_will_be_too_big_is_told_what_fits(void **state)
{
	(void)state;
	for_each_family(family)
	{
		uint32_t dest;
		struct packet request = serve(family, PACKET_TCP, &dest), reply;
		struct packet_error error = {family == 4 ? 3 : 2, family == 4 ? 4 : 0, 0, 0};

		director.nexthops[dest].mtu_bytes = 1400;
		expect_request(&request, dest);
		request.tcp_flags = ACK;
		request.fragment = family == 4 ? DONT_FRAGMENT : 0;
		error.mtu = (uint16_t)limit(1400, family, other(family));
		set_payload(&request, error.mtu);
		expect_request(&request, dest);
		request.payload_bytes++;
		expect_client_told(&request, XLVS_DROP_TOO_BIG, &error);

		reply = answer_to(&request);
		reply.fragment = reply.family == 4 ? DONT_FRAGMENT : 0;
		error = (struct packet_error){reply.family == 4 ? 3 : 2, reply.family == 4 ? 4 : 0,
					      (uint16_t)limit(MTU_BYTES, other(family), family), 0};
		set_payload(&reply, error.mtu);
		expect_reply(&request, &reply);
		reply.payload_bytes++;
		expect_server_told(&reply, dest, XLVS_DROP_TOO_BIG, &error);
	}
}

static void test_sender_of_a_packet_without_hops_left_is_told(void **state)
{
	(void)state;
	for_each_family(family)
	{
		uint32_t dest;
		struct packet request = serve(family, PACKET_UDP, &dest);
		const struct packet_error error = {family == 4 ? 11 : 3, 0, 0, 0};

		request.ttl = 1;
		expect_client_told(&request, XLVS_DROP_TTL_EXCEEDED, &error);
	}
}

/* An error and what it is in the other family. */
struct pair {
	struct packet_error said;
	struct packet_error heard;
};

static const struct pair pairs[7][9] = {
	[4] = {{{3, 0, 0, 0}, {1, 0, 0, 0}},
	       {{3, 1, 0, 28}, {1, 0, 0, 48}},
	       {{3, 2, 0, 0}, {4, 1, 6, 0}},
	       {{3, 3, 0, 0}, {1, 4, 0, 0}},
	       {{3, 4, 1400, 0}, {2, 0, 1420, 0}},
	       {{3, 4, 576, 0}, {2, 0, 1280, 0}},
	       {{3, 13, 0, 0}, {1, 1, 0, 0}},
	       {{11, 0, 0, 0}, {3, 0, 0, 0}},
	       {{11, 1, 0, 28}, {3, 1, 0, 48}}},
	[6] = {{{1, 0, 0, 0}, {3, 1, 0, 0}},
	       {{1, 1, 0, 0}, {3, 10, 0, 0}},
	       {{1, 3, 0, 0}, {3, 1, 0, 0}},
	       {{1, 4, 0, 48}, {3, 3, 0, 28}},
	       {{2, 0, 1400, 0}, {3, 4, 1380, 0}},
	       {{2, 0, 1280, 48}, {3, 4, 1260, 28}},
	       {{3, 0, 0, 0}, {11, 0, 0, 0}},
	       {{3, 1, 0, 0}, {11, 1, 0, 0}},
	       {{4, 1, 0, 0}, {3, 2, 0, 0}}},
};

/* The quoted transport checksum stays what it was on the other side. */
static void copy_transport_sum(struct frame *to, const struct packet *packet,
			       const struct frame *from, const struct packet *as)
{
	size_t at = packet->protocol == PACKET_TCP ? 16 : packet->protocol == PACKET_UDP ? 6 : 8;

	memcpy(to->data + ETHERNET_BYTES + (packet->family == 4 ? 20 : 40) + at,
	       from->data + ETHERNET_BYTES + (as->family == 4 ? 20 : 40) + at,
	       packet->protocol == PACKET_SCTP ? 4 : 2);
}

/* By the routing table. */
static struct packet sent_to_server(const struct packet *packet)
{
	static const uint8_t server_mac[6] = {2, 0, 0, 0, 0x5e, 0x65};
	static const uint8_t own_mac[6] = {2, 0, 0, 0, 0x5e, 1};
	struct packet sent = *packet;

	memcpy(sent.dmac, server_mac, sizeof(server_mac));
	memcpy(sent.smac, own_mac, sizeof(own_mac));
	return sent;
}

/* A router's error about `quoted`, which was `original` when its sender made it. */
static void expect_relayed(const struct packet *quoted, const struct packet *original,
			   const struct pair *pair, struct packet sent, uint32_t ifindex)
{
	struct packet outer = *quoted, as = *original;
	struct frame inner, about, in, out, wanted;
	size_t quote = pair->heard.quote_bytes;

	outer.from = quoted->family == 4 ? "192.0.2.77" : "2001:db8:77::1";
	outer.to = quoted->from;
	outer.ttl = 60;
	packet_build(quoted, &inner);
	packet_tell(&outer, &pair->said, &inner, &in);
	expect_leaving(director_run(&in, &out), ifindex);
	sent.from = original->to;
	sent.to = original->from;
	sent.ttl = 64;
	sent.tos = as.family == 4 ? (as.tos & 0x1e) | 0xc0 : 0;
	sent.fragment = 0;
	if (sent.family == 4)
		sent.id = packet_get16(out.data + ETHERNET_BYTES + 4);
	if (as.family == 4)
		as.id = packet_get16(out.data + ETHERNET_BYTES + 28 + 4);
	packet_build(&as, &about);
	copy_transport_sum(&about, &as, &inner, quoted);
	/* No more is quoted than was. */
	if (!quote && in.bytes - ETHERNET_BYTES == 576)
		quote = 576 - 20 - 8 - 20 + 40;
	packet_tell(&sent,
		    &(struct packet_error){pair->heard.type, pair->heard.code, pair->heard.mtu,
					   (uint16_t)quote},
		    &about, &wanted);
	expect_frame(&out, &wanted);
}

static void test_errors_about_packets_reach_whom_they_concern_in_words_of_their_family(void **state)
{
	(void)state;
	for_each_family(family)
	{
		for_each(i, protocols)
		{
			uint32_t dest;
			struct packet request = serve(family, protocols[i], &dest);
			struct packet served, answered, reply;

			request.payload_bytes = 1000;
			expect_request(&request, dest);
			reply = answer_to(&request);
			reply.payload_bytes = 1000;
			served = served_packet(&request);
			answered = reply_packet(&request, request.to, VIP_PORT);
			answered.payload_bytes = 1000;
			for_each(j, pairs[4])
			{
				director_say("IPv%d client, protocol %d, error %zu", family,
					     protocols[i], j);
				expect_relayed(&served, &request, &pairs[other(family)][j],
					       sent_to_client(&request), director.client_ifindex);
				expect_relayed(&answered, &reply, &pairs[family][j],
					       sent_to_server(&reply), director.server_ifindex);
			}
		}
	}
}

static void test_what_has_no_equal_in_the_other_family_is_dropped_by_name(void **state)
{
	static const struct packet_error unequal[7] = {[4] = {4, 0, 0, 0}, [6] = {4, 0, 0, 0}};

	(void)state;
	for_each_family(family)
	{
		uint32_t dest;
		struct packet request = serve(family, PACKET_UDP, &dest), served, outer;
		struct frame inner, in;

		expect_request(&request, dest);
		outer = served = served_packet(&request);
		outer.to = served.from;
		outer.from = served.to;
		packet_build(&served, &inner);
		packet_tell(&outer, &unequal[served.family], &inner, &in);
		expect_dropped(&in, XLVS_DROP_OTHER_FAMILY);
	}
}

static void test_fragments_are_dropped_by_name(void **state)
{
	uint32_t dest;
	struct packet request = serve(4, PACKET_UDP, &dest), reply, other_service;
	struct frame in;

	(void)state;
	request.payload_bytes = 800;
	request.fragment = MORE_FRAGMENTS;
	packet_build(&request, &in);
	expect_dropped(&in, XLVS_DROP_OTHER_FAMILY);
	other_service = request_packet(4, PACKET_UDP);
	request = serve(6, PACKET_UDP, &dest);
	director_add_service(&other_service,
			     XLVS_SCHEDULER_rr); /* or no IPv4 fragment is looked at */
	expect_request(&request, dest);
	reply = answer_to(&request);
	reply.payload_bytes = 800;
	reply.fragment = MORE_FRAGMENTS;
	packet_build(&reply, &in);
	expect_dropped(&in, XLVS_DROP_OTHER_FAMILY);
}

static void test_a_destination_that_is_the_director_itself_is_refused_by_name(void **state)
{
	(void)state;
	for_each_family(family)
	{
		uint32_t dest;
		struct packet request = serve(family, PACKET_TCP, &dest);
		struct frame in;

		director.table.dests[dest].flags |= XLVS_DEST_LOCAL;
		packet_build(&request, &in);
		expect_dropped(&in, XLVS_DROP_OTHER_FAMILY);
		assert_null(director_conn(&request));
		expect_sound_table();
	}
}

static void test_local_addresses_are_those_of_the_servers_family(void **state)
{
	static const char *const locals[7] = {[4] = "192.0.2.201", [6] = "2001:db8:3::201"};

	(void)state;
	for_each_family(family)
	{
		uint32_t dest;
		struct packet request = serve(family, PACKET_TCP, &dest);

		director_set_locals(director_slot(&request), other(family), &locals[other(family)],
				    1);
		expect_forwarded(&request);
		assert_string_equal(served_packet(&request).from, locals[other(family)]);
		request.sport++;
		director_set_locals(director_slot(&request), family, &locals[family], 1);
		expect_forwarded(&request);
		assert_string_equal(served_packet(&request).from, director_address[other(family)]);
	}
}

/* An IPv6 client's address takes 20 bytes, which a full segment of it leaves free. */
static void test_a_server_is_told_the_address_of_a_client_of_the_other_family(void **state)
{
	uint32_t dest;
	struct packet request = serve(6, PACKET_TCP, &dest), reply, sent;
	struct frame in, out, wanted;

	(void)state;
	director.table.dests[dest].toa_kind = TOA_KIND;
	expect_request(&request, dest);
	reply = answer_to(&request);
	reply.tcp_option_bytes = 4;
	memcpy(reply.tcp_options, (const uint8_t[]){2, 4, 1460 >> 8, 1460 & 0xff}, 4);
	packet_build(&reply, &in);
	expect_leaving(director_run(&in, &out), director.client_ifindex);
	assert_int_equal(packet_get16(out.data + ETHERNET_BYTES + 40 + 22), 1460 - TOA_BYTES);
	assert_true(packet_sums_right(&out));

	request.tcp_flags = ACK;
	request.payload_bytes = MTU_BYTES - 60;
	packet_build(&request, &in);
	expect_leaving(director_run(&in, &out), INGRESS);
	sent = crossed(&request, &out);
	sent.from = served_packet(&request).from;
	sent.sport = served_packet(&request).sport;
	sent.to = server_address(4, 1);
	sent.dport = SERVER_PORT;
	sent.tcp_option_bytes = TOA_BYTES;
	sent.tcp_options[0] = TOA_KIND;
	sent.tcp_options[1] = TOA_BYTES;
	packet_put16(sent.tcp_options + 2, request.sport);
	inet_pton(AF_INET6, request.from, sent.tcp_options + 4);
	sent = sent_to_dest(&sent, dest);
	packet_build(&sent, &wanted);
	expect_frame(&out, &wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets_get_headers_of_the_other_family_both_ways),
		cmocka_unit_test(test_sender_of_what_will_be_too_big_is_told_what_fits),
		cmocka_unit_test(test_sender_of_a_packet_without_hops_left_is_told),
		cmocka_unit_test(
			test_errors_about_packets_reach_whom_they_concern_in_words_of_their_family),
		cmocka_unit_test(test_what_has_no_equal_in_the_other_family_is_dropped_by_name),
		cmocka_unit_test(test_fragments_are_dropped_by_name),
		cmocka_unit_test(test_a_destination_that_is_the_director_itself_is_refused_by_name),
		cmocka_unit_test(test_local_addresses_are_those_of_the_servers_family),
		cmocka_unit_test(test_a_server_is_told_the_address_of_a_client_of_the_other_family),
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
