// SPDX-License-Identifier: GPL-2.0-or-later
/* The error is built around the packet: what is quoted of it stays where it is, the rest is cut
 * off, and the headers go before it. It comes from the address the packet went to, so that the
 * client knows nothing of the director's own; a server is told by the address it sends its replies
 * to, the director's. */
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>

#include "datapath/connection.bpf.h"
#include "datapath/counters.bpf.h"
#include "datapath/icmp.bpf.h"
#include "datapath/route.bpf.h"
#include "forward/forward.bpf.h"
#include "forward/tun.bpf.h"

enum answer_constant {
	QUOTE4_BYTES = 576 - sizeof(struct iphdr) - XLVS_ICMP_BYTES,
	QUOTE6_BYTES = 1280 - sizeof(struct ipv6hdr) - XLVS_ICMP_BYTES,
	TTL = 64,
	TOS_INTERNET_CONTROL = 0xc0,
	TOS_MASK = 0x1e,
	/* net.ipv4.icmp_ratelimit, icmp_msgs_per_sec and icmp_msgs_burst: an error costs its share
	 * of a second, in microseconds. */
	PEER_COST = 1000000,
	PEER_CREDIT = 6 * PEER_COST,
	ALL_COST = 1000,
	ALL_CREDIT = 50 * ALL_COST,
	PEERS = 4096,
};

/* Credit grows with time up to a burst, an error takes what it costs. */
struct bucket {
	__u32 filled_at_us;
	__u32 credit_us;
};

/* By the hash of the sender's address; the last is for all of them. Two CPUs that take at once may
 * take one too many. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PEERS + 1);
	__type(key, __u32);
	__type(value, struct bucket);
} xlvs_icmp_rates SEC(".maps");

/* An error to be sent. */
struct answer {
	struct xlvs_nexthop *nexthop;
	__be32 source[4];
	__u32 quote_offset; /* from where in the frame... */
	__u32 quote_bytes; /* ...so many are quoted */
	__u32 mtu_bytes; /* 0: none to be told */
	__u8 type;
	__u8 code;
	bool ipv4;
};

static __always_inline bool take(__u32 index, __u32 cost_us, __u32 most_us)
{
	struct bucket *bucket = bpf_map_lookup_elem(&xlvs_icmp_rates, &index);
	__u32 now_us = xlvs_now() * (1000000 / xlvs_constants.ticks_per_sec) | 1;
	__u32 credit_us = most_us;

	if (!bucket)
		return false;
	if (bucket->filled_at_us && now_us - bucket->filled_at_us < most_us - bucket->credit_us)
		credit_us = bucket->credit_us + (now_us - bucket->filled_at_us);
	if (credit_us < cost_us)
		return false;
	bucket->filled_at_us = now_us;
	bucket->credit_us = credit_us - cost_us;
	return true;
}

static __always_inline bool may_say(const struct xlvs_packet *pkt)
{
	__u64 address = pkt->tuple.family == XLVS_AF_INET
				? pkt->tuple.key.v4.saddr
				: pkt->tuple.key.words[0] ^ pkt->tuple.key.words[1];

	return take(((address | 1) * xlvs_constants.seed[0] >> 32) % PEERS, PEER_COST,
		    PEER_CREDIT) &&
	       take(PEERS, ALL_COST, ALL_CREDIT);
}

/* What the next link carries of a packet of family `from` to this destination. */
static __always_inline __u32 dest_mtu(const struct xlvs_dest *dest,
				      const struct xlvs_nexthop *nexthop, __u32 method, __u8 from)
{
	__u32 overhead = method == XLVS_FORWARD_tun ? xlvs_tun_overhead(dest) : 0;

	if (method == XLVS_FORWARD_cross)
		return nexthop->mtu_bytes + xlvs_header_growth(dest->family, from);
	return nexthop->mtu_bytes > overhead ? nexthop->mtu_bytes - overhead : 0;
}

/* Told to the server: about a reply. */
static __always_inline bool address_server(struct answer *answer, const struct xlvs_conn *record)
{
	const struct xlvs_conn *first = xlvs_conn_at(record->partner);
	struct xlvs_dest *dest = xlvs_dest_at(record->dest);
	struct xlvs_nexthop *gateway;
	__u32 index;

	if (!dest)
		return false;
	index = dest->nexthop;
	answer->nexthop = bpf_map_lookup_elem(&xlvs_nexthops, &index);
	if (!index || !answer->nexthop)
		return false;
	__builtin_memcpy(answer->source, answer->nexthop->source, sizeof(answer->source));
	gateway = xlvs_gateway_at(record->gateway - 1);
	if (gateway && first)
		answer->mtu_bytes =
			gateway->mtu_bytes + xlvs_header_growth(first->family, record->family);
	return true;
}

/* Told to the client, in the name of the virtual address: about a request. */
static __always_inline int address_client(struct xdp_md *ctx, struct xlvs_packet *pkt,
					  struct answer *answer, const struct xlvs_conn *conn)
{
	struct xlvs_nexthop *nexthop;
	struct xlvs_dest *dest;
	int r = 0;

	if (conn) {
		__u32 method = (conn->meta & XLVS_META_METHOD) >> XLVS_META_METHOD_SHIFT;

		dest = xlvs_dest_at(conn->dest);
		if (!dest)
			return -XLVS_DROP_INTERNAL;
		nexthop = xlvs_dest_nexthop(ctx, dest, method, &r);
		if (nexthop)
			answer->mtu_bytes = dest_mtu(dest, nexthop, method, pkt->tuple.family);
	}
	if (answer->ipv4)
		answer->source[0] = pkt->tuple.key.v4.daddr;
	else
		__builtin_memcpy(answer->source, pkt->tuple.key.v6.daddr, sizeof(answer->source));
	r = xlvs_route_client(ctx, &pkt->tuple);
	if (r < 0)
		return r;
	answer->nexthop = xlvs_gateway_at(r);
	return answer->nexthop ? 0 : -XLVS_DROP_INTERNAL;
}

static __always_inline void name_error(struct answer *answer, __u32 reason)
{
	if (reason == XLVS_DROP_TTL_EXCEEDED) {
		answer->type = answer->ipv4 ? XLVS_ICMP4_TIME_EXCEEDED : XLVS_ICMP6_TIME_EXCEEDED;
	} else if (reason == XLVS_DROP_TOO_BIG) {
		answer->type = answer->ipv4 ? XLVS_ICMP4_UNREACHABLE : XLVS_ICMP6_TOO_BIG;
		answer->code = answer->ipv4 ? XLVS_ICMP4_TOO_BIG : 0;
	} else {
		answer->type = answer->ipv4 ? XLVS_ICMP4_UNREACHABLE : XLVS_ICMP6_UNREACHABLE;
		answer->code = answer->ipv4 ? XLVS_ICMP4_PORT : XLVS_ICMP6_PORT;
	}
}

/* What is quoted has been forwarded as far as its TTL goes, in the kernel, when it is found to be
 * too big. False when the sender lets it be fragmented: it cannot be told. */
static __always_inline bool quote_too_big(void *l3, const struct answer *answer)
{
	if (!answer->mtu_bytes)
		return false;
	if (!answer->ipv4) {
		((struct ipv6hdr *)l3)->hop_limit--;
		return true;
	}
	if (!(((struct iphdr *)l3)->frag_off & bpf_htons(XLVS_IPV4_DONT_FRAGMENT)))
		return false;
	xlvs_decrement_ttl(l3);
	return true;
}

static __always_inline void write_ipv4(struct iphdr *ip, const struct answer *answer)
{
	const struct iphdr *quoted = (void *)ip + sizeof(*ip) + XLVS_ICMP_BYTES;
	__u8 tos = (quoted->tos & TOS_MASK) | TOS_INTERNET_CONTROL;
	__u32 *words = (void *)ip;

	words[0] = XLVS_IPV4_FIRST_BYTE | tos << 8 |
		   (__u32)bpf_htons(sizeof(*ip) + XLVS_ICMP_BYTES + answer->quote_bytes) << 16;
	words[1] = (__u16)bpf_get_prandom_u32();
	words[2] = TTL | IPPROTO_ICMP << 8;
	words[3] = answer->source[0];
	words[4] = quoted->saddr;
	ip->check =
		~xlvs_checksum_fold((__u64)words[0] + words[1] + words[2] + words[3] + words[4]);
}

static __always_inline void write_ipv6(struct ipv6hdr *ip, const struct answer *answer)
{
	const struct ipv6hdr *quoted = (void *)ip + sizeof(*ip) + XLVS_ICMP_BYTES;

	*(__be32 *)ip = bpf_htonl(6U << 28);
	ip->payload_len = bpf_htons(XLVS_ICMP_BYTES + answer->quote_bytes);
	ip->nexthdr = IPPROTO_ICMPV6;
	ip->hop_limit = TTL;
	__builtin_memcpy(&ip->saddr, answer->source, sizeof(ip->saddr));
	ip->daddr = quoted->saddr;
}

/* The sum of what an ICMPv6 checksum covers besides the message. */
static __always_inline __u64 pseudo_sum(const struct ipv6hdr *ip)
{
	const __u32 *addresses = (const void *)&ip->saddr;
	__u64 sum = (__u64)ip->payload_len + bpf_htons(IPPROTO_ICMPV6);

	for (int i = 0; i < 8; i++)
		sum += addresses[i];
	return sum;
}

/* The headers go before what is quoted, and the frame ends with it. */
static __always_inline int cut(struct xdp_md *ctx, const struct answer *answer, __u32 header_bytes)
{
	__s64 frame_bytes = (void *)(long)ctx->data_end - (void *)(long)ctx->data;
	int before = (int)(answer->quote_offset - sizeof(struct ethhdr) - header_bytes);

	/* Or the difference is taken in 32 bits, which the verifier allows of numbers alone. */
	asm volatile("" : "+r"(frame_bytes));
	if (bpf_xdp_adjust_tail(ctx,
				(int)(answer->quote_offset + answer->quote_bytes - frame_bytes)))
		return -XLVS_DROP_INTERNAL;
	return bpf_xdp_adjust_head(ctx, before) ? -XLVS_DROP_NO_HEADROOM : 0;
}

static __always_inline int write(struct xdp_md *ctx, const struct answer *answer, __u32 ip_bytes)
{
	__u32 offset = sizeof(struct ethhdr) + ip_bytes;
	struct ethhdr *eth;
	__u16 *icmp;
	__u64 sum;
	void *frame;
	int r;

	if (!xlvs_frame(ctx, offset + XLVS_ICMP_BYTES + ip_bytes, &frame))
		return -XLVS_DROP_INTERNAL;
	eth = frame;
	xlvs_write_macs(frame, answer->nexthop);
	eth->h_proto = answer->ipv4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	if (answer->ipv4)
		write_ipv4(frame + sizeof(*eth), answer);
	else
		write_ipv6(frame + sizeof(*eth), answer);
	icmp = frame + offset;
	icmp[0] = answer->type | answer->code << 8;
	icmp[1] = 0;
	icmp[2] = 0; /* IPv6: the MTU has 32 bits; IPv4: it is the lower 16 */
	icmp[3] = bpf_htons(answer->mtu_bytes);

	r = xlvs_udp_sum(ctx, offset, XLVS_ICMP_BYTES + answer->quote_bytes);
	if (r < 0 || !xlvs_frame(ctx, offset + XLVS_ICMP_BYTES, &frame))
		return -XLVS_DROP_INTERNAL;
	icmp = frame + offset;
	sum = r;
	if (!answer->ipv4)
		sum += pseudo_sum(frame + sizeof(*eth));
	icmp[1] = ~xlvs_checksum_fold(sum);
	return xlvs_transmit(ctx, answer->nexthop);
}

/* Who is told and what; 0, or XLVS_NOT_OURS to say nothing. */
static __always_inline int prepare(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 reason,
				   struct answer *answer)
{
	struct xlvs_conn *conn = (void *)0;
	__u32 index;
	void *frame;
	int r;

	if (reason != XLVS_DROP_NO_DEST)
		conn = xlvs_conn_find(&pkt->tuple, answer->ipv4, &index);
	if (conn && conn->meta & XLVS_META_REPLY) {
		if (!address_server(answer, conn))
			return XLVS_NOT_OURS;
	} else {
		r = address_client(ctx, pkt, answer, conn);
		if (r)
			return XLVS_NOT_OURS;
	}
	name_error(answer, reason);
	if (reason != XLVS_DROP_TOO_BIG) {
		answer->mtu_bytes = 0;
		if (!may_say(pkt))
			return XLVS_NOT_OURS;
	} else {
		if (!xlvs_frame(ctx, sizeof(struct ethhdr) + sizeof(struct ipv6hdr), &frame) ||
		    !quote_too_big(frame + sizeof(struct ethhdr), answer))
			return XLVS_NOT_OURS;
	}
	answer->quote_offset = sizeof(struct ethhdr);
	return 0;
}

static __always_inline int send(struct xdp_md *ctx, const struct xlvs_packet *pkt,
				struct answer *answer)
{
	__u32 most = answer->ipv4 ? (__u32)QUOTE4_BYTES : (__u32)QUOTE6_BYTES;
	int r;

	answer->quote_bytes = pkt->length_bytes < most ? pkt->length_bytes : most;
	if (answer->ipv4) {
		r = cut(ctx, answer, sizeof(struct iphdr) + XLVS_ICMP_BYTES);
		r = r ? r : write(ctx, answer, sizeof(struct iphdr));
	} else {
		r = cut(ctx, answer, sizeof(struct ipv6hdr) + XLVS_ICMP_BYTES);
		r = r ? r : write(ctx, answer, sizeof(struct ipv6hdr));
	}
	if (r >= 0)
		xlvs_count_reason(XLVS_EVENT_ICMP_SENT);
	return r;
}

int xlvs_icmp_answer(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 reason)
{
	struct answer answer = {};
	int r;

	if (!pkt)
		return -XLVS_DROP_INTERNAL;
	answer.ipv4 = pkt->tuple.family == XLVS_AF_INET;
	r = prepare(ctx, pkt, reason, &answer);
	if (r)
		return r;
	return send(ctx, pkt, &answer);
}

int xlvs_icmp_tell_sender(struct xdp_md *ctx, struct xlvs_packet *pkt, struct xlvs_icmp_word *word)
{
	struct answer answer = {};

	if (!pkt || !word)
		return -XLVS_DROP_INTERNAL;
	answer.ipv4 = pkt->tuple.family == XLVS_AF_INET;
	if (address_client(ctx, pkt, &answer, (void *)0) ||
	    (!word->mtu_bytes && !word->relayed && !may_say(pkt)))
		return XLVS_NOT_OURS;
	answer.type = word->type;
	answer.code = word->code;
	answer.mtu_bytes = word->mtu_bytes;
	answer.quote_offset = word->quote_offset;
	return send(ctx, pkt, &answer);
}
