// SPDX-License-Identifier: GPL-2.0-or-later
#include "decap.h"

#include <bpf/bpf.h>
#include <stdio.h>

struct xlvs_rs_decap decap;

const char *const client[7] = {[4] = "198.51.100.7", [6] = "2001:db8:2::7"};
const char *const local[7] = {[4] = "192.0.2.2", [6] = "2001:db8::2"};
const char *const director[7] = {[4] = "192.0.2.1", [6] = "2001:db8::1"};
const char *const stranger[7] = {[4] = "192.0.2.66", [6] = "2001:db8::66"};
const char *const open_vip[7] = {[4] = "203.0.113.10", [6] = "2001:db8:1::10"};
const char *const closed_vip[7] = {[4] = "203.0.113.20", [6] = "2001:db8:1::20"};

const struct encapsulation encapsulations[ENCAPSULATIONS] = {{4, 4}, {4, 6}, {6, 4}, {6, 6}};

struct request request_of(int outer, int inner)
{
	struct request request = {
		.outer =
			{
				.dmac = {2, 0, 0, 0, 0, 2},
				.smac = {2, 0, 0, 0, 0, 1},
				.family = outer,
				.ttl = 63,
				.tos = 0xb8,
				.from = director[outer],
				.to = local[outer],
			},
		.inner =
			{
				.dmac = {2, 0, 0, 0, 0, 2},
				.smac = {2, 0, 0, 0, 0, 1},
				.family = inner,
				.protocol = PACKET_UDP,
				.ttl = 62,
				.tos = 0xb8,
				.from = client[inner],
				.to = open_vip[inner],
				.sport = 40000,
				.dport = 53,
				.payload_bytes = PAYLOAD_BYTES,
			},
	};

	return request;
}

struct frame build_inner(const struct request *request)
{
	struct frame frame;

	packet_build(&request->inner, &frame);
	return frame;
}

struct frame build(const struct request *request)
{
	struct frame inner = build_inner(request), frame;

	packet_wrap(&request->outer, &inner, &frame);
	return frame;
}

size_t header_bytes(int family)
{
	return family == 4 ? 20 : 40;
}

void seal4(uint8_t *header)
{
	uint32_t sum = 0;

	packet_put16(header + 10, 0);
	for (int i = 0; i < (header[0] & 15) * 4; i += 2)
		sum += packet_get16(header + i);
	sum = (sum & 0xffff) + (sum >> 16);
	packet_put16(header + 10, (uint16_t) ~((sum & 0xffff) + (sum >> 16)));
}

struct frame run(const struct frame *in, uint32_t *ret_action)
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

void expect(const struct frame *in, uint32_t action, const struct frame *out, int counted)
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

void expect_untouched(const struct frame *frame, int counted)
{
	expect(frame, XDP_PASS, frame, counted);
}

void expect_stripped(const struct request *request)
{
	struct frame in = build(request), out = build_inner(request);

	expect(&in, XDP_PASS, &out, XLVS_RS_DECAPSULATED);
}

int decap_load(void **state)
{
	struct xlvs_rs_vip vip = {.method = XLVS_RS_TUN, .gue_port = GUE_PORT};
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

int decap_unload(void **state)
{
	(void)state;
	xlvs_rs_decap_close(&decap);
	return 0;
}
