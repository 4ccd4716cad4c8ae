// SPDX-License-Identifier: GPL-2.0-or-later
/* GUE and GRE at the real server, packet by packet: whole frames in, whole frames out. */
#include "decap.h"

#include <string.h>

/* It passes without its outer header, `bytes` shorter by that and the link header. */
static void run_stripped(const struct frame *in, size_t most_bytes)
{
	uint32_t action;
	struct frame out = run(in, &action);

	assert_int_equal(action, XDP_PASS);
	assert_true(out.bytes < most_bytes + ETHERNET_BYTES);
}

/* Of a UDP datagram: what the sender writes where the NIC is to finish the checksum. */
static uint16_t pseudo_sum(const uint8_t *ip)
{
	bool is4 = ip[0] >> 4 == 4;
	const uint8_t *at = ip + (is4 ? 12 : 8), *end = ip + (is4 ? 20 : 40);
	uint32_t sum = PACKET_UDP + packet_get16(ip + (is4 ? 20 : 40) + 4);

	for (; at < end; at += 2)
		sum += packet_get16(at);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* The outer headers of a GUE packet say that there is so much more. */
static void lengthen_outer(struct frame *frame, uint16_t bytes)
{
	uint8_t *ip = frame->data + ETHERNET_BYTES;
	bool is4 = ip[0] >> 4 == 4;
	uint8_t *length = ip + (is4 ? 2 : 4), *udp_length = ip + (is4 ? 20 : 40) + 4;

	packet_put16(length, (uint16_t)(packet_get16(length) + bytes));
	packet_put16(udp_length, (uint16_t)(packet_get16(udp_length) + bytes));
	if (is4)
		seal4(ip);
}

/* Make of the outer header that of GUE or GRE. */
static void put_shim(struct request *request, uint8_t protocol, bool has_sum)
{
	request->outer.protocol = protocol;
	request->outer.no_checksum = !has_sum;
	request->outer.sport = 50000;
	request->outer.dport = GUE_PORT;
}

static void test_gue_and_gre_are_taken_off(void **state)
{
	(void)state;
	for (int i = 0; i < ENCAPSULATIONS * 4; i++) {
		const struct encapsulation *kind = &encapsulations[i / 4];
		struct request request = request_of(kind->outer, kind->inner);

		put_shim(&request, i & 1 ? PACKET_UDP : PACKET_GRE, i & 2);
		for (uint16_t bytes = 0; bytes < 1400; bytes += 99) {
			request.inner.payload_bytes = bytes;
			expect_stripped(&request);
		}
	}
}

static void test_gue_and_gre_from_others_than_directors_are_left_alone(void **state)
{
	(void)state;
	for (int i = 0; i < ENCAPSULATIONS * 4; i++) {
		const struct encapsulation *kind = &encapsulations[i / 4];
		struct request request = request_of(kind->outer, kind->inner);
		struct frame frame;

		put_shim(&request, i & 1 ? PACKET_UDP : PACKET_GRE, i & 2);
		request.inner.to = closed_vip[kind->inner];
		expect_stripped(&request);
		request.outer.from = stranger[kind->outer];
		frame = build(&request);
		expect_untouched(&frame, XLVS_RS_WRONG_SOURCE);
	}
}

static size_t shim_at(const struct request *request)
{
	return ETHERNET_BYTES + header_bytes(request->outer.family);
}

static void test_wrong_checksum_of_gue_or_gre_is_dropped(void **state)
{
	(void)state;
	for (int i = 0; i < ENCAPSULATIONS * 2; i++) {
		const struct encapsulation *kind = &encapsulations[i / 2];
		struct request request = request_of(kind->outer, kind->inner);
		struct frame frame;

		put_shim(&request, i % 2 ? PACKET_UDP : PACKET_GRE, true);
		request.inner.payload_bytes = 1001;
		frame = build(&request);
		for (size_t at = frame.bytes - 1000; at < frame.bytes; at += 111) {
			frame.data[at] ^= 4;
			expect(&frame, XDP_DROP, &frame, XLVS_RS_BAD_CHECKSUM);
			frame.data[at] ^= 4;
		}
		request.outer.no_checksum = true;
		frame = build(&request);
		frame.data[frame.bytes - 1] ^= 4; /* what is inside is the stack's to judge */
		run_stripped(&frame, frame.bytes - shim_at(&request));
	}
}

/* GUE as a Linux director sends it where the NIC was to make the checksum inside. */
static void test_remote_checksum_is_finished(void **state)
{
	static const uint8_t option[] = {0x02, 0, 0, 0x01, 0x80, 0, 0, 0};

	(void)state;
	for (int i = 0; i < ENCAPSULATIONS; i++) {
		const struct encapsulation *kind = &encapsulations[i];
		struct request request = request_of(kind->outer, kind->inner);
		size_t from = header_bytes(kind->inner), gue, inner;
		struct frame frame, out = build_inner(&request);
		uint8_t *check;

		put_shim(&request, PACKET_UDP, false);
		frame = build(&request);
		gue = shim_at(&request) + 8;
		inner = gue + 12;
		memmove(frame.data + inner, frame.data + gue + 4, frame.bytes - gue - 4);
		frame.bytes += 8;
		frame.data[gue] = option[0];
		frame.data[gue + 3] = option[3];
		memcpy(frame.data + gue + 4, option + 4, 4);
		packet_put16(frame.data + gue + 8, (uint16_t)from);
		packet_put16(frame.data + gue + 10, (uint16_t)(from + 6));
		lengthen_outer(&frame, 8);
		check = frame.data + inner + from + 6;
		packet_put16(check, pseudo_sum(frame.data + inner));
		expect(&frame, XDP_PASS, &out, XLVS_RS_DECAPSULATED);

		/* Beyond the packet: left to the stack. */
		packet_put16(frame.data + gue + 10, 2000);
		expect_untouched(&frame, XLVS_RS_MALFORMED);
	}
}

static void test_gue_to_another_port_or_with_other_options_is_left_alone(void **state)
{
	(void)state;
	for (int i = 0; i < ENCAPSULATIONS; i++) {
		const struct encapsulation *kind = &encapsulations[i];
		struct request request = request_of(kind->outer, kind->inner);
		struct frame frame;
		size_t at = shim_at(&request);

		put_shim(&request, PACKET_UDP, false);
		request.outer.dport = GUE_PORT + 1;
		frame = build(&request);
		expect_untouched(&frame, NOT_COUNTED);

		request.outer.dport = GUE_PORT;
		for (int bit = 0; bit < 32; bit++) {
			if (bit / 8 == 1) /* the protocol inside */
				continue;
			frame = build(&request);
			frame.data[at + 8 + bit / 8] ^= (uint8_t)(1 << bit % 8);
			expect_untouched(&frame, NOT_COUNTED);
		}
		request.outer.protocol = PACKET_GRE;
		for (int bit = 0; bit < 32; bit++) {
			frame = build(&request);
			frame.data[at + bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (bit != 7) /* a checksum, which is wrong */
				expect_untouched(&frame, NOT_COUNTED);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gue_and_gre_are_taken_off),
		cmocka_unit_test(test_gue_and_gre_from_others_than_directors_are_left_alone),
		cmocka_unit_test(test_wrong_checksum_of_gue_or_gre_is_dropped),
		cmocka_unit_test(test_remote_checksum_is_finished),
		cmocka_unit_test(test_gue_to_another_port_or_with_other_options_is_left_alone),
	};

	return cmocka_run_group_tests(tests, decap_load, decap_unload);
}
