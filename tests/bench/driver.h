/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the harness tells the driver program, and what the driver keeps from one packet to the next.
 * Included by driver.bpf.c and by the harness. The harness writes these structures only while no
 * run is under way.
 */
#ifndef XLVS_BENCH_DRIVER_H
#define XLVS_BENCH_DRIVER_H

#include <linux/types.h>

enum {
	DRIVER_FRAME4_BYTES = 54, /* Ethernet 14, IPv4 20, TCP 20 or UDP 8 and 12 of payload */
	DRIVER_FRAME6_BYTES = 74, /* Ethernet 14, IPv6 40, TCP 20 or UDP 8 and 12 of payload */
	DRIVER_LEARNED_MAX = 16384,
	DRIVER_LINES = 8192, /* of 64 bytes: more than a first-level cache holds */
	DRIVER_TOUCH_MAX = 32,
};

/* Which side of a flow differs from one flow to the next. */
enum driver_vary {
	DRIVER_VARY_SOURCE,
	DRIVER_VARY_DESTINATION,
	DRIVER_VARY_LEARNED, /* both, from the list of learned flows */
};

/* The order in which flows come. */
enum driver_order {
	DRIVER_ORDER_RANDOM,
	DRIVER_ORDER_SWEEP, /* 0, 1, ... flows - 1, 0, ... */
	DRIVER_ORDER_NEW, /* 0, 1, ... and never again */
};

/* Host byte order; of an IPv6 address the last 32 bits. */
struct driver_flow {
	__u32 saddr;
	__u32 daddr;
	__u16 sport;
	__u16 dport;
	__u32 unused; /* elements of an array map begin at multiples of 8 */
};

struct driver_config {
	__u64 frame[(DRIVER_FRAME6_BYTES + 7) / 8]; /* the template: whatever a flow sets is zero */
	__u32 ip_sum; /* its header's words, added up */
	__u32 l4_sum; /* its payload's and pseudo header's words */
	__u32 udp;
	struct driver_flow flow; /* flow number zero */
	__u32 flows;
	__u32 vary;
	__u32 order;
	__u32 touch; /* cache lines touched before each packet */
	__u32 ifindex; /* generate4, generate6: where the frames go */
};

struct driver_state {
	__u64 random; /* never zero */
	__u32 next;
	__u32 line;
};

#endif
