/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the programs we compare with have in common: a five-tuple of IPv4, and ways to send a frame
 * back. */
#ifndef XLVS_BENCH_BASE_BPF_H
#define XLVS_BENCH_BASE_BPF_H

#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>

struct flow_key {
	__be32 saddr;
	__be32 daddr;
	__be32 ports;
	__u32 protocol;
};

/*
 * Writes the MACs of one Ethernet header, swapped, into another or the same. In words: struct
 * ethhdr is packed, and the compiler would go byte by byte.
 */
static __always_inline void turn_header(const void *from, void *to)
{
	const __u32 *words = from;
	__u32 dest = words[0], source_end = words[2];
	__u16 dest_end = ((const __u16 *)from)[2], source = ((const __u16 *)from)[3];

	((__u16 *)to)[0] = source;
	*(__u32 *)(to + 2) = source_end;
	*(__u32 *)(to + 6) = dest;
	((__u16 *)to)[5] = dest_end;
}

/* The frame's Ethernet header if it holds TCP or UDP over IPv4 without options, else NULL. */
static __always_inline struct ethhdr *parse_flow(struct xdp_md *ctx, struct flow_key *key)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	__be32 *ports = (void *)(ip + 1);

	if ((void *)(ports + 1) > (void *)(long)ctx->data_end)
		return NULL;
	if (eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5)
		return NULL;
	if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP)
		return NULL;

	key->saddr = ip->saddr;
	key->daddr = ip->daddr;
	key->ports = *ports;
	key->protocol = ip->protocol;
	return eth;
}

/* Puts an IPv4 header in front, checksum included, and sends the frame back with MACs swapped. */
static __always_inline int encapsulate(struct xdp_md *ctx, __be32 saddr, __be32 daddr)
{
	__u16 bytes = ctx->data_end - ctx->data - ETH_HLEN + sizeof(struct iphdr);
	struct ethhdr *outer;
	struct iphdr *ip;
	__u32 sum;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*ip)))
		return XDP_ABORTED;
	outer = (void *)(long)ctx->data;
	ip = (void *)(outer + 1);
	if ((void *)(ip + 1) + ETH_HLEN > (void *)(long)ctx->data_end)
		return XDP_ABORTED;

	turn_header((void *)outer + sizeof(*ip), outer);
	outer->h_proto = bpf_htons(ETH_P_IP);
	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tot_len = bpf_htons(bytes),
		.ttl = 64,
		.protocol = IPPROTO_IPIP,
		.saddr = saddr,
		.daddr = daddr,
	};
	sum = bpf_htons(0x4500) + bpf_htons(64 << 8 | IPPROTO_IPIP) + ip->tot_len;
	sum += (saddr & 0xffff) + (saddr >> 16) + (daddr & 0xffff) + (daddr >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = ~sum;
	return XDP_TX;
}

/* A connection of the programs that keep them in one of the kernel's own hash maps. */
struct connection {
	__be32 destination;
	__u32 packets;
	__u64 unused[7];
};

/* The connection of a key, made when it is not known yet; NULL when the map is full. */
static __always_inline struct connection *find(void *map, const struct flow_key *key)
{
	struct connection *known = bpf_map_lookup_elem(map, key);
	struct connection fresh = {};

	if (known)
		return known;
	/* 203.0.113.0/24, by the client: some of what a scheduler would do. */
	fresh.destination = bpf_htonl(0xcb007100 | (bpf_ntohl(key->saddr) & 0xff));
	if (bpf_map_update_elem(map, key, &fresh, BPF_ANY))
		return NULL;
	return bpf_map_lookup_elem(map, key);
}

#endif
