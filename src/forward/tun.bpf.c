// SPDX-License-Identifier: GPL-2.0-or-later
/* Tunnels with a shim between the outer header and the packet inside: GUE, a UDP datagram whose
 * source port spreads flows over paths (draft-ietf-intarea-gue, version 0 without options), and
 * GRE (RFC 2784). A checksum is the full one, over bytes as they are sent: what has arrived broken
 * inside is seen to be broken by the inner checksum alone.
 *
 * "Remote checksum" leaves a transport checksum half made for the receiver to finish. Packets that
 * come by a wire have whole ones, and then it means a checksum of the outer datagram, as in IPVS.
 */
#include <linux/udp.h>

#include "forward/tun.bpf.h"

enum shim_constant {
	GRE_HAS_SUM = 0x8000,
	PORT_FIRST = 32768, /* of the range the kernel takes source ports from by default */
	PORTS = 60999 - PORT_FIRST + 1,
};

/* The destination's words, read once: an edit may come in between. */
struct shim {
	__u32 bytes;
	__be16 port;
	bool gue;
	bool has_sum;
	bool ipv4; /* the packet inside */
};

static __always_inline void read_shim(const struct xlvs_dest *dest, struct shim *shim)
{
	__u16 flags = *(volatile __u16 *)&dest->tunnel_flags;

	shim->gue = *(volatile __u8 *)&dest->tunnel_type == XLVS_TUNNEL_GUE;
	shim->port = *(volatile __be16 *)&dest->tunnel_port;
	shim->has_sum = flags & (XLVS_TUNNEL_CSUM | XLVS_TUNNEL_REMCSUM);
	if (shim->gue)
		shim->bytes = XLVS_GUE_BYTES;
	else
		shim->bytes = shim->has_sum ? XLVS_GRE_SUM_BYTES : XLVS_GRE_BYTES;
}

/* Make room and write everything but the shim. The room has been seen to suffice. */
static __always_inline int wrap(struct xdp_md *ctx, struct xlvs_tun *tun, __u32 shim_bytes)
{
	bool outer4 = tun->dest->family == XLVS_AF_INET;
	__u32 overhead = shim_bytes + (outer4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
	void *frame, *inner, *end;

	if (bpf_xdp_adjust_head(ctx, -(int)overhead))
		return -XLVS_DROP_NO_HEADROOM;
	/* The shortest packet and the shortest room together are longer. */
	if (!xlvs_frame(ctx, sizeof(struct ethhdr) + sizeof(struct ipv6hdr), &frame))
		return -XLVS_DROP_INTERNAL;
	end = (void *)(long)ctx->data_end;
	inner = frame + sizeof(struct ethhdr) + (overhead & 0x3f);
	if (inner + sizeof(struct iphdr) > end)
		return -XLVS_DROP_INTERNAL;
	if (tun->ipv4)
		xlvs_decrement_ttl(inner);
	else
		((struct ipv6hdr *)inner)->hop_limit--;
	tun->inner = inner;
	tun->ttl = xlvs_ttl(inner, tun->ipv4);
	if (outer4)
		xlvs_tun_write_ipv4(frame + sizeof(struct ethhdr), tun);
	else
		xlvs_tun_write_ipv6(frame + sizeof(struct ethhdr), tun);
	((struct ethhdr *)frame)->h_proto = outer4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	xlvs_write_macs(frame, tun->nexthop);
	return 0;
}

/* What the checksum of a UDP datagram covers besides the datagram. */
static __always_inline __u64 pseudo_sum(const struct xlvs_tun *tun)
{
	__u64 sum = bpf_htons(IPPROTO_UDP) + bpf_htons(tun->payload_bytes);

	for (int i = 0; i < (tun->dest->family == XLVS_AF_INET ? 1 : 4); i++)
		sum += (__u64)tun->nexthop->source[i] + tun->dest->address[i];
	return sum;
}

static __always_inline void write_gue(void *at, const struct xlvs_packet *pkt,
				      const struct xlvs_tun *tun, const struct shim *shim)
{
	struct udphdr *udp = at;

	udp->source = bpf_htons(PORT_FIRST + ((pkt->tuple.hash & 0xffffffff) * PORTS >> 32));
	udp->dest = shim->port;
	udp->len = bpf_htons(tun->payload_bytes);
	udp->check = 0;
	*(__be32 *)(at + sizeof(*udp)) =
		bpf_htonl((shim->ipv4 ? IPPROTO_IPIP : IPPROTO_IPV6) << 16);
}

static __always_inline void write_gre(void *at, const struct shim *shim)
{
	__u32 *words = at;

	words[0] = bpf_htonl((shim->has_sum ? (__u32)GRE_HAS_SUM << 16 : 0) |
			     (shim->ipv4 ? ETH_P_IP : ETH_P_IPV6));
	if (shim->has_sum)
		words[1] = 0;
}

/* The checksum of all behind the outer header, where the shim has its place. */
static __always_inline int seal(struct xdp_md *ctx, const struct xlvs_tun *tun,
				const struct shim *shim, __u32 offset)
{
	int sum = xlvs_udp_sum(ctx, offset, tun->payload_bytes);
	void *end = (void *)(long)ctx->data_end;
	void *at = (void *)(long)ctx->data + (offset & 0x3f);
	__u16 *check;

	if (sum < 0)
		return sum;
	check = at + (shim->gue ? (int)offsetof(struct udphdr, check) : XLVS_GRE_BYTES);
	if ((void *)(check + 1) > end)
		return -XLVS_DROP_INTERNAL;
	*check = ~xlvs_checksum_fold(sum + (shim->gue ? pseudo_sum(tun) : 0));
	if (shim->gue && !*check)
		*check = 0xffff;
	return 0;
}

int xlvs_tun_shim(struct xdp_md *ctx, struct xlvs_packet *pkt, struct xlvs_dest *dest,
		  struct xlvs_nexthop *nexthop)
{
	struct xlvs_tun tun = {.dest = dest, .nexthop = nexthop};
	struct shim shim = {};
	void *frame, *at;
	__u32 offset;
	int r;

	if (!pkt || !dest || !nexthop)
		return -XLVS_DROP_INTERNAL;
	tun.ipv4 = shim.ipv4 = pkt->tuple.family == XLVS_AF_INET;
	read_shim(dest, &shim);
	offset = sizeof(struct ethhdr) +
		 (dest->family == XLVS_AF_INET ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
	tun.payload_bytes = pkt->length_bytes + shim.bytes;
	tun.protocol = shim.gue ? IPPROTO_UDP : IPPROTO_GRE;
	if (!xlvs_fits(pkt, nexthop, offset - sizeof(struct ethhdr) + shim.bytes))
		return -XLVS_DROP_TOO_BIG;
	if (!xlvs_frame(ctx, sizeof(struct ethhdr) + sizeof(struct iphdr), &frame))
		return -XLVS_DROP_INTERNAL;
	if (xlvs_ttl(frame + sizeof(struct ethhdr), tun.ipv4) <= 1)
		return -XLVS_DROP_TTL_EXCEEDED;

	r = wrap(ctx, &tun, shim.bytes);
	if (r)
		return r;
	at = (void *)(long)ctx->data + (offset & 0x3f);
	if (at + XLVS_GUE_BYTES > (void *)(long)ctx->data_end)
		return -XLVS_DROP_INTERNAL;
	if (shim.gue)
		write_gue(at, pkt, &tun, &shim);
	else
		write_gre(at, &shim);
	if (shim.has_sum) {
		r = seal(ctx, &tun, &shim, offset);
		if (r)
			return r;
	}
	return xlvs_transmit(ctx, nexthop);
}
