// SPDX-License-Identifier: GPL-2.0-or-later
/* What others say about packets of a FULLNAT connection between address families (RFC 7915,
 * sections 4.2 and 5.2). The packet that is quoted gets the header it had when it came, and around
 * that the director makes an error of the other family, as it makes its own. */
#include <linux/in.h>

#include "datapath/connection.bpf.h"
#include "datapath/counters.bpf.h"
#include "datapath/icmp.bpf.h"
#include "forward/cross.bpf.h"

enum cross_constant {
	ICMP4_HOST = 1, /* codes of "unreachable" */
	ICMP4_PROTOCOL = 2,
	ICMP4_PRECEDENCE_VIOLATION = 14,
	ICMP4_HOST_PROHIBITED = 10,
	ICMP6_NO_ROUTE = 0,
	ICMP6_PROHIBITED = 1,
	ICMP6_CODES = 5, /* of those that have an equal */
	ICMP6_PARAMETER = 4, /* a type... */
	ICMP6_NEXT_HEADER = 1, /* ...and its code */
	NEXT_HEADER_OFFSET = 6, /* in an IPv6 header */
	/* Codes of "unreachable" by which an administrator forbids, one bit each. */
	ICMP4_PROHIBITED = 1 << 9 | 1 << 10 | 1 << 13 | 1 << 15,
	MTU6_MIN = 1280, /* what is no longer may be fragmented behind the director */
};

static __always_inline bool word_unreachable6(struct xlvs_icmp_word *word, __u8 code,
					      __u32 mtu_bytes)
{
	word->type = XLVS_ICMP6_UNREACHABLE;
	word->code = ICMP6_NO_ROUTE;
	if (code == ICMP4_PROTOCOL) {
		word->type = ICMP6_PARAMETER;
		word->code = ICMP6_NEXT_HEADER;
		word->mtu_bytes = NEXT_HEADER_OFFSET;
	} else if (code == XLVS_ICMP4_PORT) {
		word->code = XLVS_ICMP6_PORT;
	} else if (code == XLVS_ICMP4_TOO_BIG) {
		mtu_bytes += sizeof(struct ipv6hdr) - sizeof(struct iphdr);
		word->type = XLVS_ICMP6_TOO_BIG;
		word->mtu_bytes = mtu_bytes < MTU6_MIN ? MTU6_MIN : mtu_bytes;
	} else if (1U << (code & 31) & ICMP4_PROHIBITED) {
		word->code = ICMP6_PROHIBITED;
	}
	return code < 16 && code != ICMP4_PRECEDENCE_VIOLATION;
}

/* Each: false for what has no equal in the other family. */
static __always_inline bool word_in_ipv6(struct xlvs_icmp_word *word, __u8 type, __u8 code,
					 __u32 mtu_bytes)
{
	if (type == XLVS_ICMP4_UNREACHABLE)
		return word_unreachable6(word, code, mtu_bytes);
	word->type = XLVS_ICMP6_TIME_EXCEEDED;
	word->code = code;
	return type == XLVS_ICMP4_TIME_EXCEEDED;
}

static __always_inline bool word_in_ipv4(struct xlvs_icmp_word *word, __u8 type, __u8 code,
					 __u32 mtu_bytes)
{
	word->type = XLVS_ICMP4_UNREACHABLE;
	switch (type) {
	case XLVS_ICMP6_UNREACHABLE:
		word->code = code == ICMP6_PROHIBITED  ? ICMP4_HOST_PROHIBITED
			     : code == XLVS_ICMP6_PORT ? XLVS_ICMP4_PORT
						       : ICMP4_HOST;
		return code < ICMP6_CODES;
	case XLVS_ICMP6_TOO_BIG:
		word->code = XLVS_ICMP4_TOO_BIG;
		word->mtu_bytes = mtu_bytes - (sizeof(struct ipv6hdr) - sizeof(struct iphdr));
		return mtu_bytes >= MTU6_MIN;
	case XLVS_ICMP6_TIME_EXCEEDED:
		word->type = XLVS_ICMP4_TIME_EXCEEDED;
		word->code = code;
		return true;
	case ICMP6_PARAMETER:
		word->code = ICMP4_PROTOCOL;
		return code == ICMP6_NEXT_HEADER;
	default:
		return false;
	}
}

/* What an error says and quotes, before anything is written over it. */
struct quoted {
	struct xlvs_icmp_header icmp;
	struct xlvs_cross_header header;
	__u8 unused[2];
};

static __always_inline bool read_ipv4(struct xdp_md *ctx, struct quoted *quoted)
{
	const struct iphdr *inner;
	void *frame;

	if (!xlvs_frame(ctx, XLVS_QUOTED4 + sizeof(*inner), &frame))
		return false;
	inner = frame + XLVS_QUOTED4;
	quoted->icmp = *((const struct xlvs_icmp_header *)inner - 1);
	xlvs_cross_read_ipv4(inner, &quoted->header);
	quoted->header.protocol = inner->protocol;
	quoted->header.l4_bytes = bpf_ntohs(inner->tot_len) - inner->ihl * 4;
	return true;
}

static __always_inline bool read_ipv6(struct xdp_md *ctx, struct quoted *quoted)
{
	const struct ipv6hdr *inner;
	void *frame;

	if (!xlvs_frame(ctx, XLVS_QUOTED6 + sizeof(*inner), &frame))
		return false;
	inner = frame + XLVS_QUOTED6;
	quoted->icmp = *((const struct xlvs_icmp_header *)inner - 1);
	xlvs_cross_read_ipv6(inner, &quoted->header);
	quoted->header.protocol = inner->nexthdr;
	quoted->header.l4_bytes = bpf_ntohs(inner->payload_len);
	return true;
}

static __always_inline bool find_word(const struct quoted *quoted, bool ipv4,
				      struct xlvs_icmp_word *word)
{
	__u32 mtu_bytes = bpf_ntohs(quoted->icmp.mtu);

	if (ipv4)
		return word_in_ipv6(word, quoted->icmp.type, quoted->icmp.code, mtu_bytes);
	if (quoted->icmp.mtu_high)
		mtu_bytes = 0xffff;
	return word_in_ipv4(word, quoted->icmp.type, quoted->icmp.code, mtu_bytes);
}

/* The packet that is quoted, as its sender made it: `at` is where its header begins now. */
static __always_inline int write_quoted(struct xdp_md *ctx, const struct xlvs_conn *other,
					const struct xlvs_cross_header *header, __u32 at)
{
	void *l3 = (void *)(long)ctx->data + (at & 0x7f), *end = (void *)(long)ctx->data_end;
	__be16 *ports;

	if (other->family == XLVS_AF_INET) {
		ports = l3 + sizeof(struct iphdr);
		if ((void *)(ports + 2) > end)
			return -XLVS_DROP_INTERNAL;
		xlvs_cross_write_ipv4(l3, header, other->key.v4.saddr, other->key.v4.daddr);
	} else {
		ports = l3 + sizeof(struct ipv6hdr);
		if ((void *)(ports + 2) > end)
			return -XLVS_DROP_INTERNAL;
		xlvs_cross_write_ipv6(l3, header, other->key.v6.saddr, other->key.v6.daddr);
	}
	ports[0] = other->sport;
	ports[1] = other->dport;
	return 0;
}

int xlvs_icmp_cross(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	struct xlvs_conn *record, *other;
	struct xlvs_icmp_word word = {.relayed = true};
	struct quoted quoted = {};
	bool ipv4;
	int r;

	if (!pkt)
		return -XLVS_DROP_INTERNAL;
	record = xlvs_conn_at(pkt->record);
	if (!record)
		return -XLVS_DROP_INTERNAL;
	other = xlvs_conn_partner(record, pkt->record);
	if (!other)
		return XLVS_NOT_OURS;
	ipv4 = record->family == XLVS_AF_INET;
	if (!(ipv4 ? read_ipv4(ctx, &quoted) : read_ipv6(ctx, &quoted)))
		return -XLVS_DROP_INTERNAL;
	if (!find_word(&quoted, ipv4, &word))
		return -XLVS_DROP_OTHER_FAMILY;
	word.quote_offset = pkt->l4_offset - (ipv4 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	if (write_quoted(ctx, other, &quoted.header, word.quote_offset))
		return -XLVS_DROP_INTERNAL;
	pkt->tuple.key = other->key;
	pkt->tuple.flow = other->flow;
	pkt->length_bytes += sizeof(struct ethhdr) - word.quote_offset;
	if (record->meta & XLVS_META_REPLY)
		xlvs_count_out(record->dest, pkt->length_bytes);
	else
		xlvs_count_in(record->dest, pkt->length_bytes);
	r = xlvs_icmp_tell_sender(ctx, pkt, &word);
	return r < 0 ? -XLVS_DROP_NO_ROUTE : r;
}
