// SPDX-License-Identifier: GPL-2.0-or-later
/* What becomes of fragments: the first one is treated as a packet, the others follow it, and what
 * could overwrite its transport header goes nowhere. */
#include "fixture.h"

#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

enum {
	PAYLOAD_BYTES = 800,
	FIRST_BYTES = 400, /* of layer 4 in a first fragment */
	DETOUR_IFINDEX = 88,
	FUZZED = 60000,
	FUZZED_IDS = 64,
	UNIT = 8,
};

static uint32_t next_id = 1;

static uint16_t header_sum(const uint8_t *header, size_t bytes)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < bytes; i += 2)
		sum += packet_get16(header + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void seal_header(struct frame *frame)
{
	uint8_t *ip = frame->data + ETHERNET_BYTES;

	if (ip[0] >> 4 != 4)
		return;
	packet_put16(ip + 10, 0);
	packet_put16(ip + 10, header_sum(ip, (ip[0] & 15U) * 4));
}

static size_t header_bytes(const struct frame *frame)
{
	const uint8_t *ip = frame->data + ETHERNET_BYTES;

	return ip[0] >> 4 == 4 ? (ip[0] & 15U) * 4 : 40;
}

/* A part of a datagram. */
struct part {
	uint32_t id;
	size_t offset; /* in the payload of layer 3, a multiple of 8 */
	size_t bytes;
	bool more;
};

/* That part of a whole frame's packet, as a fragment. */
static void cut(const struct frame *whole, struct part part, struct frame *ret_piece)
{
	size_t at = ETHERNET_BYTES + header_bytes(whole);
	bool is4 = whole->data[ETHERNET_BYTES] >> 4 == 4;
	uint8_t *ip = ret_piece->data + ETHERNET_BYTES, *header = ret_piece->data + at;
	size_t extra = is4 ? 0 : 8;

	memcpy(ret_piece->data, whole->data, at);
	memcpy(header + extra, whole->data + at + part.offset, part.bytes);
	ret_piece->bytes = at + extra + part.bytes;
	if (is4) {
		packet_put16(ip + 2, (uint16_t)(at - ETHERNET_BYTES + part.bytes));
		packet_put16(ip + 4, (uint16_t)part.id);
		packet_put16(ip + 6,
			     (uint16_t)(part.offset / 8 | (part.more ? MORE_FRAGMENTS : 0)));
		seal_header(ret_piece);
		return;
	}
	packet_put16(ip + 4, (uint16_t)(8 + part.bytes));
	header[0] = ip[6];
	header[1] = 0;
	packet_put16(header + 2, (uint16_t)(part.offset | part.more));
	packet_put16(header + 4, (uint16_t)(part.id >> 16));
	packet_put16(header + 6, (uint16_t)part.id);
	ip[6] = 44;
}

static struct part first_part(uint32_t id)
{
	return (struct part){.id = id, .bytes = FIRST_BYTES, .more = true};
}

static size_t l4_bytes(const struct packet *packet)
{
	return PAYLOAD_BYTES + (packet->protocol == PACKET_TCP ? 20 : 8);
}

static struct part last_part(const struct packet *packet, uint32_t id)
{
	return (struct part){
		.id = id, .offset = FIRST_BYTES, .bytes = l4_bytes(packet) - FIRST_BYTES};
}

static void run_part(const struct packet *packet, struct part part, struct frame *ret_in,
		     struct frame *ret_out, uint32_t *ret_action)
{
	struct frame whole;

	packet_build(packet, &whole);
	cut(&whole, part, ret_in);
	*ret_action = director_run(ret_in, ret_out);
}

static struct packet fragmented(int family, uint8_t protocol)
{
	struct packet packet = request_packet(family, protocol);

	packet.payload_bytes = PAYLOAD_BYTES;
	return packet;
}

/* What a packet becomes when it is forwarded whole, in the same parts. */
static void expect_as_whole(const struct packet *packet, const struct packet *sent,
			    uint32_t ifindex)
{
	struct part parts[] = {first_part(next_id), last_part(packet, next_id)};

	next_id++;
	for (size_t i = 0; i < 2; i++) {
		struct frame in, out, whole, wanted;
		uint32_t action;

		director_say("IPv%d, protocol %d, part %zu", packet->family, packet->protocol, i);
		run_part(packet, parts[i], &in, &out, &action);
		expect_leaving(action, ifindex);
		packet_build(sent, &whole);
		cut(&whole, parts[i], &wanted);
		expect_frame(&out, &wanted);
	}
}

static void for_all_kinds(void (*check)(const struct packet *packet))
{
	for (int family = 4; family <= 6; family += 2) {
		struct packet tcp = fragmented(family, PACKET_TCP);
		struct packet udp = fragmented(family, PACKET_UDP);

		check(&tcp);
		check(&udp);
	}
}

static uint32_t serve(const struct packet *packet, uint8_t method)
{
	struct dest_words words = {
		.family = packet->family,
		.method = method,
		.port = method == XLVS_FORWARD_nat ? SERVER_PORT : VIP_PORT,
		.ifindex = director.server_ifindex,
	};

	director_reset();
	return director_serve(packet, &words);
}

static struct packet translated(const struct packet *packet, uint32_t dest)
{
	struct packet sent = sent_to_dest(packet, dest);

	sent.to = server_address(packet->family, 1);
	sent.dport = SERVER_PORT;
	return sent;
}

static void check_dr(const struct packet *packet)
{
	uint32_t dest = serve(packet, XLVS_FORWARD_dr);
	struct packet sent = sent_to_dest(packet, dest);

	expect_as_whole(packet, &sent, director.server_ifindex);
	assert_int_equal(director_traffic(dest).in_packets, 2);
	assert_int_equal(director.table.dests[dest].conns, 1);
}

static void test_dr_changes_mac_addresses_and_ttl(void **state)
{
	(void)state;
	for_all_kinds(check_dr);
}

static void check_nat(const struct packet *packet)
{
	uint32_t dest = serve(packet, XLVS_FORWARD_nat);
	struct packet sent = translated(packet, dest);

	expect_as_whole(packet, &sent, director.server_ifindex);
}

static void test_nat_translates_each_part(void **state)
{
	(void)state;
	for_all_kinds(check_nat);
}

static void check_reply(const struct packet *packet)
{
	uint32_t dest = serve(packet, XLVS_FORWARD_nat);
	struct packet request = *packet, reply, sent;

	(void)dest;
	expect_forwarded(&request);
	reply = reply_packet(&request, server_address(packet->family, 1), SERVER_PORT);
	reply.payload_bytes = PAYLOAD_BYTES;
	sent = sent_to_client(&reply);
	sent.from = request.to;
	sent.sport = request.dport;
	expect_as_whole(&reply, &sent, director.client_ifindex);
}

static void test_parts_of_replies_come_from_the_vip(void **state)
{
	(void)state;
	for_all_kinds(check_reply);
}

static void check_tun(const struct packet *packet)
{
	struct part parts[] = {first_part(next_id), last_part(packet, next_id)};
	uint32_t dest = serve(packet, XLVS_FORWARD_tun), action;
	struct frame in, out, whole, inner, wanted;
	struct packet sent, outer;
	uint16_t ids[2] = {0, 0};

	next_id++;
	for (size_t i = 0; i < 2; i++) {
		run_part(packet, parts[i], &in, &out, &action);
		expect_leaving(action, director.server_ifindex);
		sent = sent_to_dest(packet, dest);
		packet_build(&sent, &whole);
		cut(&whole, parts[i], &inner);
		outer = tunnel_to_dest(packet, dest);
		outer.id = ids[i] = packet_get16(out.data + ETHERNET_BYTES + 4);
		packet_wrap(&outer, &inner, &wanted);
		expect_frame(&out, &wanted);
	}
	/* A receiver must not take what one tunnel packet was cut into for another's. */
	if (packet->family == 4)
		assert_int_not_equal(ids[0], ids[1]);
}

static void test_tun_carries_each_part_in_a_packet_of_its_own(void **state)
{
	(void)state;
	for_all_kinds(check_tun);
}

static void check_early(const struct packet *packet)
{
	struct frame in, out;
	uint32_t action, id = next_id++;

	serve(packet, XLVS_FORWARD_dr);
	run_part(packet, last_part(packet, id), &in, &out, &action);
	assert_int_equal(action, XDP_PASS); /* no detour, no way to let it go again */

	id = next_id++;
	director.table.runtime->detour_ifindex = DETOUR_IFINDEX;
	run_part(packet, last_part(packet, id), &in, &out, &action);
	assert_int_equal(action, XDP_DROP);
	assert_int_equal(director_reason(XLVS_EVENT_FRAGMENT_HELD), 1);
	assert_int_equal(director.table.runtime->n_held, 1);
	run_part(packet, first_part(id), &in, &out, &action);
	assert_int_equal(action, XDP_REDIRECT);
	assert_int_equal(director.table.runtime->n_tickets, 1);
	run_part(packet, last_part(packet, id), &in, &out, &action);
	expect_leaving(action, director.server_ifindex);
}

static void test_a_part_that_comes_before_the_first_is_kept_until_that_comes(void **state)
{
	(void)state;
	for_all_kinds(check_early);
}

static void expect_part_dropped(const struct packet *packet, struct part part, uint32_t reason)
{
	struct frame whole, piece;

	packet_build(packet, &whole);
	cut(&whole, part, &piece);
	expect_dropped(&piece, reason);
}

static void check_overlap(const struct packet *packet)
{
	struct part part = first_part(next_id++);
	struct packet other = *packet;
	struct frame in, out;
	uint32_t action;

	serve(packet, XLVS_FORWARD_dr);
	run_part(packet, part, &in, &out, &action);
	expect_leaving(action, director.server_ifindex);
	for (size_t offset = UNIT; offset < FIRST_BYTES; offset += 56)
		expect_part_dropped(packet, (struct part){part.id, offset, 16, true},
				    XLVS_DROP_FRAGMENT_OVERLAP);
	other.sport++;
	expect_part_dropped(&other, part, XLVS_DROP_FRAGMENT_OVERLAP);
	other = *packet;
	expect_part_dropped(&other, (struct part){part.id, 0, FIRST_BYTES - UNIT, true},
			    XLVS_DROP_FRAGMENT_OVERLAP);
	run_part(packet, part, &in, &out, &action); /* the same again */
	expect_leaving(action, director.server_ifindex);
}

static void test_nothing_overwrites_the_first_part(void **state)
{
	(void)state;
	for_all_kinds(check_overlap);
}

static void test_a_first_part_without_the_whole_header_is_dropped(void **state)
{
	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct packet packet = fragmented(family, PACKET_TCP), foreign;
		struct part tiny = {.id = next_id++, .bytes = UNIT, .more = true};
		struct frame whole, piece;

		serve(&packet, XLVS_FORWARD_dr);
		expect_part_dropped(&packet, tiny, XLVS_DROP_FRAGMENT_TINY);
		foreign = packet;
		foreign.dport++;
		tiny.id = next_id++;
		packet_build(&foreign, &whole);
		cut(&whole, tiny, &piece);
		expect_passed(&piece);
	}
}

static void check_foreign(const struct packet *packet)
{
	struct packet foreign = *packet;
	struct frame whole, piece;
	uint32_t id = next_id++;

	serve(packet, XLVS_FORWARD_nat);
	director.table.runtime->detour_ifindex = DETOUR_IFINDEX;
	foreign.dport++;
	packet_build(&foreign, &whole);
	cut(&whole, first_part(id), &piece);
	expect_passed(&piece);
	cut(&whole, last_part(&foreign, id), &piece);
	expect_passed(&piece);
}

static void test_parts_of_what_nobody_serves_are_the_hosts(void **state)
{
	(void)state;
	for_all_kinds(check_foreign);
}

static void check_refused(const struct packet *packet)
{
	uint32_t dest = serve(packet, XLVS_FORWARD_nat), id = next_id++, action;
	struct frame in, out;

	director_weigh_dest(director_slot(packet), dest, 0);
	run_part(packet, first_part(id), &in, &out, &action);
	assert_int_equal(director_reason(XLVS_DROP_NO_DEST), 1);
	expect_part_dropped(packet, last_part(packet, id), XLVS_DROP_FRAGMENT_LOST);
}

static void test_the_others_are_dropped_with_the_first(void **state)
{
	(void)state;
	for_all_kinds(check_refused);
}

/* Random fragments, many of them overlapping, tiny or senseless, against a model of what may leave.
 */
struct known {
	bool ours; /* the latest first part was sent on */
	size_t first_bytes;
};

static void judge_fuzzed(const struct packet *packet, struct part part, const struct known *known,
			 const struct frame *in, const struct frame *out)
{
	size_t transport = packet->protocol == PACKET_TCP ? 20 : 8;
	struct frame whole, wanted;

	if (!part.offset)
		assert_true(part.bytes >= transport && packet->dport == VIP_PORT);
	else
		assert_true(known->ours && part.offset >= known->first_bytes);
	packet_build(packet, &whole);
	cut(&whole, part, &wanted);
	assert_int_equal(in->bytes, out->bytes);
	memcpy(wanted.data, out->data, 12);
	wanted.data[ETHERNET_BYTES + (packet->family == 4 ? 8 : 7)]--;
	seal_header(&wanted);
	expect_frame(out, &wanted);
}

static void test_of_random_fragments_only_those_leave_that_may(void **state)
{
	static struct known known[FUZZED_IDS];
	struct packet kinds[] = {fragmented(4, PACKET_TCP), fragmented(4, PACKET_UDP),
				 fragmented(6, PACKET_TCP), fragmented(6, PACKET_UDP)};
	uint32_t left = 0;

	(void)state;
	srand(1);
	for (uint32_t n = 0; n < FUZZED; n++) {
		uint32_t slot = n / 1000 % FUZZED_IDS, action;
		struct packet packet = kinds[slot % 4];
		struct part part = {.id = 0x4000 + slot, .more = rand() % 4};
		struct frame in, out;

		if (n % 1000 == 0) {
			serve(&packet, XLVS_FORWARD_dr);
			memset(known, 0, sizeof(known));
		}
		packet.dport = rand() % 8 ? VIP_PORT : VIP_PORT + 1;
		packet.sport = (uint16_t)(CLIENT_PORT + rand() % 2);
		part.offset = rand() % 3 ? (size_t)(rand() % 90) * UNIT : 0;
		part.bytes = 1 + (size_t)rand() % (l4_bytes(&packet) - part.offset);
		if (rand() % 2)
			part.bytes = 1 + (size_t)rand() % 24;
		if (!part.offset && !part.more)
			continue;
		director_say("fragment %u", n);
		run_part(&packet, part, &in, &out, &action);
		if (!part.offset && part.bytes >= l4_bytes(&packet) - PAYLOAD_BYTES &&
		    action == XDP_PASS)
			known[slot].ours = false;
		if (action != XDP_TX && action != XDP_REDIRECT)
			continue;
		left++;
		judge_fuzzed(&packet, part, &known[slot], &in, &out);
		if (!part.offset)
			known[slot] = (struct known){true, part.bytes};
	}
	assert_true(left > FUZZED / 100);
	expect_sound_table();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dr_changes_mac_addresses_and_ttl),
		cmocka_unit_test(test_nat_translates_each_part),
		cmocka_unit_test(test_parts_of_replies_come_from_the_vip),
		cmocka_unit_test(test_tun_carries_each_part_in_a_packet_of_its_own),
		cmocka_unit_test(test_a_part_that_comes_before_the_first_is_kept_until_that_comes),
		cmocka_unit_test(test_nothing_overwrites_the_first_part),
		cmocka_unit_test(test_a_first_part_without_the_whole_header_is_dropped),
		cmocka_unit_test(test_parts_of_what_nobody_serves_are_the_hosts),
		cmocka_unit_test(test_the_others_are_dropped_with_the_first),
		cmocka_unit_test(test_of_random_fragments_only_those_leave_that_may),
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
