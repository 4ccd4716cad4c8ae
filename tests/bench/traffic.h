/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The traffic of a scenario: what one frame looks like and in which way frames differ. Knows words
 * ("dst=192.0.2.1:80") and bytes; knows nothing of programs or of BPF.
 */
#ifndef XLVS_BENCH_TRAFFIC_H
#define XLVS_BENCH_TRAFFIC_H

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdbool.h>

#include "driver.h"

enum traffic_kind {
	TRAFFIC_SYN,
	TRAFFIC_SYNACK,
	TRAFFIC_ACK,
	TRAFFIC_UDP,
};

struct traffic {
	enum traffic_kind kind;
	int family; /* AF_INET, AF_INET6 */
	struct in6_addr src;
	struct in6_addr dst; /* IPv4: in the last 32 bits */
	__u16 sport;
	__u16 dport;
	unsigned char mac[ETH_ALEN]; /* whom the frame is for */
	enum driver_vary vary;
	enum driver_order order;
	__u32 flows;
};

/* One TCP ACK of one flow, from 198.18.0.0:1024 to 192.0.2.1:80. */
void bench_traffic_init(struct traffic *traffic);

/* syn, synack, ack or udp. -EINVAL for any other word. */
int bench_traffic_kind(const char *word, enum traffic_kind *ret_kind);

/*
 * Takes one word of a scenario: frame=KIND, src=ADDRESS[:PORT], dst=ADDRESS[:PORT], mac=MAC,
 * vary=src|dst, flows=NUMBER|new. An IPv6 address with a port stands in brackets.
 * -ENOENT: not a word of traffic. -EINVAL: not a value it can have.
 */
int bench_traffic_word(struct traffic *traffic, const char *key, const char *value);

/* ADDRESS[:PORT]; without one the port stays. -EINVAL: not that. */
int bench_traffic_endpoint(struct traffic *traffic, const char *text, struct in6_addr *address,
			   __u16 *port);

/* Writes the template and the flow into a driver's configuration; what else is in it stays. */
void bench_traffic_template(const struct traffic *traffic, struct driver_config *config);

#endif
