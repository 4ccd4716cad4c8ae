// SPDX-License-Identifier: GPL-2.0-or-later
/* A router between director and destination cannot know the client: it tells the director, which
 * the tunnel begins at, and quotes the outer header. Behind that stand tunnel and request as they
 * were sent, so the connection is found by the request and the client is told what became of it,
 * as net/netfilter/ipvs/ip_vs_core.c does it for IPv4 in IPv4. Where only one of the headers is
 * IPv4, what the router means has no equal in the other family but "too big". */
#include <linux/in.h>

#include "abi/hash.h"
#include "datapath/connection.bpf.h"
#include "datapath/counters.bpf.h"
#include "datapath/icmp.bpf.h"
#include "datapath/route.bpf.h"
#include "forward/tun.bpf.h"

enum tunnel_constant {
	IPV4_FRAGMENT_OFFSET = 0x1fff,
	GRE_HAS_SUM = 0x80, /* in its first byte */
	/* No path is believed to carry less: net.ipv4.route.min_pmtu, RFC 8200. */
	PATH_MTU4_MIN = 552,
	PATH_MTU6_MIN = 1280,
};

/* What an error says, and the tunnel it quotes. */
struct tunnel_error {
	__be32 address[4]; /* the tunnel's end */
	__u32 quote_offset; /* of the packet inside */
	__u16 length_bytes; /* of the error */
	__u16 mtu_bytes; /* of "too big", else 0 */
	__u8 type;
	__u8 code;
	__u8 protocol; /* the outer header's */
	bool too_big;
	bool outer4;
	bool inner4;
	bool may_fragment; /* what is inside */
};

static __always_inline bool read_outer4(struct xdp_md *ctx, struct xlvs_packet *pkt,
					struct tunnel_error *error)
{
	const struct iphdr *outer = xlvs_icmp_quoted_ipv4(ctx, pkt);
	const struct xlvs_icmp_header *icmp = (const void *)outer - sizeof(*icmp);

	if (!outer || *(const __u8 *)outer != XLVS_IPV4_NO_OPTIONS ||
	    outer->frag_off & bpf_htons(IPV4_FRAGMENT_OFFSET))
		return false;
	error->outer4 = true;
	error->address[0] = outer->daddr;
	error->protocol = outer->protocol;
	error->type = icmp->type;
	error->code = icmp->code;
	error->too_big = error->type == XLVS_ICMP4_UNREACHABLE && error->code == XLVS_ICMP4_TOO_BIG;
	error->mtu_bytes = bpf_ntohs(icmp->mtu);
	error->quote_offset = XLVS_QUOTED4 + sizeof(*outer);
	return true;
}

static __always_inline bool read_outer6(struct xdp_md *ctx, struct xlvs_packet *pkt,
					struct tunnel_error *error)
{
	const struct ipv6hdr *outer = xlvs_icmp_quoted_ipv6(ctx, pkt);
	const struct xlvs_icmp_header *icmp = (const void *)outer - sizeof(*icmp);

	if (!outer || outer->version != 6)
		return false;
	__builtin_memcpy(error->address, &outer->daddr, sizeof(error->address));
	error->protocol = outer->nexthdr;
	error->type = icmp->type;
	error->code = icmp->code;
	error->too_big = error->type == XLVS_ICMP6_TOO_BIG;
	error->mtu_bytes = icmp->mtu_high ? 0xffff : bpf_ntohs(icmp->mtu);
	error->quote_offset = XLVS_QUOTED6 + sizeof(*outer);
	return true;
}

/* Step over what stands between outer header and packet; false when it is no tunnel of ours. */
static __always_inline bool skip_shim(struct xdp_md *ctx, struct tunnel_error *error)
{
	__u8 shim[XLVS_GUE_BYTES];
	__u32 protocol = error->protocol;

	if (protocol == IPPROTO_UDP || protocol == IPPROTO_GRE) {
		if (bpf_xdp_load_bytes(ctx, error->quote_offset, shim, sizeof(shim)))
			return false;
		if (protocol == IPPROTO_UDP) {
			error->quote_offset += XLVS_GUE_BYTES;
			protocol = shim[9]; /* behind the UDP header: version 0, no options */
		} else {
			error->quote_offset +=
				shim[0] & GRE_HAS_SUM ? XLVS_GRE_SUM_BYTES : XLVS_GRE_BYTES;
			protocol = shim[2] == ETH_P_IP >> 8 ? IPPROTO_IPIP : IPPROTO_IPV6;
		}
	}
	error->inner4 = protocol == IPPROTO_IPIP;
	return error->inner4 || protocol == IPPROTO_IPV6;
}

/* The packet inside, as its sender made it. Called, or the stack is deeper than the kernel allows.
 */
static __noinline bool read_inner(struct xdp_md *ctx, struct xlvs_packet *pkt,
				  struct tunnel_error *error)
{
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	} ip;
	__u32 ip_bytes = sizeof(ip.v6), ports[2], offset = error->quote_offset;

	if (bpf_xdp_load_bytes(ctx, offset, &ip, error->inner4 ? sizeof(ip.v4) : sizeof(ip.v6)))
		return false;
	if (ip.v4.version != (error->inner4 ? 4 : 6))
		return false;
	pkt->tuple.key = (union xlvs_endpoints){};
	if (error->inner4) {
		ip_bytes = ip.v4.ihl * 4U;
		error->may_fragment = !(ip.v4.frag_off & bpf_htons(XLVS_IPV4_DONT_FRAGMENT));
		pkt->tuple.kind = ip.v4.protocol | XLVS_AF_INET << 8;
		pkt->tuple.key.v4.saddr = ip.v4.saddr;
		pkt->tuple.key.v4.daddr = ip.v4.daddr;
	} else {
		pkt->tuple.kind = ip.v6.nexthdr | XLVS_AF_INET6 << 8;
		__builtin_memcpy(&pkt->tuple.key, &ip.v6.saddr, sizeof(pkt->tuple.key));
	}
	if (error->length_bytes + sizeof(struct ethhdr) < offset + ip_bytes + sizeof(ports) ||
	    bpf_xdp_load_bytes(ctx, offset + ip_bytes, ports, sizeof(ports)))
		return false;
	pkt->tuple.flags = 0;
	pkt->tuple.ports = ports[0];
	pkt->tuple.hash =
		error->inner4
			? xlvs_hash_ipv4(xlvs_constants.seed, pkt->tuple.key.v4.saddr,
					 pkt->tuple.key.v4.daddr, pkt->tuple.ports, pkt->tuple.kind)
			: xlvs_hash_ipv6(xlvs_constants.seed, pkt->tuple.key.words,
					 pkt->tuple.ports, pkt->tuple.kind);
	pkt->length_bytes = error->length_bytes + sizeof(struct ethhdr) - offset;
	return true;
}

/* The destination of the tunnelled connection that the packet inside belongs to, if the tunnel is
 * the one to it. */
static __always_inline struct xlvs_dest *
tunnel_of(struct xlvs_packet *pkt, const struct tunnel_error *error, __u32 *ret_dest)
{
	struct xlvs_dest *dest;
	struct xlvs_conn *conn;
	__u32 index;

	conn = xlvs_conn_find(&pkt->tuple, error->inner4, &index);
	if (!conn || conn->meta & XLVS_META_REPLY ||
	    (conn->meta & XLVS_META_METHOD) >> XLVS_META_METHOD_SHIFT != XLVS_FORWARD_tun)
		return (void *)0;
	*ret_dest = conn->dest;
	dest = xlvs_dest_at(conn->dest);
	if (!dest || (dest->family == XLVS_AF_INET) != error->outer4)
		return (void *)0;
	for (int i = 0; i < 4; i++)
		if (dest->address[i] != error->address[i])
			return (void *)0;
	return dest;
}

static __always_inline void tell_daemon(const struct xlvs_dest *dest, __u32 mtu_bytes)
{
	struct xlvs_event *event = bpf_ringbuf_reserve(&xlvs_events, sizeof(*event), 0);

	if (!event)
		return;
	event->ifindex = 0;
	event->mtu_bytes = mtu_bytes;
	event->family = dest->family;
	__builtin_memcpy(event->address, dest->address, sizeof(event->address));
	bpf_ringbuf_submit(event, 0);
}

/* What the path is believed to carry from now on, inside the tunnel; 0 when the director knows of
 * no path. */
static __always_inline __u32 learn(const struct tunnel_error *error, const struct xlvs_dest *dest)
{
	__u32 least = error->outer4 ? PATH_MTU4_MIN : PATH_MTU6_MIN;
	__u32 mtu = error->mtu_bytes < least ? least : error->mtu_bytes;
	__u32 index = *(volatile __u32 *)&dest->nexthop;
	const struct xlvs_nexthop *nexthop = bpf_map_lookup_elem(&xlvs_nexthops, &index);

	if (!index || !nexthop)
		return 0;
	if (mtu < nexthop->mtu_bytes)
		tell_daemon(dest, mtu);
	else
		mtu = nexthop->mtu_bytes;
	return mtu - xlvs_tun_overhead(dest);
}

/* False when the client is not to hear of it. */
static __always_inline bool find_word(const struct tunnel_error *error,
				      const struct xlvs_dest *dest, struct xlvs_icmp_word *word)
{
	*word = (struct xlvs_icmp_word){
		.quote_offset = error->quote_offset,
		.type = error->type,
		.code = error->code,
	};
	if (!error->too_big)
		return error->outer4 == error->inner4;
	word->mtu_bytes = learn(error, dest);
	word->type = error->inner4 ? XLVS_ICMP4_UNREACHABLE : XLVS_ICMP6_TOO_BIG;
	word->code = error->inner4 ? XLVS_ICMP4_TOO_BIG : 0;
	return word->mtu_bytes && !(error->inner4 && error->may_fragment);
}

int xlvs_icmp_tunnel(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;
	struct tunnel_error error = {};
	struct xlvs_icmp_word word;
	struct xlvs_dest *dest;
	__u32 dest_index;
	bool read;
	int r;

	if (!pkt || (void *)(eth + 1) > (void *)(long)ctx->data_end || eth->h_dest[0] & 1)
		return XLVS_NOT_OURS;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		read = read_outer4(ctx, pkt, &error);
	else
		read = eth->h_proto == bpf_htons(ETH_P_IPV6) && read_outer6(ctx, pkt, &error);
	error.length_bytes = pkt->length_bytes;
	if (!read || !skip_shim(ctx, &error) || !read_inner(ctx, pkt, &error))
		return XLVS_NOT_OURS;
	dest = tunnel_of(pkt, &error, &dest_index);
	if (!dest)
		return XLVS_NOT_OURS;
	if (!xlvs_icmp_sum_is_right(ctx, error.length_bytes, error.outer4))
		return -XLVS_DROP_ICMP_CHECKSUM;
	if (!find_word(&error, dest, &word))
		return XLVS_NOT_OURS;
	r = xlvs_icmp_tell_sender(ctx, pkt, &word);
	if (r >= 0)
		xlvs_count_out(dest_index, pkt->length_bytes);
	return r == XLVS_NOT_OURS || r >= 0 ? r : -XLVS_DROP_INTERNAL;
}
