/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network address translation: a request's destination becomes the real server's address and
 * port, a reply's source becomes the virtual ones again; TTL one less each way, checksums updated
 * by the difference. A UDP datagram that came without a checksum leaves with one. */
#ifndef XLVS_FORWARD_NAT_BPF_H
#define XLVS_FORWARD_NAT_BPF_H

#include <linux/in.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "forward/forward.bpf.h"

/* Address and port to write, which of the two ends they replace, and what was there. */
struct xlvs_rewrite {
	const __be32 *address;
	__be16 port;
	bool source;
};

static __always_inline __u64 xlvs_nat_port_delta(__be16 old, __be16 new)
{
	return (__u64)(__u16)~old + new;
}

/* Where the transport checksum stands; NULL past the frame, which the parser has ruled out. */
static __always_inline __u16 *xlvs_nat_checksum_of(void *l4, void *end, __u8 protocol)
{
	__u16 *check = l4 + (protocol == IPPROTO_TCP ? offsetof(struct tcphdr, check)
						     : offsetof(struct udphdr, check));

	return (void *)(check + 1) > end ? (void *)0 : check;
}

static __always_inline void xlvs_nat_update_checksum(__u16 *check, __u8 protocol, __u64 delta)
{
	*check = xlvs_checksum_update(*check, delta);
	if (protocol == IPPROTO_UDP && !*check)
		*check = 0xffff;
}

/* One's complement sums do not mind the order: addresses, ports, protocol and length are part of
 * the datagram's, and what `delta` says of them is added. */
static __always_inline __u16 xlvs_nat_full_checksum(const struct xlvs_packet *pkt,
						    __u32 datagram_sum, __u32 datagram_bytes,
						    __u64 delta, bool ipv4)
{
	__u64 sum = delta + datagram_sum + bpf_htons(IPPROTO_UDP) + bpf_htons(datagram_bytes);
	__u16 check;

	for (int i = 0; i < (ipv4 ? 1 : 4); i++)
		sum += (pkt->tuple.key.words[i] & 0xffffffff) + (pkt->tuple.key.words[i] >> 32);
	check = ~xlvs_checksum_fold(sum);
	return check ? check : 0xffff;
}

/* The address's share of the checksum's difference, the address written. */
static __always_inline __u64 xlvs_nat_write_ipv4(struct iphdr *ip, const struct xlvs_rewrite *to)
{
	__be32 *address = to->source ? &ip->saddr : &ip->daddr;
	__u64 delta = (__u64)(__u32) ~*address + to->address[0];

	*address = to->address[0];
	ip->check = xlvs_checksum_update(ip->check, delta);
	xlvs_decrement_ttl(ip);
	return delta;
}

static __always_inline __u64 xlvs_nat_write_ipv6(struct ipv6hdr *ip, const struct xlvs_rewrite *to)
{
	__be32 *address = to->source ? ip->saddr.in6_u.u6_addr32 : ip->daddr.in6_u.u6_addr32;
	__u64 delta = 0;

	for (int i = 0; i < 4; i++) {
		delta += (__u64)(__u32)~address[i] + to->address[i];
		address[i] = to->address[i];
	}
	ip->hop_limit--;
	return delta;
}

static __always_inline int xlvs_nat_forward(struct xdp_md *ctx, const struct xlvs_packet *pkt,
					    const struct xlvs_rewrite *to,
					    const struct xlvs_nexthop *nexthop, bool ipv4)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__be16 *ports = data + (pkt->l4_offset & 0x7f);
	__u32 datagram_bytes = pkt->length_bytes + sizeof(struct ethhdr) - pkt->l4_offset;
	__u16 *check;
	__u64 delta;
	int r, sum = -1;

	check = xlvs_nat_checksum_of(ports, end, pkt->tuple.protocol);
	if (!check || (void *)(ports + 2) > end ||
	    data + sizeof(struct ethhdr) + sizeof(struct iphdr) > end)
		return -XLVS_DROP_INTERNAL;
	r = xlvs_forward_check(pkt, xlvs_ttl(data + sizeof(struct ethhdr), ipv4), nexthop, 0);
	if (r)
		return r;

	if (pkt->tuple.protocol == IPPROTO_UDP && !*check)
		sum = xlvs_udp_sum(ctx, pkt->l4_offset, datagram_bytes);
	if (ipv4)
		delta = xlvs_nat_write_ipv4(data + sizeof(struct ethhdr), to);
	else if (data + sizeof(struct ethhdr) + sizeof(struct ipv6hdr) <= end)
		delta = xlvs_nat_write_ipv6(data + sizeof(struct ethhdr), to);
	else
		return -XLVS_DROP_INTERNAL;
	ports += !to->source;
	delta += xlvs_nat_port_delta(*ports, to->port);
	*ports = to->port;
	if (sum >= 0)
		*check = xlvs_nat_full_checksum(pkt, sum, datagram_bytes, delta, ipv4);
	else if (*check || pkt->tuple.protocol == IPPROTO_TCP)
		xlvs_nat_update_checksum(check, pkt->tuple.protocol, delta);
	xlvs_write_macs(data, nexthop);
	return xlvs_transmit(ctx, nexthop);
}

static __always_inline int xlvs_forward_nat(struct xdp_md *ctx, struct xlvs_packet *pkt,
					    struct xlvs_dest *dest, struct xlvs_nexthop *nexthop,
					    bool ipv4)
{
	struct xlvs_rewrite to = {
		.address = dest->address,
		.port = dest->port ? dest->port : pkt->tuple.dport,
		.source = false,
	};

	return xlvs_nat_forward(ctx, pkt, &to, nexthop, ipv4);
}

#endif
