// SPDX-License-Identifier: GPL-2.0-or-later
/* ICMP and ICMPv6 errors: those about packets the director has forwarded, whole frames in and out,
 * and how many of its own it sends. */
#include "fixture.h"

#include <linux/bpf.h>
#include <string.h>

static const char *const router_address[7] = {[4] = "192.0.2.77", [6] = "2001:db8:77::1"};

static const uint8_t protocols[] = {PACKET_TCP, PACKET_UDP, PACKET_SCTP};
static const uint8_t methods[] = {XLVS_FORWARD_nat, XLVS_FORWARD_fullnat, XLVS_FORWARD_dr,
				  XLVS_FORWARD_tun};

static const struct packet_error errors[7][4] = {
	[4] = {{3, 1, 0, 0}, {3, 4, 1400, 28}, {4, 0, 0, 0}, {11, 0, 0, 28}},
	[6] = {{1, 4, 0, 0}, {2, 0, 1400, 48}, {3, 0, 0, 0}, {4, 1, 0, 48}},
};

#define for_each_family(family) for (int family = 4; family <= 6; family += 2)
#define for_each_error(error, family) \
	for (const struct packet_error *error = errors[family]; error < errors[family] + 4; error++)

/* An open connection of one destination. */
struct talk {
	struct packet request;
	struct packet served; /* the request as the server gets it, with a two-way method */
	struct packet reply; /* as the server sends it */
	uint32_t dest;
};

static struct talk open_talk(int family, uint8_t protocol, uint8_t method)
{
	bool nat = xlvs_is_two_way(method);
	struct dest_words words = {.method = method, .port = nat ? SERVER_PORT : VIP_PORT};
	struct talk talk = {.request = request_packet(family, protocol)};

	director_reset();
	director_say("IPv%d, protocol %d, method %d", family, protocol, method);
	talk.request.payload_bytes = 1200;
	talk.dest = director_serve(&talk.request, &words);
	expect_forwarded(&talk.request);
	talk.reply =
		reply_packet(&talk.request, nat ? server_address(family, 1) : vip_address[family],
			     nat ? SERVER_PORT : VIP_PORT);
	talk.reply.payload_bytes = 1200;
	talk.served = talk.request;
	talk.served.to = server_address(family, 1);
	talk.served.dport = SERVER_PORT;
	if (method == XLVS_FORWARD_fullnat) {
		talk.served = served_packet(&talk.request);
		talk.reply.to = talk.served.from;
		talk.reply.dport = talk.served.sport;
	}
	return talk;
}

/* From a router, `to` whoever sent the packet. */
static struct packet router(const struct packet *about, const char *to)
{
	struct packet outer = *about;

	outer.from = router_address[about->family];
	outer.to = to;
	outer.ttl = 60;
	outer.tos = 0xc0;
	outer.id = 0x4711;
	outer.fragment = outer.option_bytes = 0;
	return outer;
}

static struct packet as_answered(const struct talk *talk)
{
	struct packet answered = talk->reply;

	answered.from = vip_address[answered.family];
	answered.sport = VIP_PORT;
	answered.to = talk->request.from;
	answered.dport = talk->request.sport;
	return answered;
}

/* The quoted transport checksum stays what it was on the other side. */
static void keep_transport_sum(struct frame *quoted, const struct frame *from, uint8_t protocol)
{
	size_t at = quoted->data[ETHERNET_BYTES] >> 4 == 4
			    ? ETHERNET_BYTES + (quoted->data[ETHERNET_BYTES] & 15) * 4U
			    : ETHERNET_BYTES + 40;

	at += protocol == PACKET_TCP ? 16 : protocol == PACKET_UDP ? 6 : 8;
	memcpy(quoted->data + at, from->data + at, protocol == PACKET_SCTP ? 4 : 2);
}

static struct frame tell(const struct packet *outer, const struct packet_error *error,
			 const struct packet *quoted, const struct packet *sum_of)
{
	struct frame inner, other, frame;

	packet_build(quoted, &inner);
	packet_build(sum_of, &other);
	keep_transport_sum(&inner, &other, quoted->protocol);
	packet_tell(outer, error, &inner, &frame);
	return frame;
}

static void expect_request_error(const struct talk *talk, const struct packet_error *error)
{
	struct packet served = talk->served, outer, sent;
	struct frame in, wanted;
	uint64_t packets = director_traffic(talk->dest).out_packets;

	served.option_bytes = talk->request.option_bytes;
	outer = router(&served, served.from);
	in = tell(&outer, error, &served, &served);
	sent = sent_to_client(&outer);
	sent.from = talk->request.to;
	sent.to = talk->request.from;
	wanted = tell(&sent, error, &talk->request, &served);
	expect_sent(&in, &wanted, director.client_ifindex);
	assert_int_equal(director_traffic(talk->dest).out_packets - packets, 1);
}

static void
test_error_about_a_translated_request_reaches_the_client_as_if_from_the_vip(void **state)
{
	(void)state;
	for_each_family(family)
	{
		for (size_t i = 0; i < 2 * sizeof(protocols); i++) {
			struct talk talk = open_talk(family, protocols[i / 2], methods[i % 2]);

			for_each_error(error, family) expect_request_error(&talk, error);
			talk.request.option_bytes = family == 4 ? 12 : 0;
			expect_request_error(&talk, &errors[family][0]);
		}
	}
}

/* From the client's side, about what the client gets. */
static void expect_reply_error(const struct talk *talk, uint8_t method,
			       const struct packet_error *error)
{
	struct packet answered = as_answered(talk), outer = router(&answered, answered.from), sent;
	struct frame in = tell(&outer, error, &answered, &answered), wanted, inner;
	uint64_t packets = director_traffic(talk->dest).in_packets;

	sent = sent_to_dest(&outer, talk->dest);
	if (method == XLVS_FORWARD_nat) {
		sent.to = server_address(sent.family, 1);
		wanted = tell(&sent, error, &talk->reply, &answered);
	} else if (method == XLVS_FORWARD_fullnat) {
		sent.to = server_address(sent.family, 1);
		sent.from = talk->served.from;
		wanted = tell(&sent, error, &talk->reply, &answered);
	} else if (method == XLVS_FORWARD_dr) {
		wanted = tell(&sent, error, &answered, &answered);
	} else {
		inner = tell(&sent, error, &answered, &answered);
		sent = tunnel_to_dest(&outer, talk->dest);
		packet_wrap(&sent, &inner, &wanted);
	}
	expect_sent(&in, &wanted, INGRESS);
	assert_int_equal(director_traffic(talk->dest).in_packets - packets, 1);
}

static void test_error_about_a_reply_reaches_the_server(void **state)
{
	(void)state;
	for_each_family(family)
	{
		for (size_t i = 0; i < sizeof(methods) * sizeof(protocols); i++) {
			uint8_t method = methods[i / sizeof(protocols)];
			struct talk talk =
				open_talk(family, protocols[i % sizeof(protocols)], method);

			for_each_error(error, family) expect_reply_error(&talk, method, error);
		}
	}
}

static void test_error_about_no_connection_and_other_icmp_pass(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct talk talk = open_talk(family, PACKET_TCP, XLVS_FORWARD_nat);
		struct packet served = talk.served, outer = router(&served, served.from);
		struct packet_error echo = {family == 4 ? 8 : 128, 0, 0, 0};
		struct frame frame;

		served.sport++;
		frame = tell(&outer, &errors[family][0], &served, &served);
		expect_passed(&frame);
		served.sport--;
		frame = tell(&outer, &echo, &served, &served);
		expect_passed(&frame);
		frame = tell(&outer, &errors[family][0], &served, &served);
		if (family == 4)
			packet_put16(frame.data + ETHERNET_BYTES + 6, MORE_FRAGMENTS);
		else
			frame.data[ETHERNET_BYTES + 6] = 44;
		expect_passed(&frame);
	}
}

static void test_error_cut_short_passes_and_a_broken_one_is_dropped(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct talk talk = open_talk(family, PACKET_UDP, XLVS_FORWARD_nat);
		struct packet served = talk.served, outer = router(&served, served.from);
		size_t headers = family == 4 ? 20 : 40;
		struct frame whole = tell(&outer, &errors[family][0], &served, &served), frame;

		for (uint16_t bytes = 1; bytes < headers + 8; bytes++) {
			struct packet_error error = errors[family][0];

			error.quote_bytes = bytes;
			frame = tell(&outer, &error, &served, &served);
			expect_passed(&frame);
		}
		for (size_t bytes = ETHERNET_BYTES; bytes < whole.bytes; bytes += 7) {
			frame = whole;
			frame.bytes = bytes;
			expect_passed(&frame);
		}
		for (size_t at = ETHERNET_BYTES + headers + 1; at < whole.bytes; at += 97) {
			frame = whole;
			frame.data[at] ^= 0x10;
			/* In the quoted addresses and ports it is about another connection. */
			if (at > ETHERNET_BYTES + headers + 8 + headers + 8 ||
			    at < ETHERNET_BYTES + headers + 8)
				expect_dropped(&frame, XLVS_DROP_ICMP_CHECKSUM);
		}
		outer.ttl = 1;
		frame = tell(&outer, &errors[family][0], &served, &served);
		expect_dropped(&frame, XLVS_DROP_TTL_EXCEEDED);
	}
}

/* As the kernel by its defaults: six at once to one sender, fifty to all. */
static void test_errors_of_the_director_are_limited(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct packet request = request_packet(family, PACKET_UDP);
		const struct packet_error unreachable = {family == 4 ? 3 : 1, family == 4 ? 3 : 4,
							 0, 0};
		struct frame frame;

		director_reset();
		director_add_service(&request, XLVS_SCHEDULER_rr);
		for (int nth = 0; nth < 6; nth++)
			expect_client_told(&request, XLVS_DROP_NO_DEST, &unreachable);
		packet_build(&request, &frame);
		expect_dropped(&frame, XLVS_DROP_NO_DEST);
	}
}

static void test_much_of_a_long_packet_is_quoted_and_all_of_a_short_one(void **state)
{
	static const uint16_t lengths[] = {0, 1, 519, 520, 521, 1184, 1185, 1400};

	(void)state;
	for_each_family(family)
	{
		struct packet request = request_packet(family, PACKET_UDP);
		const struct packet_error unreachable = {family == 4 ? 3 : 1, family == 4 ? 3 : 4,
							 0, 0};

		director_reset();
		director_add_service(&request, XLVS_SCHEDULER_rr);
		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			director_say("IPv%d, %u bytes", family, lengths[i]);
			director_forget_icmp();
			request.payload_bytes = lengths[i];
			request.padding_bytes = lengths[i] < 2 ? 10 : 0;
			expect_client_told(&request, XLVS_DROP_NO_DEST, &unreachable);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_error_about_a_translated_request_reaches_the_client_as_if_from_the_vip),
		cmocka_unit_test(test_error_about_a_reply_reaches_the_server),
		cmocka_unit_test(test_error_about_no_connection_and_other_icmp_pass),
		cmocka_unit_test(test_error_cut_short_passes_and_a_broken_one_is_dropped),
		cmocka_unit_test(test_errors_of_the_director_are_limited),
		cmocka_unit_test(test_much_of_a_long_packet_is_quoted_and_all_of_a_short_one),
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
