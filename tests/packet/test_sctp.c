// SPDX-License-Identifier: GPL-2.0-or-later
/* SCTP connections packet by packet: what opens one, which chunk counts, states as they are seen in
 * the record, and the checksum of translated packets. */
#include "fixture.h"

#include <string.h>

#define for_each_family(family) for (int family = 4; family <= 6; family += 2)

static const uint8_t methods[] = {XLVS_FORWARD_nat, XLVS_FORWARD_dr, XLVS_FORWARD_tun};

/* A client of one destination. */
struct talk {
	struct packet request;
	struct packet reply; /* as the server sends it */
	uint32_t dest;
};

static struct talk begin(int family, uint8_t method)
{
	bool nat = method == XLVS_FORWARD_nat;
	struct dest_words words = {.method = method, .port = nat ? SERVER_PORT : VIP_PORT};
	struct talk talk = {.request = request_packet(family, PACKET_SCTP)};

	director_reset();
	director_say("IPv%d, method %d", family, method);
	talk.dest = director_serve(&talk.request, &words);
	talk.reply = reply_packet(&talk.request, server_address(family, 1), SERVER_PORT);
	return talk;
}

static uint32_t state_of(const struct talk *talk)
{
	return director_conn(&talk->request)->meta & XLVS_META_STATE;
}

static void request(struct talk *talk, uint8_t chunk)
{
	talk->request.chunk = chunk;
	expect_forwarded(&talk->request);
}

static void reply(struct talk *talk, uint8_t chunk)
{
	talk->reply.chunk = chunk;
	expect_forwarded(&talk->reply);
}

static void expect_count(const struct talk *talk, uint32_t active, uint32_t inactive)
{
	assert_int_equal(director.table.dests[talk->dest].active, active);
	assert_int_equal(director.table.dests[talk->dest].inactive, inactive);
}

static void test_init_alone_opens_a_connection(void **state)
{
	(void)state;
	for_each_family(family)
	{
		for (size_t i = 0; i < sizeof(methods); i++) {
			struct talk talk = begin(family, methods[i]);
			struct frame frame;

			for (unsigned int chunk = 0; chunk < 256; chunk++) {
				if (chunk == INIT)
					continue;
				talk.request.chunk = (uint8_t)chunk;
				packet_build(&talk.request, &frame);
				expect_passed(&frame);
			}
			talk.request.next_chunk = INIT; /* a second one is not looked at */
			packet_build(&talk.request, &frame);
			expect_passed(&frame);
			talk.request.next_chunk = 0;
			request(&talk, INIT);
			assert_int_equal(state_of(&talk), XLVS_SCTP_INIT1);
			expect_timeout(director_conn(&talk.request), 4);
			expect_count(&talk, 0, 1);
			expect_sound_table();
		}
	}
}

static void test_sloppy_director_takes_over_in_the_middle(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct talk talk = begin(family, XLVS_FORWARD_dr);
		struct frame frame;

		director.table.runtime->settings[XLVS_SETTING_sloppy_sctp] = 1;
		talk.request.chunk = ABORT;
		packet_build(&talk.request, &frame);
		expect_passed(&frame);
		request(&talk, DATA);
		assert_int_equal(state_of(&talk), XLVS_SCTP_ESTABLISHED);
		expect_count(&talk, 1, 0);
	}
}

static void test_association_of_nat_is_followed_both_ways(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct talk talk = begin(family, XLVS_FORWARD_nat);
		const struct xlvs_conn *conn;

		request(&talk, INIT);
		conn = director_conn(&talk.request);
		reply(&talk, INIT_ACK);
		assert_int_equal(state_of(&talk), XLVS_SCTP_COOKIE_SENT);
		expect_timeout(conn, 61);
		request(&talk, COOKIE_ECHO);
		assert_int_equal(state_of(&talk), XLVS_SCTP_COOKIE_REPLIED);
		reply(&talk, COOKIE_ACK);
		assert_int_equal(state_of(&talk), XLVS_SCTP_ESTABLISHED);
		expect_timeout(conn, 900);
		expect_count(&talk, 1, 0);
		request(&talk, DATA);
		reply(&talk, SACK);
		assert_int_equal(state_of(&talk), XLVS_SCTP_ESTABLISHED);
		request(&talk, SHUTDOWN);
		expect_count(&talk, 0, 1);
		reply(&talk, SHUTDOWN_ACK);
		assert_int_equal(state_of(&talk), XLVS_SCTP_SHUTDOWN_ACK_SENT);
		request(&talk, SHUTDOWN_COMPLETE);
		assert_int_equal(state_of(&talk), XLVS_SCTP_CLOSED);
		expect_sound_table();
	}
}

static void test_one_way_association_is_followed_by_its_client(void **state)
{
	(void)state;
	for_each_family(family)
	{
		for (size_t i = 1; i < sizeof(methods); i++) {
			struct talk talk = begin(family, methods[i]);

			request(&talk, INIT);
			request(&talk, COOKIE_ECHO);
			assert_int_equal(state_of(&talk), XLVS_SCTP_ESTABLISHED);
			expect_count(&talk, 1, 0);
			request(&talk, SHUTDOWN);
			request(&talk, SHUTDOWN_COMPLETE);
			assert_int_equal(state_of(&talk), XLVS_SCTP_CLOSED);
			expect_timeout(director_conn(&talk.request), 61);
		}
	}
}

static void test_abort_behind_a_handshakes_chunk_counts_and_no_other(void **state)
{
	static const struct {
		uint8_t chunk, next;
		uint16_t payload_bytes;
		uint32_t state;
	} rows[] = {
		{COOKIE_ECHO, 0, 100, XLVS_SCTP_ESTABLISHED},
		{COOKIE_ECHO, DATA + 3, 100, XLVS_SCTP_ESTABLISHED},
		{COOKIE_ECHO, ABORT, 0, XLVS_SCTP_CLOSED},
		{COOKIE_ECHO, ABORT, 101, XLVS_SCTP_CLOSED},
		{COOKIE_ECHO, ABORT, 1300, XLVS_SCTP_CLOSED},
		{COOKIE_ACK, ABORT, 0, XLVS_SCTP_CLOSED},
		{DATA, ABORT, 16, XLVS_SCTP_INIT1},
		{ABORT, DATA, 0, XLVS_SCTP_CLOSED},
	};

	(void)state;
	for_each_family(family)
	{
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct talk talk = begin(family, XLVS_FORWARD_dr);

			director_say("IPv%d, row %zu", family, i);
			request(&talk, INIT);
			talk.request.payload_bytes = rows[i].payload_bytes;
			talk.request.next_chunk = rows[i].next;
			request(&talk, rows[i].chunk);
			assert_int_equal(state_of(&talk), rows[i].state);
		}
	}
}

/* The state after COOKIE-ECHO and ABORT, the length of the first chunk and of all the packet being
 * what they say. */
static uint32_t state_after_cut(int family, uint16_t chunk_bytes, size_t cut_bytes)
{
	struct talk talk = begin(family, XLVS_FORWARD_dr);
	size_t header_bytes = family == 4 ? 20 : 40;
	struct frame frame, out;
	uint8_t *ip = frame.data + ETHERNET_BYTES;

	request(&talk, INIT);
	talk.request.chunk = COOKIE_ECHO;
	talk.request.next_chunk = ABORT;
	talk.request.padding_bytes = 8; /* what lies behind the packet is not looked at */
	packet_build(&talk.request, &frame);
	packet_put16(ip + header_bytes + 14, chunk_bytes);
	packet_put16(ip + (family == 4 ? 2 : 4),
		     (uint16_t)(packet_get16(ip + (family == 4 ? 2 : 4)) - cut_bytes));
	packet_seal(&frame);
	expect_leaving(director_run(&frame, &out), INGRESS);
	return state_of(&talk);
}

static void test_chunk_that_is_not_all_there_is_none(void **state)
{
	(void)state;
	for_each_family(family)
	{
		assert_int_equal(state_after_cut(family, 4, 0), XLVS_SCTP_CLOSED);
		for (size_t cut_bytes = 1; cut_bytes <= 4; cut_bytes++)
			assert_int_equal(state_after_cut(family, 4, cut_bytes),
					 XLVS_SCTP_ESTABLISHED);
		for (uint16_t chunk_bytes = 0; chunk_bytes < 4; chunk_bytes++)
			assert_int_equal(state_after_cut(family, chunk_bytes, 0),
					 XLVS_SCTP_ESTABLISHED);
		assert_int_equal(state_after_cut(family, 5, 0), XLVS_SCTP_ESTABLISHED);
		assert_int_equal(state_after_cut(family, 0xfffe, 0), XLVS_SCTP_ESTABLISHED);
	}
}

static void test_packet_without_a_chunk_passes(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct talk talk = begin(family, XLVS_FORWARD_nat);
		uint8_t *length;
		struct frame whole, frame;

		request(&talk, INIT);
		packet_build(&talk.request, &whole);
		for (size_t bytes = ETHERNET_BYTES; bytes < whole.bytes; bytes++) {
			frame = whole;
			frame.bytes = bytes;
			expect_passed(&frame);
		}
		length = whole.data + ETHERNET_BYTES + (family == 4 ? 2 : 4);
		for (uint16_t less = 1; less <= 16; less++) {
			frame = whole;
			packet_put16(frame.data + (length - whole.data),
				     (uint16_t)(packet_get16(length) - less));
			expect_passed(&frame);
		}
	}
}

static void test_closed_connection_is_opened_anew_by_an_init(void **state)
{
	struct dest_words second = {.family = 4, .method = XLVS_FORWARD_dr, .weight = 1};
	struct talk talk = begin(4, XLVS_FORWARD_dr);
	const struct xlvs_conn *conn;

	(void)state;
	second.address = server_address(4, 2);
	second.ifindex = INGRESS;
	request(&talk, INIT);
	conn = director_conn(&talk.request);
	assert_int_equal(conn->dest, talk.dest);
	director_add_dest(director_slot(&talk.request), &second);
	request(&talk, INIT); /* not yet */
	assert_int_equal(conn->dest, talk.dest);
	request(&talk, ABORT);
	assert_int_equal(state_of(&talk), XLVS_SCTP_CLOSED);
	request(&talk, DATA);
	assert_int_equal(conn->dest, talk.dest);
	request(&talk, INIT);
	assert_int_not_equal(director_conn(&talk.request)->dest, talk.dest);
	assert_int_equal(state_of(&talk), XLVS_SCTP_INIT1);
	expect_sound_table();
}

static void test_persistent_client_keeps_its_destination_and_its_template_is_assured(void **state)
{
	struct talk talk = begin(4, XLVS_FORWARD_dr);
	const struct xlvs_conn *template;

	(void)state;
	director_persist(director_slot(&talk.request), 100, 0);
	request(&talk, INIT);
	template = director_template(&talk.request, VIP_PORT);
	assert_non_null(template);
	assert_int_equal(template->meta & XLVS_META_STATE, XLVS_TEMPLATE_NONE);
	request(&talk, COOKIE_ECHO);
	assert_int_equal(template->meta & XLVS_META_STATE, XLVS_TEMPLATE_ASSURED);
	request(&talk, ABORT);
	request(&talk, INIT); /* its template says whose it is */
	assert_int_equal(state_of(&talk), XLVS_SCTP_INIT);
	expect_sound_table();
}

/* What the server gets when the client sends `in`, and the client when the server does. */
static void expect_mapped(struct talk *talk, bool is_reply)
{
	struct packet sent =
		is_reply ? sent_to_client(&talk->reply) : sent_to_dest(&talk->request, talk->dest);
	int family = sent.family;
	struct frame in, wanted;

	packet_build(is_reply ? &talk->reply : &talk->request, &in);
	if (is_reply) {
		sent.from = vip_address[family];
		sent.sport = VIP_PORT;
	} else {
		sent.to = server_address(family, 1);
		sent.dport = SERVER_PORT;
	}
	packet_build(&sent, &wanted);
	assert_true(packet_sums_right(&wanted));
	expect_sent(&in, &wanted, is_reply ? director.client_ifindex : INGRESS);
}

static void test_checksum_follows_the_port_at_every_length(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct talk talk = begin(family, XLVS_FORWARD_nat);
		uint16_t most = MTU_BYTES - 16 - (family == 4 ? 20 : 40);

		request(&talk, INIT);
		for (uint16_t bytes = 0; bytes <= most; bytes++) {
			talk.request.payload_bytes = talk.reply.payload_bytes = bytes;
			talk.request.chunk = talk.reply.chunk = DATA;
			expect_mapped(&talk, false);
			expect_mapped(&talk, true);
		}
	}
}

/* IPVS, which makes the checksum anew, would hide that the packet was broken on its way. */
static void test_wrong_checksum_stays_as_wrong_as_it_was(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct talk talk = begin(family, XLVS_FORWARD_nat);
		struct frame in, out;

		talk.request.payload_bytes = 400;
		packet_build(&talk.request, &in);
		in.data[in.bytes - 100] ^= 4;
		expect_leaving(director_run(&in, &out), INGRESS);
		assert_false(packet_sums_right(&out));
		out.data[out.bytes - 100] ^= 4;
		assert_true(packet_sums_right(&out));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_init_alone_opens_a_connection),
		cmocka_unit_test(test_sloppy_director_takes_over_in_the_middle),
		cmocka_unit_test(test_association_of_nat_is_followed_both_ways),
		cmocka_unit_test(test_one_way_association_is_followed_by_its_client),
		cmocka_unit_test(test_abort_behind_a_handshakes_chunk_counts_and_no_other),
		cmocka_unit_test(test_chunk_that_is_not_all_there_is_none),
		cmocka_unit_test(test_packet_without_a_chunk_passes),
		cmocka_unit_test(test_closed_connection_is_opened_anew_by_an_init),
		cmocka_unit_test(
			test_persistent_client_keeps_its_destination_and_its_template_is_assured),
		cmocka_unit_test(test_checksum_follows_the_port_at_every_length),
		cmocka_unit_test(test_wrong_checksum_stays_as_wrong_as_it_was),
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
