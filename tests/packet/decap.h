/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The real server's decapsulation program for packet tests: loaded, told of one address of each
 * family and of two VIPs of each, and clients' requests in a director's tunnel packets. */
#ifndef XLVS_TESTS_PACKET_DECAP_H
#define XLVS_TESTS_PACKET_DECAP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/bpf.h>

#include "../lib/packet.h"
#include "realserver/decap.h"

enum decap_constant {
	PAYLOAD_BYTES = 24,
	NOT_COUNTED = -1,
	GUE_PORT = 6080,
	ENCAPSULATIONS = 4,
};

extern struct xlvs_rs_decap decap;

/* Addresses by family, 4 or 6. */
extern const char *const client[7];
extern const char *const local[7];
extern const char *const director[7];
extern const char *const stranger[7];
extern const char *const open_vip[7]; /* takes tunnels from anybody */
extern const char *const closed_vip[7]; /* from the directors alone */

extern const struct encapsulation {
	int outer;
	int inner;
} encapsulations[ENCAPSULATIONS];

struct request {
	struct packet outer;
	struct packet inner;
};

int decap_load(void **state);
int decap_unload(void **state);

/* To the open VIP, IP in IP. */
struct request request_of(int outer, int inner);
struct frame build_inner(const struct request *request);
struct frame build(const struct request *request);
size_t header_bytes(int family);

/* Write an IPv4 header's checksum anew, whatever else is wrong with it. */
void seal4(uint8_t *header);

struct frame run(const struct frame *in, uint32_t *ret_action);

/* Run, compare action and whole frame, and see that just `counted` went up. */
void expect(const struct frame *in, uint32_t action, const struct frame *out, int counted);
void expect_untouched(const struct frame *frame, int counted);
void expect_stripped(const struct request *request);

#endif
