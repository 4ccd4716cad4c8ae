// SPDX-License-Identifier: GPL-2.0-or-later
#include "forward/mss.bpf.h"

#include <linux/in.h>

#include "datapath/connection.bpf.h"
#include "datapath/route.bpf.h"
#include "forward/forward.bpf.h"
#include "forward/option.bpf.h"
#include "forward/tun.bpf.h"

int xlvs_mss_find(struct xlvs_tcp_options *options);

/* Where the size stands, from the first option on; negative when it does not. */
__noinline int xlvs_mss_find(struct xlvs_tcp_options *options)
{
	struct xlvs_option_walk walk = {};
	__u32 found = 0;

	if (!options)
		return -1;
	for (__u32 i = 0; i < XLVS_OPTIONS_MAX; i++) {
		__u32 byte = options->bytes[i], next = options->bytes[i + 1];

		if (i >= options->n_bytes)
			break;
		xlvs_option_step(&walk, byte, next);
		found = xlvs_choose(walk.start & xlvs_same(byte, XLVS_OPTION_MSS) &
					    xlvs_same(next, XLVS_OPTION_MSS_BYTES),
				    i + 1, found);
	}
	return (int)found - 1;
}

/* Write the size that stands `at` bytes into the options anew. Where that is not at a word of 16
 * bits its two bytes belong to different words, and change places in the sum. */
static __always_inline void store(struct xdp_md *ctx, const struct xlvs_packet *pkt, __u32 at,
				  __be16 from, __be16 to)
{
	__u16 delta = xlvs_checksum_fold_few((__u64)(__u16)~from + to);
	__u32 l4_offset = pkt->l4_offset & 0x7f;
	struct tcphdr *tcp;

	if (bpf_xdp_store_bytes(ctx, l4_offset + sizeof(*tcp) + at, &to, sizeof(to)))
		return;
	tcp = (void *)(long)ctx->data + l4_offset;
	if ((void *)(tcp + 1) > (void *)(long)ctx->data_end)
		return;
	tcp->check = xlvs_checksum_update(tcp->check, at & 1 ? __builtin_bswap16(delta) : delta);
}

int xlvs_mss_lower(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 most, __u32 less)
{
	struct xlvs_tcp_options options = {};
	__be16 from, to;
	__u32 mss;
	int at;

	if (!pkt || !xlvs_option_load(ctx, pkt, &options))
		return 0;
	at = xlvs_mss_find(&options);
	if (at < 0 || at > XLVS_OPTIONS_MAX - XLVS_OPTION_MSS_BYTES)
		return 0;
	__builtin_memcpy(&from, options.bytes + at + 2, sizeof(from));
	mss = bpf_ntohs(from);
	if (mss < XLVS_MSS_LEAST)
		return 0;
	to = bpf_htons((mss < most ? mss : most) - less);
	if (to != from)
		store(ctx, pkt, at + 2, from, to);
	return 0;
}

/* What fits on the way to a destination without being cut, both ways alike: of a reply's way the
 * client knows more than the director. */
static __always_inline __u32 fitting(struct xdp_md *ctx, const struct xlvs_packet *pkt,
				     struct xlvs_dest *dest, __u32 method)
{
	bool tunnelled = method == XLVS_FORWARD_tun;
	bool ipv4 =
		pkt->tuple.family == XLVS_AF_INET && (tunnelled || dest->family == XLVS_AF_INET);
	__u32 headers =
		sizeof(struct tcphdr) + (ipv4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
	struct xlvs_nexthop *nexthop;
	int r = 0;

	nexthop = xlvs_dest_nexthop(ctx, dest, method, &r);
	if (!nexthop)
		return XLVS_MSS_MOST;
	if (tunnelled)
		headers += xlvs_tun_overhead(dest);
	return nexthop->mtu_bytes > headers + XLVS_MSS_LEAST ? nexthop->mtu_bytes - headers
							     : XLVS_MSS_LEAST;
}

int xlvs_mss_clamp(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 dest_index, __u32 meta)
{
	struct xlvs_dest *dest = xlvs_dest_at(dest_index);
	__u32 most, method = (meta & XLVS_META_METHOD) >> XLVS_META_METHOD_SHIFT;
	void *frame;

	if (!pkt || !dest || dest->flags & XLVS_DEST_LOCAL || pkt->tuple.protocol != IPPROTO_TCP)
		return 0;
	most = *(volatile __u16 *)&dest->mss;
	if (!most || !xlvs_frame(ctx, sizeof(struct ethhdr) + sizeof(struct iphdr), &frame))
		return 0;
	if (xlvs_ttl(frame + sizeof(struct ethhdr), pkt->tuple.family == XLVS_AF_INET) <= 1)
		return 0; /* it is quoted to its sender as it came */
	if (most == XLVS_MSS_FITS)
		most = fitting(ctx, pkt, dest, method);
	return xlvs_mss_lower(ctx, pkt, most, 0);
}
