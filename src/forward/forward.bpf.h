/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The contract of a forwarding method: given a packet, its destination and a resolved next hop,
 * check everything, make room, then write, and return the XDP action; or return a negative reason
 * and leave the packet untouched. A method is `xlvs_forward_NAME()` in NAME.bpf.h: it is inlined
 * into the fast path, where a call costs as much as a search of the connection table. */
#ifndef XLVS_FORWARD_FORWARD_BPF_H
#define XLVS_FORWARD_FORWARD_BPF_H

#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>

#include "datapath/packet.bpf.h"
#include "forward/list.h"

/* The one's complement sum of the `bytes` bytes at `offset`, 0..0xffff as they lie in memory, or
 * -XLVS_DROP_INTERNAL for more than a jumbo frame holds. */
int xlvs_udp_sum(struct xdp_md *ctx, __u32 offset, __u32 bytes);

/* What the CRC32c of an SCTP packet of `bytes` bytes changes by (exclusive or, as all of this lies
 * in memory) when its ports change by `ports`. */
__u32 xlvs_sctp_sum_change(__u32 ports, __u32 bytes);

/* TTL or hop limit. */
static __always_inline __u8 xlvs_ttl(const void *l3, bool ipv4)
{
	return ipv4 ? ((const struct iphdr *)l3)->ttl : ((const struct ipv6hdr *)l3)->hop_limit;
}

/* Is there room for `overhead` bytes more on the next link? */
static __always_inline bool xlvs_fits(const struct xlvs_packet *pkt,
				      const struct xlvs_nexthop *nexthop, __u32 overhead)
{
	return pkt->length_bytes + overhead <= nexthop->mtu_bytes;
}

/* What a packet gains in length, modulo 2^32, by a header of family `to`. */
static __always_inline __u32 xlvs_header_growth(__u8 from, __u8 to)
{
	const __u32 growth = sizeof(struct ipv6hdr) - sizeof(struct iphdr);

	return (from == XLVS_AF_INET ? growth : 0) - (to == XLVS_AF_INET ? growth : 0);
}

/* May this packet be forwarded at all? */
static __always_inline int xlvs_forward_check(const struct xlvs_packet *pkt, __u8 ttl,
					      const struct xlvs_nexthop *nexthop)
{
	if (ttl <= 1)
		return xlvs_drop(XLVS_DROP_TTL_EXCEEDED);
	if (!xlvs_fits(pkt, nexthop, 0))
		return xlvs_drop(XLVS_DROP_TOO_BIG);
	return 0;
}

static __always_inline void xlvs_write_macs(void *frame, const struct xlvs_nexthop *nexthop)
{
	__u32 *macs = frame;

	macs[0] = nexthop->macs[0];
	macs[1] = nexthop->macs[1];
	macs[2] = nexthop->macs[2];
}

/* One's complement sums are kept in 64 bits while they grow and folded once. Up to 65,536 words of
 * 32 bits may have been added: then the first step leaves at most 2^32 + 65,535 and the others need
 * no fourth. */
static __always_inline __u16 xlvs_checksum_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* The same for up to 256 words, as headers have: no step is needed that brings it down to 32 bits.
 */
static __always_inline __u16 xlvs_checksum_fold_few(__u64 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* A checksum after `delta` (the sum of new words and of complemented old ones) was added to what
 * it covers (RFC 1624, equation 3). */
static __always_inline __u16 xlvs_checksum_update(__u16 checksum, __u64 delta)
{
	return ~xlvs_checksum_fold_few((__u16)~checksum + delta);
}

/* One less in the high byte of a 16-bit word is 0x0100 more in the checksum (RFC 1624). */
static __always_inline void xlvs_decrement_ttl(struct iphdr *ip)
{
	__u32 check = ip->check + (__u32)bpf_htons(0x0100);

	ip->ttl--;
	ip->check = check + (check >= 0xffff);
}

/* The other way round, for what goes no further. */
static __always_inline void xlvs_give_back_ttl(void *l3, bool ipv4)
{
	struct iphdr *ip = l3;
	__u32 check = ip->check + (__u32)bpf_htons(0xfeff);

	if (!ipv4) {
		((struct ipv6hdr *)l3)->hop_limit++;
		return;
	}
	ip->ttl++;
	ip->check = check + (check >= 0xffff);
}

static __always_inline int xlvs_transmit(struct xdp_md *ctx, const struct xlvs_nexthop *nexthop)
{
	if (nexthop->ifindex == ctx->ingress_ifindex)
		return XDP_TX;
	return bpf_redirect(nexthop->ifindex, 0);
}

#endif
