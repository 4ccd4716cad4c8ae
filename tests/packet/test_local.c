// SPDX-License-Identifier: GPL-2.0-or-later
/* Destinations that are addresses of the director itself: what its stack gets, and what becomes of
 * what the stack answers. */
#include "fixture.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <string.h>

#include "xlvs.skel.h"

static const uint8_t methods[] = {XLVS_FORWARD_nat, XLVS_FORWARD_dr, XLVS_FORWARD_tun};

struct talk {
	struct packet request;
	struct packet reply; /* as the director's stack sends it */
	uint32_t dest;
	bool nat;
};

static struct talk start_talk(int family, uint8_t protocol, uint8_t method)
{
	bool nat = method == XLVS_FORWARD_nat;
	struct dest_words words = {.method = method, .port = nat ? SERVER_PORT : VIP_PORT};
	struct talk talk = {.request = request_packet(family, protocol), .nat = nat};

	director_reset();
	director_say("IPv%d, protocol %d, method %d", family, protocol, method);
	talk.dest = director_serve(&talk.request, &words);
	director.table.dests[talk.dest].flags |= XLVS_DEST_LOCAL;
	director.table.dests[talk.dest].nexthop = 0;
	talk.reply =
		reply_packet(&talk.request, nat ? server_address(family, 1) : vip_address[family],
			     nat ? SERVER_PORT : VIP_PORT);
	return talk;
}

static const uint8_t protocols[] = {PACKET_TCP, PACKET_UDP, PACKET_SCTP};

#define for_each_family(family) for (int family = 4; family <= 6; family += 2)
#define for_each_talk(talk)                                                                 \
	for (size_t nth = 0; nth < 6 * sizeof(methods); nth++)                              \
		for (struct talk talk = start_talk(nth & 1 ? 6 : 4, protocols[nth / 2 % 3], \
						   methods[nth / 6]),                       \
				 *once = &talk;                                             \
		     once; once = NULL)

/* The packet as the stack gets it. */
static void expect_delivered(const struct talk *talk, const struct packet *request)
{
	struct packet delivered = *request;
	uint64_t packets = director_traffic(talk->dest).in_packets;
	struct frame in, out, wanted;

	if (talk->nat) {
		delivered.to = server_address(request->family, 1);
		delivered.dport = SERVER_PORT;
		if (request->protocol == PACKET_UDP)
			delivered.no_checksum = false;
	}
	packet_build(request, &in);
	packet_build(&delivered, &wanted);
	assert_int_equal(director_run(&in, &out), XDP_PASS);
	expect_frame(&out, &wanted);
	assert_int_equal(director_traffic(talk->dest).in_packets - packets, 1);
}

static void test_stack_gets_what_is_for_it_with_the_ttl_it_came_with(void **state)
{
	(void)state;
	for_each_talk(talk)
	{
		struct packet other = talk.request;

		expect_delivered(&talk, &talk.request);
		other.tcp_flags = ACK;
		other.ttl = 1;
		other.payload_bytes = 333;
		other.option_bytes = 8;
		other.no_checksum = true;
		expect_delivered(&talk, &other);
		other.payload_bytes = 2000; /* no link carries it, and none has to */
		expect_delivered(&talk, &other);
		expect_sound_table();
	}
}

/* By the egress of an interface, or of the loopback. */
static struct frame leave_by(const struct bpf_program *program, const struct frame *in,
			     int wanted_action)
{
	struct frame out;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->data,
		    .data_size_in = (uint32_t)in->bytes, .data_out = out.data,
		    .data_size_out = sizeof(out.data));

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(program), &opts), 0);
	assert_int_equal((int)opts.retval, wanted_action);
	out.bytes = opts.data_size_out;
	return out;
}

static struct frame leave(const struct frame *in)
{
	return leave_by(director.skeleton->progs.xlvs_egress, in, TC_ACT_UNSPEC);
}

static void expect_left_alone(const struct talk *talk, const struct packet *packet)
{
	uint64_t packets = director_traffic(talk->dest).out_packets;
	struct frame in, out;

	packet_build(packet, &in);
	out = leave(&in);
	expect_frame(&out, &in);
	assert_int_equal(director_traffic(talk->dest).out_packets, packets);
}

static void expect_answered(const struct talk *talk, const struct packet *reply)
{
	struct packet answered = *reply;
	struct xlvs_traffic before = director_traffic(talk->dest), after;
	struct frame in, out, wanted;

	answered.from = vip_address[reply->family];
	answered.sport = VIP_PORT;
	packet_build(reply, &in);
	packet_build(&answered, &wanted);
	out = leave(&in);
	expect_frame(&out, &wanted);
	after = director_traffic(talk->dest);
	assert_int_equal(after.out_packets - before.out_packets, 1);
	assert_int_equal(after.out_bytes - before.out_bytes, in.bytes - ETHERNET_BYTES);
}

static void test_replies_of_the_stack_come_from_the_vip_and_count(void **state)
{
	(void)state;
	for_each_talk(talk)
	{
		struct packet other = talk.reply;

		expect_delivered(&talk, &talk.request);
		expect_answered(&talk, &talk.reply);
		other.payload_bytes = 333;
		other.tcp_flags = ACK;
		other.option_bytes = 12;
		expect_answered(&talk, &other);
		if (talk.request.protocol == PACKET_UDP && talk.request.family == 4) {
			other.no_checksum = true;
			expect_answered(&talk, &other);
		}
	}
}

static void test_replies_of_the_stack_move_the_state_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(methods); i++) {
		struct talk talk = start_talk(4, PACKET_TCP, methods[i]);
		const struct xlvs_conn *conn;

		expect_delivered(&talk, &talk.request);
		conn = director_conn(&talk.request);
		expect_answered(&talk, &talk.reply);
		assert_int_equal(conn->meta & XLVS_META_NOOUTPUT, 0);
		talk.request.tcp_flags = ACK;
		expect_delivered(&talk, &talk.request);
		assert_int_equal(conn->meta & XLVS_META_STATE, XLVS_TCP_ESTABLISHED);
		talk.reply.tcp_flags = FIN | ACK;
		expect_answered(&talk, &talk.reply);
		assert_int_equal(conn->meta & XLVS_META_STATE, XLVS_TCP_FIN_WAIT);
		talk.request.tcp_flags = FIN | ACK;
		expect_delivered(&talk, &talk.request);
		assert_int_equal(conn->meta & XLVS_META_STATE, XLVS_TCP_TIME_WAIT);
		expect_sound_table();
	}
}

static void test_what_else_the_stack_sends_is_left_alone(void **state)
{
	(void)state;
	for_each_talk(talk)
	{
		struct packet other = talk.reply;

		expect_left_alone(&talk, &talk.reply); /* not asked for yet */
		expect_delivered(&talk, &talk.request);
		other.dport++;
		expect_left_alone(&talk, &other);
		expect_left_alone(&talk, &talk.request);
		if (talk.request.family == 4) {
			other = talk.reply;
			other.fragment = MORE_FRAGMENTS;
			expect_left_alone(&talk, &other);
		}
		director.table.dests[talk.dest].flags &= ~(uint32_t)XLVS_DEST_LOCAL;
		expect_left_alone(&talk, &talk.reply);
	}
}

static void test_error_about_a_reply_of_the_stack_reaches_the_stack(void **state)
{
	(void)state;
	for_each_talk(talk)
	{
		const struct packet_error error = {talk.request.family == 4 ? 3 : 1, 1, 0, 64};
		struct packet answered = talk.reply, router = talk.request, delivered;
		struct frame quoted, in, out, wanted, inner;
		bool sctp = talk.request.protocol == PACKET_SCTP;
		size_t check = talk.request.protocol == PACKET_TCP ? 16 : sctp ? 8 : 6;

		expect_delivered(&talk, &talk.request);
		answered.from = vip_address[talk.request.family];
		answered.sport = VIP_PORT;
		delivered = router;
		packet_build(&answered, &quoted);
		packet_tell(&router, &error, &quoted, &in);
		packet_build(&talk.reply, &inner);
		check += ETHERNET_BYTES + (talk.request.family == 4 ? 20 : 40);
		memcpy(inner.data + check, quoted.data + check, sctp ? 4 : 2);
		if (talk.nat)
			delivered.to = server_address(router.family, 1);
		packet_tell(&delivered, &error, &inner, &wanted);
		assert_int_equal(director_run(&in, &out), XDP_PASS);
		expect_frame(&out, &wanted);
	}
}

static void expect_sent_round(const struct packet *packet, bool wanted)
{
	static const uint8_t host_mac[6] = {2, 0, 0, 0, 0, 1};
	struct frame in, out;

	packet_build(packet, &in);
	out = leave_by(director.skeleton->progs.xlvs_loopback, &in,
		       wanted ? TC_ACT_REDIRECT : TC_ACT_UNSPEC);
	if (wanted)
		memcpy(in.data, host_mac, sizeof(host_mac));
	expect_frame(&out, &in);
}

static void test_what_the_host_says_to_a_service_is_sent_round_to_the_packet_path(void **state)
{
	(void)state;
	for_each_talk(talk)
	{
		struct packet later = talk.request, other = talk.request;

		later.tcp_flags = ACK;
		later.chunk = DATA;
		other.dport++;
		expect_sent_round(&talk.request, false); /* no way is there for it */
		director.table.runtime->host_ifindex = director.server_ifindex;
		expect_sent_round(&talk.request, true);
		expect_sent_round(&other, false);
		expect_sent_round(&later, talk.request.protocol == PACKET_UDP);
		expect_delivered(&talk, &talk.request);
		expect_sent_round(&later, true);
		director_delete_service(director_slot(&talk.request));
		expect_sent_round(&later, true); /* its connection is older */
	}
}

static void test_replies_to_the_host_take_the_way_that_is_there_for_it(void **state)
{
	static const char *const own_address[7] = {[4] = "198.51.100.1", [6] = "2001:db8:1::1"};
	static const uint8_t host_mac[6] = {2, 0, 0, 0, 0, 1};

	(void)state;
	for_each_family(family)
	{
		struct dest_words words = {.method = XLVS_FORWARD_nat, .port = SERVER_PORT};
		struct packet request = request_packet(family, PACKET_TCP), reply, delivered;
		struct frame in, wanted;

		director_reset();
		request.from = own_address[family];
		director_serve(&request, &words);
		expect_forwarded(&request);
		reply = reply_packet(&request, server_address(family, 1), SERVER_PORT);
		packet_build(&reply, &in);
		expect_dropped(&in, XLVS_DROP_NO_ROUTE);
		director.table.runtime->host_ifindex = director.server_ifindex;
		delivered = reply;
		delivered.from = request.to;
		delivered.sport = request.dport;
		delivered.ttl--;
		memcpy(delivered.dmac, host_mac, sizeof(host_mac));
		memcpy(delivered.smac, host_mac, sizeof(host_mac));
		packet_build(&delivered, &wanted);
		expect_sent(&in, &wanted, director.server_ifindex);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stack_gets_what_is_for_it_with_the_ttl_it_came_with),
		cmocka_unit_test(test_replies_of_the_stack_come_from_the_vip_and_count),
		cmocka_unit_test(test_replies_of_the_stack_move_the_state_on),
		cmocka_unit_test(test_what_else_the_stack_sends_is_left_alone),
		cmocka_unit_test(test_error_about_a_reply_of_the_stack_reaches_the_stack),
		cmocka_unit_test(
			test_what_the_host_says_to_a_service_is_sent_round_to_the_packet_path),
		cmocka_unit_test(test_replies_to_the_host_take_the_way_that_is_there_for_it),
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
