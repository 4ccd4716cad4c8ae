// SPDX-License-Identifier: GPL-2.0-or-later
/* The real server's decapsulation program, packet by packet: whole frames in, whole frames out. */
#include "decap.h"

#include <stdlib.h>
#include <string.h>

enum ecn {
	NOT_ECT,
	ECT1,
	ECT0,
	CE,
};

static void test_tunnel_packet_for_a_vip_loses_its_outer_header(void **state)
{
	(void)state;
	for (int i = 0; i < ENCAPSULATIONS; i++) {
		struct request request =
			request_of(encapsulations[i].outer, encapsulations[i].inner);

		expect_stripped(&request);
	}
}

static void expect_marks(const struct encapsulation *kind, enum ecn outer_mark, enum ecn inner_mark)
{
	enum {
		LOST = -1
	};
	/* RFC 6040, figure 4: rows are the inner mark */
	static const int table[4][4] = {
		/* outer:      not-ECT  ECT(1)   ECT(0)   CE */
		[NOT_ECT] = {NOT_ECT, NOT_ECT, NOT_ECT, LOST},
		[ECT1] = {ECT1, ECT1, ECT1, CE},
		[ECT0] = {ECT0, ECT1, ECT0, CE},
		[CE] = {CE, CE, CE, CE},
	};
	struct request request = request_of(kind->outer, kind->inner);
	int marked = table[inner_mark][outer_mark];
	struct frame in, out;

	request.outer.tos |= outer_mark;
	request.inner.tos |= inner_mark;
	in = build(&request);
	if (marked == LOST) {
		expect(&in, XDP_DROP, &in, XLVS_RS_CONGESTION);
		return;
	}
	request.inner.tos = (uint8_t)((request.inner.tos & ~CE) | marked);
	out = build_inner(&request);
	expect(&in, XDP_PASS, &out, XLVS_RS_DECAPSULATED);
}

static void test_congestion_marks_are_combined(void **state)
{
	(void)state;
	for (int i = 0; i < ENCAPSULATIONS; i++)
		for (int marks = 0; marks < 16; marks++)
			expect_marks(&encapsulations[i], marks / 4, marks % 4);
}

static void test_vip_with_directors_refuses_others(void **state)
{
	(void)state;
	for (int i = 0; i < ENCAPSULATIONS; i++) {
		int outer = encapsulations[i].outer, inner = encapsulations[i].inner;
		struct request request = request_of(outer, inner);
		struct frame frame;

		request.inner.to = closed_vip[inner];
		expect_stripped(&request);
		request.outer.from = stranger[outer];
		frame = build(&request);
		expect_untouched(&frame, XLVS_RS_WRONG_SOURCE);
	}
}

static void test_other_tunnels_are_left_alone(void **state)
{
	(void)state;
	for (int i = 0; i < ENCAPSULATIONS; i++) {
		int outer = encapsulations[i].outer, inner = encapsulations[i].inner;
		struct request request = request_of(outer, inner);
		struct frame frame;

		request.outer.to = stranger[outer];
		frame = build(&request);
		expect_untouched(&frame, NOT_COUNTED);

		request = request_of(outer, inner);
		request.inner.to = stranger[inner];
		frame = build(&request);
		expect_untouched(&frame, NOT_COUNTED);
	}
}

static void test_plain_packet_to_the_vip_is_left_alone(void **state)
{
	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct request request = request_of(family, family);
		struct frame frame = build_inner(&request);

		expect_untouched(&frame, NOT_COUNTED);
		packet_put16(frame.data + 12, 0x0806); /* ARP */
		expect_untouched(&frame, NOT_COUNTED);
	}
}

static void test_deleted_vip_is_left_alone(void **state)
{
	struct xlvs_rs_vip vip = {.method = XLVS_RS_TUN, .n_directors = 1};
	struct request request = request_of(4, 6);
	struct frame frame;

	(void)state;
	request.inner.to = "2001:db8:1::30";
	assert_int_equal(xlvs_rs_address_parse(request.inner.to, &vip.address, NULL), 0);
	assert_int_equal(xlvs_rs_address_parse(request.outer.from, &vip.directors[0], NULL), 0);
	assert_int_equal(xlvs_rs_decap_accept(&decap, &vip, NULL), 0);
	assert_true(xlvs_rs_decap_accepts(&decap, &vip));
	expect_stripped(&request);
	xlvs_rs_decap_refuse(&decap, &vip);
	assert_false(xlvs_rs_decap_accepts(&decap, &vip));
	frame = build(&request);
	expect_untouched(&frame, NOT_COUNTED);
}

/* Change a byte of the outer IPv4 header and make its checksum right again. */
static struct frame outer4_with(size_t offset, uint8_t value)
{
	struct request request = request_of(4, 4);
	struct frame frame = build(&request);

	frame.data[ETHERNET_BYTES + offset] = value;
	if (offset)
		seal4(frame.data + ETHERNET_BYTES);
	return frame;
}

static void test_outer_header_the_program_cannot_follow_is_left_alone(void **state)
{
	const struct frame frames[] = {
		outer4_with(0, 0x55), /* version */
		outer4_with(0, 0x46), /* options */
		outer4_with(6, 0x20), /* first fragment */
		outer4_with(7, 0x10), /* later fragment */
		outer4_with(9, PACKET_TCP),
	};
	struct request request = request_of(6, 4);
	struct frame frame = build(&request);

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
		expect_untouched(&frames[i], NOT_COUNTED);
	frame.data[ETHERNET_BYTES + 6] = 60; /* destination options */
	expect_untouched(&frame, NOT_COUNTED);
	frame = build(&request);
	frame.data[ETHERNET_BYTES] = 0x4b; /* version */
	expect_untouched(&frame, NOT_COUNTED);
}

static void test_outer_header_that_is_wrong_is_left_alone_and_counted(void **state)
{
	struct frame frame = outer4_with(3, 19); /* total length: less than itself */

	(void)state;
	frame.data[ETHERNET_BYTES + 2] = 0;
	seal4(frame.data + ETHERNET_BYTES);
	expect_untouched(&frame, XLVS_RS_MALFORMED);
	frame = outer4_with(8, 63);
	frame.data[ETHERNET_BYTES + 10] ^= 1; /* checksum */
	expect_untouched(&frame, XLVS_RS_MALFORMED);
}

static void test_inner_header_that_is_wrong_is_left_alone_and_counted(void **state)
{
	static const struct {
		size_t offset;
		int inner;
		uint8_t value;
	} faults[] = {
		{0, 4, 0x65}, /* version */
		{0, 4, 0x44}, /* header length */
		{0, 4, 0x4f}, /* header longer than the packet */
		{3, 4, 19}, /* total length: less than the header */
		{3, 4, 20 + 8 + PAYLOAD_BYTES + 1}, /* more than the outer header says */
		{2, 4, 0xff},
		{0, 6, 0x4b}, /* version */
		{5, 6, 8 + PAYLOAD_BYTES + 1},
		{4, 6, 0xff},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		for (int outer = 4; outer <= 6; outer += 2) {
			struct request request = request_of(outer, faults[i].inner);
			size_t at = ETHERNET_BYTES + header_bytes(outer) + faults[i].offset;
			struct frame frame = build(&request);

			frame.data[at] = faults[i].value;
			expect_untouched(&frame, XLVS_RS_MALFORMED);
		}
	}
}

static void test_frame_cut_in_the_headers_is_left_alone(void **state)
{
	(void)state;
	for (int i = 0; i < ENCAPSULATIONS; i++) {
		int outer = encapsulations[i].outer, inner = encapsulations[i].inner;
		struct request request = request_of(outer, inner);
		struct frame frame = build(&request);
		size_t outer_end = ETHERNET_BYTES + header_bytes(outer);

		frame.bytes = outer_end + header_bytes(inner);
		while (--frame.bytes >= ETHERNET_BYTES)
			expect_untouched(&frame,
					 frame.bytes < outer_end ? NOT_COUNTED : XLVS_RS_MALFORMED);
	}
}

static void test_inner_options_fragments_and_link_padding_are_kept(void **state)
{
	struct request request = request_of(4, 4);

	(void)state;
	request.inner.option_bytes = 8;
	request.inner.fragment = MORE_FRAGMENTS;
	request.inner.padding_bytes = 6;
	expect_stripped(&request);
}

/* Blank what decapsulation may change: the ethertype, and the inner ECN bits with what depends on
 * them. */
static struct frame comparable(const struct frame *frame, size_t outer_bytes)
{
	struct frame out = {.bytes = frame->bytes - outer_bytes};
	uint8_t *inner = out.data + ETHERNET_BYTES;

	memcpy(out.data, frame->data, 12);
	memcpy(inner, frame->data + ETHERNET_BYTES + outer_bytes, out.bytes - ETHERNET_BYTES);
	if (inner[0] >> 4 == 4) {
		inner[1] &= 0xfc;
		packet_put16(inner + 10, 0);
	} else {
		inner[1] &= 0xcf;
	}
	return out;
}

static void test_any_header_passes_whole_or_without_its_outer_header(void **state)
{
	unsigned int seed = 20240607;
	unsigned long stripped = 0;

	(void)state;
	srandom(seed);
	for (int i = 0; i < 20000; i++) {
		struct request request = request_of(random() & 2 ? 4 : 6, random() & 2 ? 4 : 6);
		size_t outer = header_bytes(request.outer.family);
		struct frame in = build(&request), out, want, got;
		size_t headers = ETHERNET_BYTES + outer + header_bytes(request.inner.family);
		uint32_t action;

		for (long flips = random() % 3; flips >= 0; flips--)
			in.data[(size_t)random() % headers] ^= (uint8_t)(1 << random() % 8);
		if (request.outer.family == 4 && random() & 2)
			seal4(in.data + ETHERNET_BYTES);
		out = run(&in, &action);
		if (out.bytes == in.bytes) {
			assert_true(action == XDP_PASS || action == XDP_DROP);
			assert_memory_equal(out.data, in.data, in.bytes);
			continue;
		}
		assert_int_equal(action, XDP_PASS);
		assert_int_equal(out.bytes, in.bytes - outer);
		want = comparable(&in, outer);
		got = comparable(&out, 0);
		assert_memory_equal(got.data, want.data, want.bytes);
		stripped++;
	}
	assert_true(stripped > 1000 && stripped < 19000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tunnel_packet_for_a_vip_loses_its_outer_header),
		cmocka_unit_test(test_congestion_marks_are_combined),
		cmocka_unit_test(test_vip_with_directors_refuses_others),
		cmocka_unit_test(test_other_tunnels_are_left_alone),
		cmocka_unit_test(test_plain_packet_to_the_vip_is_left_alone),
		cmocka_unit_test(test_deleted_vip_is_left_alone),
		cmocka_unit_test(test_outer_header_the_program_cannot_follow_is_left_alone),
		cmocka_unit_test(test_outer_header_that_is_wrong_is_left_alone_and_counted),
		cmocka_unit_test(test_inner_header_that_is_wrong_is_left_alone_and_counted),
		cmocka_unit_test(test_frame_cut_in_the_headers_is_left_alone),
		cmocka_unit_test(test_inner_options_fragments_and_link_padding_are_kept),
		cmocka_unit_test(test_any_header_passes_whole_or_without_its_outer_header),
	};

	return cmocka_run_group_tests(tests, decap_load, decap_unload);
}
