// SPDX-License-Identifier: GPL-2.0-or-later
/* The option stands first, so that a receiver meets it before anything the client has sent, and the
 * client's own options follow. Where both are too long the client's are packed: without padding
 * first, then the timestamp alone, which a connection that has agreed on it cannot do without. */
#include "forward/toa.bpf.h"

#include <linux/in.h>
#include <linux/tcp.h>

#include "datapath/connection.bpf.h"
#include "datapath/counters.bpf.h"
#include "forward/forward.bpf.h"
#include "forward/mss.bpf.h"
#include "forward/option.bpf.h"

enum toa_constant {
	OPTION_TIMESTAMP = 8,
	OPTION_FAST_OPEN = 34,
	TOA4_BYTES = 8,
	TOA6_BYTES = 20,
	MSS_ANY = 0xffff,
	GROWTH_MASK = 0x1c, /* 4 to TOA6_BYTES */
	HEADERS_MAX = 128, /* before the options */
	IP4_FRAGMENT = 0x3fff, /* more fragments, or an offset */
};

/* What is worked on; the stack is too small for it at the end of the longest chain of calls. */
struct work {
	struct xlvs_tcp_options from;
	struct xlvs_tcp_options to;
	struct xlvs_option_walk walk;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct work);
} xlvs_toa_work SEC(".maps");

enum packing {
	PACK_NONE, /* all as it is, forged options blanked */
	PACK_PADDING, /* without them and padding */
	PACK_TIMESTAMP, /* nothing but that */
};

int xlvs_toa_pack(struct work *work, __u32 kinds, __u32 packing);
int xlvs_toa_gain(struct xlvs_tcp_options *from, struct xlvs_tcp_options *to);

static __always_inline struct work *begin_work(void)
{
	__u32 zero = 0;
	struct work *work = bpf_map_lookup_elem(&xlvs_toa_work, &zero);

	if (work)
		*work = (struct work){};
	return work;
}

/* Append to `to` what of `from` remains; `kinds` are two kinds that are blanked. Global, as the
 * others: so the verifier goes through it once. All stands in memory, for the stack is short. */
__noinline int xlvs_toa_pack(struct work *work, __u32 kinds, __u32 packing)
{
	__u32 all = xlvs_same(packing, PACK_NONE), timestamp = xlvs_same(packing, PACK_TIMESTAMP);
	struct xlvs_option_walk *walk;

	if (!work)
		return -XLVS_DROP_INTERNAL;
	walk = &work->walk;
	*walk = (struct xlvs_option_walk){};
	for (__u32 i = 0; i < XLVS_OPTIONS_MAX; i++) {
		__u32 byte = work->from.bytes[i], is_forged, wanted;

		if (i >= work->from.n_bytes)
			break;
		xlvs_option_step(walk, byte, work->from.bytes[i + 1]);
		is_forged = xlvs_same(byte, kinds & 0xff) | xlvs_same(byte, kinds >> 8);
		walk->forged =
			xlvs_choose(walk->start, is_forged, walk->forged) & (1 - walk->ended);
		wanted = xlvs_choose(timestamp, xlvs_same(byte, OPTION_TIMESTAMP),
				     (1 - xlvs_same(byte, XLVS_OPTION_NOP)) & (1 - is_forged));
		walk->keep = xlvs_choose(walk->start, wanted, walk->keep) & (1 - walk->ended);
		work->to.bytes[work->to.n_bytes & 63] =
			(walk->keep | all) * xlvs_choose(walk->forged, XLVS_OPTION_NOP, byte);
		work->to.n_bytes += walk->keep | all;
	}
	return 0;
}

/* What the packet's sum gains when `to` takes the place of `from`, folded. */
__noinline int xlvs_toa_gain(struct xlvs_tcp_options *from, struct xlvs_tcp_options *to)
{
	__u64 total = 0;

	if (!from || !to)
		return 0;
	for (__u32 i = 0; i < sizeof(to->words) / sizeof(*to->words); i++)
		total += (__u64)(__u32)~from->words[i] + to->words[i];
	return xlvs_checksum_fold(total);
}

/* Make room for `growth` bytes behind the first `bytes`. */
static __always_inline int make_room(struct xdp_md *ctx, __u32 growth, __u32 bytes)
{
	const __u16 *from;
	__u16 *to;
	void *end;

	if (bpf_xdp_adjust_head(ctx, -(int)growth))
		return -XLVS_DROP_NO_HEADROOM;
	end = (void *)(long)ctx->data_end;
	to = (void *)(long)ctx->data;
	asm volatile("" : "+r"(growth)); /* its bounds are forgotten on Linux 6.1 */
	from = (void *)(long)ctx->data + (growth & GROWTH_MASK);
	for (__u32 i = 0; i < HEADERS_MAX; i += sizeof(*to)) {
		if (i >= bytes)
			return 0;
		if ((void *)(from + 1) > end || (void *)(to + 1) > end)
			break;
		*to++ = *from++;
	}
	return -XLVS_DROP_INTERNAL;
}

/* Say in the headers that there are `growth` bytes more; `delta` is what the sum of the options
 * gained. */
static __always_inline int seal(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 growth,
				__u64 delta)
{
	void *end = (void *)(long)ctx->data_end;
	void *data = (void *)(long)ctx->data;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct ipv6hdr *ip6 = (void *)ip;
	__u16 *tcp = data + (pkt->l4_offset & 0x7f), *doff = tcp + 6, *check = tcp + 8;
	__be16 length;

	if ((void *)(check + 1) > end || (void *)(ip6 + 1) > end)
		return -XLVS_DROP_INTERNAL;
	pkt->length_bytes += growth;
	if (pkt->tuple.family == XLVS_AF_INET) {
		length = bpf_htons(pkt->length_bytes);
		ip->check = xlvs_checksum_update(ip->check, (__u64)(__u16)~ip->tot_len + length);
		ip->tot_len = length;
	} else {
		ip6->payload_len = bpf_htons(pkt->length_bytes - sizeof(*ip6));
	}
	delta += bpf_htons(growth) + (__u64)(__u16) ~*doff;
	*doff += growth << 2; /* words, in the high half of the first byte */
	*check = xlvs_checksum_update(*check, delta + *doff);
	return 0;
}

/* Replace the packet's options by `to`, which are no fewer bytes. */
static __always_inline int store(struct xdp_md *ctx, struct xlvs_packet *pkt,
				 struct xlvs_tcp_options *from, struct xlvs_tcp_options *to)
{
	__u32 growth = to->n_bytes - from->n_bytes, n_bytes = to->n_bytes;
	__u32 offset = (pkt->l4_offset & 0x7f) + sizeof(struct tcphdr);
	int r;

	asm volatile("" : "+r"(n_bytes));
	if (n_bytes < XLVS_OPTIONS_LEAST || n_bytes > XLVS_OPTIONS_MAX || growth > TOA6_BYTES)
		return 0;
	r = growth ? make_room(ctx, growth, offset) : 0;
	if (!r && bpf_xdp_store_bytes(ctx, offset, to->bytes, n_bytes))
		r = -XLVS_DROP_INTERNAL;
	return r ? r : seal(ctx, pkt, growth, xlvs_toa_gain(from, to));
}

/* Will it leave at all, `growth` bytes longer? What is dropped is quoted to its sender as it came.
 */
static __always_inline bool is_forwarded(struct xdp_md *ctx, const struct xlvs_packet *pkt,
					 const struct xlvs_nexthop *nexthop, __u32 growth)
{
	void *frame;

	return pkt->l4_offset &&
	       xlvs_frame(ctx, sizeof(struct ethhdr) + sizeof(struct ipv6hdr), &frame) &&
	       xlvs_ttl(frame + sizeof(struct ethhdr), pkt->tuple.family == XLVS_AF_INET) > 1 &&
	       xlvs_fits(pkt, nexthop, growth);
}

/* May this packet get `growth` bytes more? A fragment would not fit the others any more. */
static __always_inline bool may_grow(struct xdp_md *ctx, const struct xlvs_packet *pkt,
				     const struct xlvs_nexthop *nexthop, __u32 growth)
{
	const struct iphdr *ip;
	void *frame;

	if (pkt->tuple.family == XLVS_AF_INET6) {
		if (pkt->l4_offset != sizeof(struct ethhdr) + sizeof(struct ipv6hdr))
			return false;
	} else {
		if (!xlvs_frame(ctx, sizeof(struct ethhdr) + sizeof(*ip), &frame))
			return false;
		ip = frame + sizeof(struct ethhdr);
		if (ip->frag_off & bpf_htons(IP4_FRAGMENT))
			return false;
	}
	if (xlvs_fits(pkt, nexthop, growth))
		return true;
	xlvs_count_reason(XLVS_EVENT_TOA_NO_ROOM);
	return false;
}

/* The option itself. */
static __always_inline void begin(struct xlvs_tcp_options *to, const struct xlvs_packet *pkt,
				  __u8 kind, __u32 n_bytes)
{
	to->n_bytes = n_bytes;
	to->bytes[0] = kind;
	to->bytes[1] = n_bytes;
	__builtin_memcpy(to->bytes + 2, &pkt->tuple.sport, sizeof(pkt->tuple.sport));
	if (n_bytes == TOA4_BYTES)
		__builtin_memcpy(to->bytes + 4, &pkt->tuple.key.v4.saddr, 4);
	else
		__builtin_memcpy(to->bytes + 4, pkt->tuple.key.v6.saddr, 16);
}

/* What the options become; `n_bytes` are to be the option's, 0 without. */
static __always_inline void compose(struct work *work, const struct xlvs_packet *pkt, __u8 kind,
				    __u32 n_bytes)
{
	struct xlvs_tcp_options *to = &work->to, *from = &work->from;
	__u32 second = pkt->tcp_flags & XLVS_TCP_SYN ? OPTION_FAST_OPEN : kind;
	__u32 kinds = kind | second << 8;

	if (n_bytes)
		begin(to, pkt, kind, n_bytes);
	xlvs_toa_pack(work, kinds,
		      n_bytes + from->n_bytes <= XLVS_OPTIONS_MAX ? PACK_NONE : PACK_PADDING);
	if (to->n_bytes > XLVS_OPTIONS_MAX) {
		*to = (struct xlvs_tcp_options){};
		begin(to, pkt, kind, n_bytes);
		xlvs_toa_pack(work, kinds, PACK_TIMESTAMP);
	}
	to->n_bytes = (to->n_bytes + 3) & ~3U;
	if (to->n_bytes < from->n_bytes)
		to->n_bytes = from->n_bytes;
}

static __always_inline __u32 toa_bytes(__u8 family)
{
	return family == XLVS_AF_INET ? TOA4_BYTES : TOA6_BYTES;
}

int xlvs_toa_request(struct xdp_md *ctx, struct xlvs_packet *pkt, struct xlvs_dest *dest,
		     struct xlvs_nexthop *nexthop)
{
	struct work *work = begin_work();
	__u32 n_bytes, free_bytes, growth;

	if (!pkt || !dest || !nexthop || !work)
		return -XLVS_DROP_INTERNAL;
	growth = xlvs_header_growth(pkt->tuple.family, dest->family);
	if (!is_forwarded(ctx, pkt, nexthop, growth) || !xlvs_option_load(ctx, pkt, &work->from))
		return 0;
	n_bytes = toa_bytes(pkt->tuple.family);
	free_bytes = XLVS_OPTIONS_MAX - work->from.n_bytes;
	if (pkt->tcp_flags & (XLVS_TCP_SYN | XLVS_TCP_RST) ||
	    !may_grow(ctx, pkt, nexthop, growth + (n_bytes < free_bytes ? n_bytes : free_bytes)))
		n_bytes = 0;
	compose(work, pkt, dest->toa_kind, n_bytes);
	return store(ctx, pkt, &work->from, &work->to);
}

static __always_inline bool has_payload(struct xdp_md *ctx, const struct xlvs_packet *pkt)
{
	void *end = (void *)(long)ctx->data_end;
	const struct tcphdr *tcp = (void *)(long)ctx->data + (pkt->l4_offset & 0x7f);

	return (void *)(tcp + 1) <= end &&
	       pkt->length_bytes + sizeof(struct ethhdr) > pkt->l4_offset + tcp->doff * 4U;
}

int xlvs_toa_reply(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 index)
{
	struct xlvs_conn *record = xlvs_conn_at(index), *first;
	__u32 meta;

	if (!pkt || !record)
		return -XLVS_DROP_INTERNAL;
	if (!pkt->l4_offset) /* a later fragment */
		return 0;
	first = xlvs_conn_partner(record, index);
	if (!first)
		return 0;
	if (pkt->tcp_flags & XLVS_TCP_SYN)
		return xlvs_mss_lower(ctx, pkt, MSS_ANY, toa_bytes(first->family));
	if (!has_payload(ctx, pkt))
		return 0;
	meta = *(volatile __u32 *)&first->meta;
	if (meta >> XLVS_META_TURN_SHIFT == pkt->turn)
		__sync_val_compare_and_swap(&first->meta, meta, meta & ~XLVS_META_TELLING);
	return 0;
}
