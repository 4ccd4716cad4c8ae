// SPDX-License-Identifier: GPL-2.0-or-later
/* ICMP and ICMPv6 errors of routers between director and destination, about tunnels: the client is
 * told of its own packet, the daemon of the path. */
#include "fixture.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <string.h>

#include "abi/tunnel.h"
#include "xlvs.skel.h"

enum {
	ROUTER_MTU = 1400,
	ICMP_HEADERS4 = 20 + 8,
	ICMP_HEADERS6 = 40 + 8,
};

static const char *const router_address[7] = {[4] = "192.0.2.77", [6] = "2001:db8:77::1"};

static const struct {
	uint8_t type;
	uint16_t flags;
	uint16_t bytes; /* between outer header and packet */
} tunnels[] = {
	{XLVS_TUNNEL_IPIP, 0, 0},
	{XLVS_TUNNEL_GUE, 0, 12},
	{XLVS_TUNNEL_GRE, 0, 4},
	{XLVS_TUNNEL_GRE, XLVS_TUNNEL_CSUM, 8},
};

static const struct packet_error too_big[7] = {
	[4] = {3, 4, ROUTER_MTU, 0},
	[6] = {2, 0, ROUTER_MTU, 0},
};

/* A tunnelled connection, and its last packet as a router sees it. */
struct talk {
	struct packet request;
	int outer; /* family */
	uint16_t overhead;
	uint32_t dest;
	struct frame tunnelled;
};

static struct talk open_talk(int family, int outer, size_t tunnel)
{
	struct talk talk = {.request = request_packet(family, PACKET_UDP), .outer = outer};
	struct dest_words words = {
		.method = XLVS_FORWARD_tun,
		.family = outer,
		.address = server_address(outer, 1),
		.weight = 1,
		.ifindex = INGRESS,
		.tunnel_type = tunnels[tunnel].type,
		.tunnel_flags = tunnels[tunnel].flags,
	};
	struct frame in;

	director_reset();
	director_say("IPv%d in IPv%d, tunnel %zu", family, outer, tunnel);
	talk.request.payload_bytes = 1200;
	talk.request.fragment = family == 4 ? DONT_FRAGMENT : 0;
	talk.overhead = (uint16_t)((outer == 4 ? 20 : 40) + tunnels[tunnel].bytes);
	talk.dest =
		director_add_dest(director_add_service(&talk.request, XLVS_SCHEDULER_rr), &words);
	packet_build(&talk.request, &in);
	expect_leaving(director_run(&in, &talk.tunnelled), INGRESS);
	return talk;
}

#define for_each_talk(talk)                                                                   \
	for (size_t nth = 0; nth < 4 * sizeof(tunnels) / sizeof(tunnels[0]); nth++)           \
		for (struct talk talk = open_talk(nth & 1 ? 6 : 4, nth & 2 ? 6 : 4, nth / 4), \
				 *once = &talk;                                               \
		     once; once = NULL)

static struct frame tell(const struct talk *talk, const struct packet_error *error)
{
	struct packet router = {
		.family = talk->outer,
		.from = router_address[talk->outer],
		.to = director_address[talk->outer],
		.ttl = 60,
		.tos = 0xc0,
	};
	struct frame frame;

	packet_tell(&router, error, &talk->tunnelled, &frame);
	return frame;
}

/* What the client hears, `told`, when a router said `error`. */
static void expect_told(const struct talk *talk, const struct packet_error *error,
			struct packet_error told)
{
	struct packet as_sent = talk->request, outer = sent_to_client(&talk->request);
	uint16_t headers = talk->request.family == 4 ? ICMP_HEADERS4 : ICMP_HEADERS6;
	uint16_t most = talk->request.family == 4 ? 576 : 1280;
	struct frame in = tell(talk, error), out, quoted, wanted;
	uint64_t packets = director_traffic(talk->dest).out_packets;

	director_forget_icmp();
	expect_leaving(director_run(&in, &out), director.client_ifindex);
	as_sent.ttl--;
	packet_build(&as_sent, &quoted);
	outer.from = talk->request.to;
	outer.to = talk->request.from;
	outer.ttl = 64;
	outer.tos = talk->request.family == 4 ? (talk->request.tos & 0x1e) | 0xc0 : 0;
	outer.id = packet_get16(out.data + ETHERNET_BYTES + 4);
	outer.fragment = 0;
	told.quote_bytes = (uint16_t)(in.bytes - ETHERNET_BYTES - talk->overhead -
				      (talk->outer == 4 ? ICMP_HEADERS4 : ICMP_HEADERS6));
	if (told.quote_bytes > most - headers)
		told.quote_bytes = most - headers;
	packet_tell(&outer, &told, &quoted, &wanted);
	expect_frame(&out, &wanted);
	assert_int_equal(director_traffic(talk->dest).out_packets - packets, 1);
}

struct heard {
	struct xlvs_event event;
	int n;
};

static int on_event(void *context, void *data, size_t bytes)
{
	struct heard *heard = context;

	assert_int_equal(bytes, sizeof(heard->event));
	memcpy(&heard->event, data, sizeof(heard->event));
	heard->n++;
	return 0;
}

static void expect_too_big_told(const struct talk *talk, uint16_t router_mtu, uint16_t path_mtu)
{
	struct packet_error error = too_big[talk->outer], told = too_big[talk->request.family];

	error.mtu = router_mtu;
	told.mtu = path_mtu - talk->overhead;
	expect_told(talk, &error, told);
}

static void expect_heard(struct ring_buffer *ring, struct heard *heard, const struct talk *talk,
			 uint32_t path_mtu)
{
	uint8_t address[16] = {};

	heard->n = 0;
	ring_buffer__consume(ring);
	assert_int_equal(heard->n, 1);
	assert_int_equal(heard->event.ifindex, 0);
	assert_int_equal(heard->event.mtu_bytes, path_mtu);
	assert_int_equal(heard->event.family, talk->outer == 4 ? AF_INET : AF_INET6);
	inet_pton((int)heard->event.family, server_address(talk->outer, 1), address);
	assert_memory_equal(heard->event.address, address, sizeof(address));
}

static void
test_too_big_for_the_path_is_told_to_the_client_without_the_tunnel_and_to_the_daemon(void **state)
{
	struct heard heard = {};
	struct ring_buffer *ring = ring_buffer__new(
		bpf_map__fd(director.skeleton->maps.xlvs_events), on_event, &heard, NULL);

	(void)state;
	assert_non_null(ring);
	for_each_talk(talk)
	{
		uint16_t least = talk.outer == 4 ? 552 : 1280;

		expect_too_big_told(&talk, ROUTER_MTU, ROUTER_MTU);
		expect_heard(ring, &heard, &talk, ROUTER_MTU);
		expect_too_big_told(&talk, 100, least);
		expect_heard(ring, &heard, &talk, least);
		expect_too_big_told(&talk, 9000, MTU_BYTES);
		heard.n = 0;
		ring_buffer__consume(ring);
		assert_int_equal(heard.n, 0);
	}
	ring_buffer__free(ring);
}

static void test_client_that_lets_its_packets_be_fragmented_is_not_told(void **state)
{
	struct talk talk = open_talk(4, 6, 0);
	struct frame in;

	(void)state;
	talk.request.fragment = 0;
	packet_build(&talk.request, &in);
	expect_leaving(director_run(&in, &talk.tunnelled), INGRESS);
	in = tell(&talk, &too_big[6]);
	expect_passed(&in);
}

static void test_other_errors_about_a_tunnel_are_told_to_the_client_of_that_family(void **state)
{
	static const struct packet_error errors[7][3] = {
		[4] = {{3, 1, 0, 0}, {4, 0, 0, 0}, {11, 0, 0, 0}},
		[6] = {{1, 3, 0, 0}, {3, 0, 0, 0}, {4, 1, 0, 0}},
	};

	(void)state;
	for_each_talk(talk)
	{
		for (size_t i = 0; i < 3; i++) {
			const struct packet_error *error = &errors[talk.outer][i];
			struct frame in = tell(&talk, error);

			if (talk.request.family == talk.outer)
				expect_told(&talk, error, *error);
			else
				expect_passed(&in);
		}
	}
}

static void test_errors_about_a_tunnel_are_told_at_the_rate_of_others(void **state)
{
	const struct packet_error error = {3, 1, 0, 0};
	struct talk talk = open_talk(4, 4, 0);
	struct frame in = tell(&talk, &error), out;

	(void)state;
	for (int nth = 0; nth < 6; nth++)
		expect_leaving(director_run(&in, &out), director.client_ifindex);
	expect_passed(&in);
}

/* A byte of the quoted tunnel changed, which the error's own checksum is right about. */
static void expect_not_ours(struct talk talk, size_t at)
{
	struct frame in;

	talk.tunnelled.data[ETHERNET_BYTES + at] ^= 0x11;
	in = tell(&talk, &too_big[talk.outer]);
	expect_passed(&in);
}

static void test_error_about_the_tunnel_of_somebody_else_passes(void **state)
{
	(void)state;
	for_each_talk(talk)
	{
		size_t outer = talk.outer == 4 ? 20 : 40;

		expect_not_ours(talk, outer - 1); /* to another destination */
		expect_not_ours(talk, talk.outer == 4 ? 9 : 6); /* another protocol */
		expect_not_ours(talk, talk.overhead); /* version 5 or 7 inside */
		/* another client, another service */
		expect_not_ours(talk, talk.overhead + (talk.request.family == 4 ? 15 : 23));
		expect_not_ours(talk, talk.overhead + (talk.request.family == 4 ? 23 : 43));
	}
}

static void test_error_about_a_tunnel_cut_short_passes_and_a_broken_one_is_dropped(void **state)
{
	(void)state;
	for_each_talk(talk)
	{
		size_t inner = talk.request.family == 4 ? 20 : 40;
		struct packet_error error = too_big[talk.outer];
		struct frame in;

		for (error.quote_bytes = 1; error.quote_bytes < talk.overhead + inner + 8;
		     error.quote_bytes++) {
			in = tell(&talk, &error);
			expect_passed(&in);
		}
		in = tell(&talk, &error);
		expect_leaving(director_run(&in, &in), director.client_ifindex);
		in = tell(&talk, &too_big[talk.outer]);
		in.data[in.bytes - 1] ^= 0x10;
		expect_dropped(&in, XLVS_DROP_ICMP_CHECKSUM);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_too_big_for_the_path_is_told_to_the_client_without_the_tunnel_and_to_the_daemon),
		cmocka_unit_test(test_client_that_lets_its_packets_be_fragmented_is_not_told),
		cmocka_unit_test(
			test_other_errors_about_a_tunnel_are_told_to_the_client_of_that_family),
		cmocka_unit_test(test_errors_about_a_tunnel_are_told_at_the_rate_of_others),
		cmocka_unit_test(test_error_about_the_tunnel_of_somebody_else_passes),
		cmocka_unit_test(
			test_error_about_a_tunnel_cut_short_passes_and_a_broken_one_is_dropped),
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
