// SPDX-License-Identifier: GPL-2.0-or-later
/* The real server's decapsulation program, packet by packet: whole frames in, whole frames out. */
#include "realserver/decap.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	FRAME_MAX = 256,
	LINK_BYTES = 14,
	PAYLOAD_BYTES = 32,
	UDP = 17,
	NOT_COUNTED = -1,
};

enum ecn {
	NOT_ECT,
	ECT1,
	ECT0,
	CE,
};

struct frame {
	size_t bytes;
	uint8_t data[FRAME_MAX];
};

/* A tunnel packet in words. */
struct packet {
	int outer; /* 4 or 6 */
	int inner;
	enum ecn outer_ecn;
	enum ecn inner_ecn;
	const char *from; /* outer source */
	const char *to; /* outer destination */
	const char *vip; /* inner destination */
};

static struct xlvs_rs_decap decap;

static const char *const local[7] = {[4] = "192.0.2.2", [6] = "2001:db8::2"};
static const char *const director[7] = {[4] = "192.0.2.1", [6] = "2001:db8::1"};
static const char *const stranger[7] = {[4] = "192.0.2.66", [6] = "2001:db8::66"};
static const char *const open_vip[7] = {[4] = "203.0.113.10", [6] = "2001:db8:1::10"};
static const char *const closed_vip[7] = {[4] = "203.0.113.20", [6] = "2001:db8:1::20"};

static struct packet packet_of(int outer, int inner)
{
	return (struct packet){
		.outer = outer,
		.inner = inner,
		.from = director[outer],
		.to = local[outer],
		.vip = open_vip[inner],
	};
}

static uint16_t checksum(const uint8_t *data, size_t bytes)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < bytes; i += 2)
		sum += (uint32_t)(data[i] << 8 | data[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void seal4(uint8_t *header)
{
	put16(header + 10, 0);
	put16(header + 10, checksum(header, (header[0] & 15) * 4U));
}

static size_t header_bytes(int family)
{
	return family == 4 ? 20 : 40;
}

/* An IP header at `at`, for `payload` bytes behind it. */
static void put_header(uint8_t *at, int family, enum ecn ecn, uint8_t protocol, size_t payload)
{
	memset(at, 0, header_bytes(family));
	if (family == 4) {
		at[0] = 0x45;
		at[1] = (uint8_t)(0xb8 | ecn);
		put16(at + 2, 20 + payload);
		at[8] = 63;
		at[9] = protocol;
	} else {
		at[0] = 0x6b; /* traffic class 0xb8 */
		at[1] = (uint8_t)(0x80 | ecn << 4);
		put16(at + 4, payload);
		at[6] = protocol;
		at[7] = 63;
	}
}

static void put_addresses(uint8_t *header, int family, const char *from, const char *to)
{
	int af = family == 4 ? AF_INET : AF_INET6;
	size_t bytes = family == 4 ? 4 : 16, offset = family == 4 ? 12 : 8;

	assert_int_equal(inet_pton(af, from, header + offset), 1);
	assert_int_equal(inet_pton(af, to, header + offset + bytes), 1);
	if (family == 4)
		seal4(header);
}

static void put_link(uint8_t *at, int family)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};

	memcpy(at, macs, sizeof(macs));
	put16(at + 12, family == 4 ? 0x0800 : 0x86dd);
}

/* The frame as the client's request looks without a tunnel. */
static struct frame build_inner(const struct packet *packet)
{
	static const char *const client[7] = {[4] = "198.51.100.7", [6] = "2001:db8:2::7"};
	struct frame frame = {.bytes = LINK_BYTES + header_bytes(packet->inner) + PAYLOAD_BYTES};
	uint8_t *header = frame.data + LINK_BYTES;
	uint8_t *payload = header + header_bytes(packet->inner);

	put_link(frame.data, packet->inner);
	put_header(header, packet->inner, packet->inner_ecn, UDP, PAYLOAD_BYTES);
	put_addresses(header, packet->inner, client[packet->inner], packet->vip);
	for (uint8_t i = 0; i < PAYLOAD_BYTES; i++)
		payload[i] = (uint8_t)(0xa0 + i);
	return frame;
}

static struct frame wrap(const struct packet *packet, const struct frame *inner)
{
	size_t outer = header_bytes(packet->outer), payload = inner->bytes - LINK_BYTES;
	struct frame frame = {.bytes = inner->bytes + outer};
	uint8_t *header = frame.data + LINK_BYTES;

	put_link(frame.data, packet->outer);
	put_header(header, packet->outer, packet->outer_ecn,
		   packet->inner == 4 ? IPPROTO_IPIP : IPPROTO_IPV6, payload);
	put_addresses(header, packet->outer, packet->from, packet->to);
	memcpy(header + outer, inner->data + LINK_BYTES, payload);
	return frame;
}

static struct frame build(const struct packet *packet)
{
	struct frame inner = build_inner(packet);

	return wrap(packet, &inner);
}

static struct frame run(const struct frame *in, uint32_t *ret_action)
{
	struct frame out = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->data,
		    .data_size_in = (uint32_t)in->bytes, .data_out = out.data,
		    .data_size_out = sizeof(out.data));

	assert_int_equal(bpf_prog_test_run_opts(decap.program_fd, &opts), 0);
	out.bytes = opts.data_size_out;
	*ret_action = opts.retval;
	return out;
}

/* Run, compare action and whole frame, and see that just `counted` went up. */
static void expect(const struct frame *in, uint32_t action, const struct frame *out, int counted)
{
	uint64_t before[XLVS_RS_COUNTS_END], after[XLVS_RS_COUNTS_END];
	struct frame got;
	uint32_t done;

	assert_int_equal(xlvs_rs_decap_counts(&decap, before), 0);
	got = run(in, &done);
	assert_int_equal(xlvs_rs_decap_counts(&decap, after), 0);
	assert_int_equal(done, action);
	assert_int_equal(got.bytes, out->bytes);
	assert_memory_equal(got.data, out->data, out->bytes);
	for (int i = 0; i < XLVS_RS_COUNTS_END; i++)
		assert_int_equal(after[i] - before[i], i == counted);
}

static void expect_untouched(const struct frame *frame, int counted)
{
	expect(frame, XDP_PASS, frame, counted);
}

static void expect_stripped(const struct packet *packet)
{
	struct frame in = build(packet), out = build_inner(packet);

	expect(&in, XDP_PASS, &out, XLVS_RS_DECAPSULATED);
}

#define for_each_encapsulation(outer, inner)        \
	for (int outer = 4; outer <= 6; outer += 2) \
		for (int inner = 4; inner <= 6; inner += 2)

static void test_tunnel_packet_for_a_vip_loses_its_outer_header(void **state)
{
	(void)state;
	for_each_encapsulation(outer, inner)
	{
		struct packet packet = packet_of(outer, inner);

		expect_stripped(&packet);
	}
}

/* RFC 6040, figure 4. */
static void test_congestion_marks_are_combined(void **state)
{
	enum {
		LOST = -1
	};
	static const int table[4][4] = {
		/* outer:      not-ECT  ECT(1)   ECT(0)   CE */
		[NOT_ECT] = {NOT_ECT, NOT_ECT, NOT_ECT, LOST},
		[ECT1] = {ECT1, ECT1, ECT1, CE},
		[ECT0] = {ECT0, ECT1, ECT0, CE},
		[CE] = {CE, CE, CE, CE},
	};

	(void)state;
	for_each_encapsulation(outer, inner)
	{
		for (int i = 0; i < 16; i++) {
			struct packet packet = packet_of(outer, inner);
			struct frame in, out;
			int marked = table[i / 4][i % 4];

			packet.inner_ecn = i / 4;
			packet.outer_ecn = i % 4;
			in = build(&packet);
			if (marked == LOST) {
				expect(&in, XDP_DROP, &in, XLVS_RS_CONGESTION);
				continue;
			}
			packet.inner_ecn = marked;
			out = build_inner(&packet);
			expect(&in, XDP_PASS, &out, XLVS_RS_DECAPSULATED);
		}
	}
}

static void test_vip_with_directors_refuses_others(void **state)
{
	(void)state;
	for_each_encapsulation(outer, inner)
	{
		struct packet packet = packet_of(outer, inner);
		struct frame frame;

		packet.vip = closed_vip[inner];
		expect_stripped(&packet);
		packet.from = stranger[outer];
		frame = build(&packet);
		expect_untouched(&frame, XLVS_RS_WRONG_SOURCE);
	}
}

static void test_other_tunnels_are_left_alone(void **state)
{
	(void)state;
	for_each_encapsulation(outer, inner)
	{
		struct packet packet = packet_of(outer, inner);
		struct frame frame;

		packet.to = stranger[outer];
		frame = build(&packet);
		expect_untouched(&frame, NOT_COUNTED);

		packet = packet_of(outer, inner);
		packet.vip = stranger[inner];
		frame = build(&packet);
		expect_untouched(&frame, NOT_COUNTED);
	}
}

static void test_plain_packet_to_the_vip_is_left_alone(void **state)
{
	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct packet packet = packet_of(family, family);
		struct frame frame = build_inner(&packet);

		expect_untouched(&frame, NOT_COUNTED);
		put16(frame.data + 12, 0x0806); /* ARP */
		expect_untouched(&frame, NOT_COUNTED);
	}
}

static void test_deleted_vip_is_left_alone(void **state)
{
	struct xlvs_rs_vip vip = {.method = XLVS_RS_TUN, .n_directors = 1};
	struct packet packet = packet_of(4, 6);
	struct frame frame;

	(void)state;
	packet.vip = "2001:db8:1::30";
	assert_int_equal(xlvs_rs_address_parse(packet.vip, &vip.address, NULL), 0);
	assert_int_equal(xlvs_rs_address_parse(packet.from, &vip.directors[0], NULL), 0);
	assert_int_equal(xlvs_rs_decap_accept(&decap, &vip, NULL), 0);
	assert_true(xlvs_rs_decap_accepts(&decap, &vip));
	expect_stripped(&packet);
	xlvs_rs_decap_refuse(&decap, &vip);
	assert_false(xlvs_rs_decap_accepts(&decap, &vip));
	frame = build(&packet);
	expect_untouched(&frame, NOT_COUNTED);
}

/* Change a byte of the outer IPv4 header and make its checksum right again. */
static struct frame outer4_with(size_t offset, uint8_t value)
{
	struct packet packet = packet_of(4, 4);
	struct frame frame = build(&packet);

	frame.data[LINK_BYTES + offset] = value;
	if (offset)
		seal4(frame.data + LINK_BYTES);
	return frame;
}

static void test_outer_header_the_program_cannot_follow_is_left_alone(void **state)
{
	const struct frame frames[] = {
		outer4_with(0, 0x55), /* version */
		outer4_with(0, 0x46), /* options */
		outer4_with(6, 0x20), /* first fragment */
		outer4_with(7, 0x10), /* later fragment */
		outer4_with(9, UDP),
	};
	struct packet packet = packet_of(6, 4);
	struct frame frame = build(&packet);

	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
		expect_untouched(&frames[i], NOT_COUNTED);
	frame.data[LINK_BYTES + 6] = 60; /* destination options */
	expect_untouched(&frame, NOT_COUNTED);
	frame = build(&packet);
	frame.data[LINK_BYTES] = 0x4b; /* version */
	expect_untouched(&frame, NOT_COUNTED);
}

static void test_outer_header_that_is_wrong_is_left_alone_and_counted(void **state)
{
	struct frame frame = outer4_with(3, 19); /* total length: less than itself */

	(void)state;
	frame.data[LINK_BYTES + 2] = 0;
	seal4(frame.data + LINK_BYTES);
	expect_untouched(&frame, XLVS_RS_MALFORMED);
	frame = outer4_with(8, 63);
	frame.data[LINK_BYTES + 10] ^= 1; /* checksum */
	expect_untouched(&frame, XLVS_RS_MALFORMED);
}

static void test_inner_header_that_is_wrong_is_left_alone_and_counted(void **state)
{
	static const struct {
		int inner;
		size_t offset;
		uint8_t value;
	} faults[] = {
		{4, 0, 0x65}, /* version */
		{4, 0, 0x44}, /* header length */
		{4, 0, 0x4f}, /* header longer than the packet */
		{4, 3, 19}, /* total length: less than the header */
		{4, 3, 20 + PAYLOAD_BYTES + 1}, /* more than the outer header says */
		{4, 2, 0xff},
		{6, 0, 0x4b}, /* version */
		{6, 5, PAYLOAD_BYTES + 1},
		{6, 4, 0xff},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		for (int outer = 4; outer <= 6; outer += 2) {
			struct packet packet = packet_of(outer, faults[i].inner);
			struct frame inner = build_inner(&packet), frame;

			inner.data[LINK_BYTES + faults[i].offset] = faults[i].value;
			frame = wrap(&packet, &inner);
			expect_untouched(&frame, XLVS_RS_MALFORMED);
		}
	}
}

static void test_frame_cut_in_the_headers_is_left_alone(void **state)
{
	(void)state;
	for_each_encapsulation(outer, inner)
	{
		struct packet packet = packet_of(outer, inner);
		struct frame frame = build(&packet);
		size_t outer_end = LINK_BYTES + header_bytes(outer);

		frame.bytes = outer_end + header_bytes(inner);
		while (--frame.bytes >= LINK_BYTES)
			expect_untouched(&frame,
					 frame.bytes < outer_end ? NOT_COUNTED : XLVS_RS_MALFORMED);
	}
}

static void test_inner_options_fragments_and_link_padding_are_kept(void **state)
{
	struct packet packet = packet_of(4, 4);
	struct frame inner = build_inner(&packet), frame;

	(void)state;
	inner.data[LINK_BYTES] = 0x47; /* the first 8 bytes of payload become options */
	inner.data[LINK_BYTES + 6] = 0x20; /* more fragments */
	seal4(inner.data + LINK_BYTES);
	frame = wrap(&packet, &inner);
	memset(frame.data + frame.bytes, 0, 6);
	frame.bytes += 6;
	memset(inner.data + inner.bytes, 0, 6);
	inner.bytes += 6;
	expect(&frame, XDP_PASS, &inner, XLVS_RS_DECAPSULATED);
}

/* Blank what decapsulation may change: the ethertype, and the inner ECN bits with what depends on
 * them. */
static struct frame comparable(const struct frame *frame, size_t outer_bytes)
{
	struct frame out = {.bytes = frame->bytes - outer_bytes};
	uint8_t *inner = out.data + LINK_BYTES;

	memcpy(out.data, frame->data, 12);
	memcpy(inner, frame->data + LINK_BYTES + outer_bytes, out.bytes - LINK_BYTES);
	if (inner[0] >> 4 == 4) {
		inner[1] &= 0xfc;
		put16(inner + 10, 0);
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
		struct packet packet = packet_of(random() & 2 ? 4 : 6, random() & 2 ? 4 : 6);
		size_t outer = header_bytes(packet.outer);
		struct frame in = build(&packet), out, want, got;
		size_t headers = LINK_BYTES + outer + header_bytes(packet.inner);
		uint32_t action;

		for (long flips = random() % 3; flips >= 0; flips--)
			in.data[(size_t)random() % headers] ^= (uint8_t)(1 << random() % 8);
		if (packet.outer == 4 && random() & 2)
			seal4(in.data + LINK_BYTES);
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

static int load(void **state)
{
	struct xlvs_rs_vip vip = {.method = XLVS_RS_TUN};
	struct xlvs_error error = {};
	struct in6_addr locals[2];

	(void)state;
	if (xlvs_rs_decap_load(&decap, &error)) {
		fprintf(stderr, "%s\n", error.text);
		return -1;
	}
	for (int family = 4; family <= 6; family += 2) {
		vip.n_directors = 0;
		xlvs_rs_address_parse(local[family], &locals[family == 6], NULL);
		xlvs_rs_address_parse(open_vip[family], &vip.address, NULL);
		xlvs_rs_decap_accept(&decap, &vip, NULL);
		vip.n_directors = 2;
		xlvs_rs_address_parse(director[4], &vip.directors[0], NULL);
		xlvs_rs_address_parse(director[6], &vip.directors[1], NULL);
		xlvs_rs_address_parse(closed_vip[family], &vip.address, NULL);
		xlvs_rs_decap_accept(&decap, &vip, NULL);
	}
	return xlvs_rs_decap_set_locals(&decap, locals, 2, NULL);
}

static int unload(void **state)
{
	(void)state;
	xlvs_rs_decap_close(&decap);
	return 0;
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

	return cmocka_run_group_tests(tests, load, unload);
}
