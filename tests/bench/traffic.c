// SPDX-License-Identifier: GPL-2.0-or-later
#include "traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_words[] = {
	[TRAFFIC_SYN] = "syn",
	[TRAFFIC_SYNACK] = "synack",
	[TRAFFIC_ACK] = "ack",
	[TRAFFIC_UDP] = "udp",
};

enum {
	L4_BYTES = 20,
};

static const unsigned char source_mac[ETH_ALEN] = {0x02, 0, 0, 0, 0, 0x01};

void bench_traffic_init(struct traffic *traffic)
{
	*traffic = (struct traffic){
		.kind = TRAFFIC_ACK,
		.family = AF_INET,
		.sport = 1024,
		.dport = 80,
		.mac = {0x02, 0, 0, 0, 0, 0x02},
		.flows = 1,
	};
	traffic->src.s6_addr32[3] = htonl(0xc6120000);
	traffic->dst.s6_addr32[3] = htonl(0xc0000201);
}

int bench_traffic_kind(const char *word, enum traffic_kind *ret_kind)
{
	for (unsigned int i = 0; i < sizeof(kind_words) / sizeof(*kind_words); i++) {
		if (strcmp(word, kind_words[i]))
			continue;
		*ret_kind = i;
		return 0;
	}
	return -EINVAL;
}

static int parse_number(const char *text, unsigned long max, unsigned long *ret_number)
{
	char *end;

	errno = 0;
	*ret_number = strtoul(text, &end, 10);
	return errno || end == text || *end || *ret_number > max ? -EINVAL : 0;
}

int bench_traffic_endpoint(struct traffic *traffic, const char *text, struct in6_addr *address,
			   __u16 *port)
{
	char host[INET6_ADDRSTRLEN + 1] = "", service[8] = "";
	struct in6_addr parsed = {};
	unsigned long number = *port;

	if (sscanf(text, "[%46[^]]]:%7s", host, service) < 1 &&
	    (strchr(text, ':') != strrchr(text, ':') ||
	     sscanf(text, "%46[^:]:%7s", host, service) < 1))
		snprintf(host, sizeof(host), "%s", text);
	if (*service && parse_number(service, UINT16_MAX, &number))
		return -EINVAL;

	if (inet_pton(AF_INET, host, &parsed.s6_addr32[3]) == 1)
		traffic->family = AF_INET;
	else if (inet_pton(AF_INET6, host, &parsed) == 1)
		traffic->family = AF_INET6;
	else
		return -EINVAL;
	*address = parsed;
	*port = number;
	return 0;
}

static int parse_flows(struct traffic *traffic, const char *value)
{
	unsigned long number;

	if (!strcmp(value, "new")) {
		traffic->order = DRIVER_ORDER_NEW;
		traffic->flows = 0;
		return 0;
	}
	if (parse_number(value, 1UL << 30, &number) || !number)
		return -EINVAL;
	traffic->order = DRIVER_ORDER_RANDOM;
	traffic->flows = number;
	return 0;
}

static int parse_vary(struct traffic *traffic, const char *value)
{
	if (!strcmp(value, "src"))
		traffic->vary = DRIVER_VARY_SOURCE;
	else if (!strcmp(value, "dst"))
		traffic->vary = DRIVER_VARY_DESTINATION;
	else
		return -EINVAL;
	return 0;
}

int bench_traffic_word(struct traffic *traffic, const char *key, const char *value)
{
	if (!strcmp(key, "frame"))
		return bench_traffic_kind(value, &traffic->kind);
	if (!strcmp(key, "src"))
		return bench_traffic_endpoint(traffic, value, &traffic->src, &traffic->sport);
	if (!strcmp(key, "dst"))
		return bench_traffic_endpoint(traffic, value, &traffic->dst, &traffic->dport);
	if (!strcmp(key, "mac"))
		return ether_aton_r(value, (struct ether_addr *)traffic->mac) ? 0 : -EINVAL;
	if (!strcmp(key, "vary"))
		return parse_vary(traffic, value);
	if (!strcmp(key, "flows"))
		return parse_flows(traffic, value);
	return -ENOENT;
}

static __u32 add_words(const void *data, size_t length_bytes)
{
	__u32 sum = 0;
	__u16 word;

	for (size_t i = 0; i + 1 < length_bytes; i += 2) {
		memcpy(&word, (const char *)data + i, sizeof(word));
		sum += word;
	}
	return sum;
}

/* The header without what a flow sets; returns where the transport header begins. */
static void *write_ip(const struct traffic *traffic, void *at, __u8 protocol)
{
	struct iphdr *ip4 = at;
	struct ip6_hdr *ip6 = at;

	if (traffic->family == AF_INET) {
		*ip4 = (struct iphdr){
			.version = 4,
			.ihl = 5,
			.tot_len = htons(sizeof(*ip4) + L4_BYTES),
			.frag_off = htons(IP_DF),
			.ttl = 64,
			.protocol = protocol,
		};
		return ip4 + 1;
	}
	*ip6 = (struct ip6_hdr){
		.ip6_src = traffic->src,
		.ip6_dst = traffic->dst,
	};
	ip6->ip6_flow = htonl(6U << 28);
	ip6->ip6_plen = htons(L4_BYTES);
	ip6->ip6_nxt = protocol;
	ip6->ip6_hlim = 64;
	ip6->ip6_src.s6_addr32[3] = 0;
	ip6->ip6_dst.s6_addr32[3] = 0;
	return ip6 + 1;
}

static void write_l4(const struct traffic *traffic, void *at)
{
	struct tcphdr *tcp = at;
	struct udphdr *udp = at;

	if (traffic->kind == TRAFFIC_UDP) {
		*udp = (struct udphdr){.len = htons(L4_BYTES)};
		return;
	}
	*tcp = (struct tcphdr){
		.seq = htonl(1000),
		.doff = sizeof(*tcp) / 4,
		.syn = traffic->kind != TRAFFIC_ACK,
		.ack = traffic->kind != TRAFFIC_SYN,
		.window = htons(512),
	};
	if (tcp->ack)
		tcp->ack_seq = htonl(2000);
}

void bench_traffic_template(const struct traffic *traffic, struct driver_config *config)
{
	__u8 protocol = traffic->kind == TRAFFIC_UDP ? IPPROTO_UDP : IPPROTO_TCP;
	struct ether_header *eth = (void *)config->frame;
	void *l4;

	memset(config->frame, 0, sizeof(config->frame));
	memcpy(eth->ether_dhost, traffic->mac, ETH_ALEN);
	memcpy(eth->ether_shost, source_mac, ETH_ALEN);
	eth->ether_type = htons(traffic->family == AF_INET ? ETHERTYPE_IP : ETHERTYPE_IPV6);
	l4 = write_ip(traffic, eth + 1, protocol);
	write_l4(traffic, l4);

	config->ip_sum = add_words(eth + 1, (char *)l4 - (char *)(eth + 1));
	config->l4_sum = add_words(l4, L4_BYTES) + htons(L4_BYTES) + htons(protocol);
	if (traffic->family == AF_INET6) /* the prefixes, which no flow changes */
		config->l4_sum += add_words(&traffic->src, 12) + add_words(&traffic->dst, 12);
	config->udp = traffic->kind == TRAFFIC_UDP;
	config->flow = (struct driver_flow){
		.saddr = ntohl(traffic->src.s6_addr32[3]),
		.daddr = ntohl(traffic->dst.s6_addr32[3]),
		.sport = traffic->sport,
		.dport = traffic->dport,
	};
	config->flows = traffic->flows;
	config->vary = traffic->vary;
	config->order = traffic->order;
}
