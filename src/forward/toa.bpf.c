// SPDX-License-Identifier: GPL-2.0-or-later
/* The option stands first, so that a receiver meets it before anything the client has sent, and the
 * client's own options follow. Where both are too long the client's are packed: without padding
 * first, then the timestamp alone, which a connection that has agreed on it cannot do without.
 *
 * Options are gone through byte by byte with arithmetic in the place of branches: the verifier
 * would follow each of their combinations. */
#include "forward/toa.bpf.h"

#include <linux/in.h>
#include <linux/tcp.h>

#include "datapath/connection.bpf.h"
#include "datapath/counters.bpf.h"
#include "forward/forward.bpf.h"

enum toa_constant {
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_MSS = 2,
	OPTION_MSS_BYTES = 4,
	OPTION_TIMESTAMP = 8,
	OPTION_FAST_OPEN = 34,
	OPTIONS_LEAST = 4, /* bytes, if there are any */
	OPTIONS_MAX = 40,
	TOA4_BYTES = 8,
	TOA6_BYTES = 20,
	MSS_LEAST = 256, /* not to be lowered further */
	GROWTH_MASK = 0x1c, /* 4 to TOA6_BYTES */
	HEADERS_MAX = 128, /* before the options */
	IP4_FRAGMENT = 0x3fff, /* more fragments, or an offset */
};

/* Zero beyond the last byte, which is an option of its own: the end. */
struct options {
	__u32 n_bytes;
	union {
		__u8 bytes[64];
		__u32 words[16];
	};
};

/* What is known of the option that a walk stands in. */
struct walk {
	__u32 left; /* bytes of it that are still to come */
	__u32 start; /* 1 at its first byte */
	__u32 ended; /* 1 when no option follows */
	__u32 forged; /* 1 inside of one that is to be blanked */
	__u32 keep; /* 1 inside of one that remains */
};

/* What is worked on; the stack is too small for it at the end of the longest chain of calls. */
struct work {
	struct options from;
	struct options to;
	struct walk walk;
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
int xlvs_toa_find_mss(struct options *options);
int xlvs_toa_gain(struct options *from, struct options *to);

/* 1 if they are the same, else 0; neither uses the highest bit. */
static __always_inline __u32 same(__u32 a, __u32 b)
{
	__u32 answer = ((a ^ b) - 1) >> 31;

	asm volatile("" : "+r"(answer)); /* no branch is to be made of it */
	return answer;
}

static __always_inline __u32 choose(__u32 condition, __u32 yes, __u32 no)
{
	return condition * yes + (1 - condition) * no;
}

/* Step to the byte `kind`, which `length` follows. */
static __always_inline void step(struct walk *walk, __u32 kind, __u32 length)
{
	__u32 nop = same(kind, OPTION_NOP);

	walk->start = same(walk->left, 0);
	walk->ended |= walk->start & (same(kind, OPTION_END) | (1 - nop) * same(length >> 1, 0));
	walk->left = choose(walk->start, choose(nop, 1, length), walk->left) - 1;
	walk->left &= 0xff;
	walk->start &= 1 - walk->ended;
}

static __always_inline struct work *begin_work(void)
{
	__u32 zero = 0;
	struct work *work = bpf_map_lookup_elem(&xlvs_toa_work, &zero);

	if (work)
		*work = (struct work){};
	return work;
}

/* Read the packet's options; false when it has no whole TCP header. */
static __always_inline bool load(struct xdp_md *ctx, const struct xlvs_packet *pkt,
				 struct options *ret)
{
	__u32 offset = (pkt->l4_offset & 0x7f) + sizeof(struct tcphdr), n_bytes;
	void *end = (void *)(long)ctx->data_end;
	const __u8 *headers = (void *)(long)ctx->data;
	const struct tcphdr *tcp;

	headers += pkt->l4_offset & 0x7f;
	tcp = (const void *)headers;
	if ((void *)(tcp + 1) > end)
		return false;
	n_bytes = tcp->doff * 4 - sizeof(*tcp);
	ret->n_bytes = n_bytes;
	asm volatile("" : "+r"(n_bytes)); /* Linux 6.1 forgets that it is not 0, but not bounds */
	if (n_bytes < OPTIONS_LEAST)
		return !n_bytes;
	return n_bytes <= OPTIONS_MAX && !bpf_xdp_load_bytes(ctx, offset, ret->bytes, n_bytes);
}

/* Append to `to` what of `from` remains; `kinds` are two kinds that are blanked. Global, as the
 * others: so the verifier goes through it once. All stands in memory, for the stack is short. */
__noinline int xlvs_toa_pack(struct work *work, __u32 kinds, __u32 packing)
{
	__u32 all = same(packing, PACK_NONE), timestamp = same(packing, PACK_TIMESTAMP);
	struct walk *walk;

	if (!work)
		return -XLVS_DROP_INTERNAL;
	walk = &work->walk;
	*walk = (struct walk){};
	for (__u32 i = 0; i < OPTIONS_MAX; i++) {
		__u32 byte = work->from.bytes[i], is_forged, wanted;

		if (i >= work->from.n_bytes)
			break;
		step(walk, byte, work->from.bytes[i + 1]);
		is_forged = same(byte, kinds & 0xff) | same(byte, kinds >> 8);
		walk->forged = choose(walk->start, is_forged, walk->forged) & (1 - walk->ended);
		wanted = choose(timestamp, same(byte, OPTION_TIMESTAMP),
				(1 - same(byte, OPTION_NOP)) & (1 - is_forged));
		walk->keep = choose(walk->start, wanted, walk->keep) & (1 - walk->ended);
		work->to.bytes[work->to.n_bytes & 63] =
			(walk->keep | all) * choose(walk->forged, OPTION_NOP, byte);
		work->to.n_bytes += walk->keep | all;
	}
	return 0;
}

/* What the packet's sum gains when `to` takes the place of `from`, folded. */
__noinline int xlvs_toa_gain(struct options *from, struct options *to)
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
static __always_inline int store(struct xdp_md *ctx, struct xlvs_packet *pkt, struct options *from,
				 struct options *to)
{
	__u32 growth = to->n_bytes - from->n_bytes, n_bytes = to->n_bytes;
	__u32 offset = (pkt->l4_offset & 0x7f) + sizeof(struct tcphdr);
	int r;

	asm volatile("" : "+r"(n_bytes));
	if (n_bytes < OPTIONS_LEAST || n_bytes > OPTIONS_MAX || growth > TOA6_BYTES)
		return 0;
	r = growth ? make_room(ctx, growth, offset) : 0;
	if (!r && bpf_xdp_store_bytes(ctx, offset, to->bytes, n_bytes))
		r = -XLVS_DROP_INTERNAL;
	return r ? r : seal(ctx, pkt, growth, xlvs_toa_gain(from, to));
}

/* Will it leave at all? What is dropped is quoted to its sender as it came. */
static __always_inline bool is_forwarded(struct xdp_md *ctx, const struct xlvs_packet *pkt,
					 const struct xlvs_nexthop *nexthop)
{
	void *frame;

	return pkt->l4_offset &&
	       xlvs_frame(ctx, sizeof(struct ethhdr) + sizeof(struct ipv6hdr), &frame) &&
	       !xlvs_forward_check(pkt,
				   xlvs_ttl(frame + sizeof(struct ethhdr),
					    pkt->tuple.family == XLVS_AF_INET),
				   nexthop);
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
static __always_inline void begin(struct options *to, const struct xlvs_packet *pkt, __u8 kind,
				  __u32 n_bytes)
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
	struct options *to = &work->to, *from = &work->from;
	__u32 second = pkt->tcp_flags & XLVS_TCP_SYN ? OPTION_FAST_OPEN : kind;
	__u32 kinds = kind | second << 8;

	if (n_bytes)
		begin(to, pkt, kind, n_bytes);
	xlvs_toa_pack(work, kinds,
		      n_bytes + from->n_bytes <= OPTIONS_MAX ? PACK_NONE : PACK_PADDING);
	if (to->n_bytes > OPTIONS_MAX) {
		*to = (struct options){};
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
	__u32 n_bytes, free_bytes;

	if (!pkt || !dest || !nexthop || !work)
		return -XLVS_DROP_INTERNAL;
	if (!is_forwarded(ctx, pkt, nexthop) || !load(ctx, pkt, &work->from))
		return 0;
	n_bytes = toa_bytes(pkt->tuple.family);
	free_bytes = OPTIONS_MAX - work->from.n_bytes;
	if (pkt->tcp_flags & (XLVS_TCP_SYN | XLVS_TCP_RST) ||
	    !may_grow(ctx, pkt, nexthop, n_bytes < free_bytes ? n_bytes : free_bytes))
		n_bytes = 0;
	compose(work, pkt, dest->toa_kind, n_bytes);
	return store(ctx, pkt, &work->from, &work->to);
}

/* Where the MSS stands, from the first option on; negative when it does not. */
__noinline int xlvs_toa_find_mss(struct options *options)
{
	struct walk walk = {};
	__u32 found = 0;

	if (!options)
		return -1;
	for (__u32 i = 0; i < OPTIONS_MAX; i++) {
		__u32 byte = options->bytes[i], next = options->bytes[i + 1];

		if (i >= options->n_bytes)
			break;
		step(&walk, byte, next);
		found = choose(walk.start & same(byte, OPTION_MSS) & same(next, OPTION_MSS_BYTES),
			       i + 1, found);
	}
	return (int)found - 1;
}

/* A full segment of the client's leaves room for the option. */
static __always_inline int lower_mss(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	struct work *work = begin_work();
	__u32 mss;
	int at;

	if (!work || !load(ctx, pkt, &work->from))
		return 0;
	at = xlvs_toa_find_mss(&work->from);
	if (at < 0 || at > OPTIONS_MAX - OPTION_MSS_BYTES)
		return 0;
	work->to = work->from;
	mss = (__u32)work->from.bytes[at + 2] << 8 | work->from.bytes[at + 3];
	if (mss < MSS_LEAST)
		return 0;
	mss -= toa_bytes(pkt->tuple.family);
	work->to.bytes[at + 2] = mss >> 8;
	work->to.bytes[at + 3] = mss;
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
	if (pkt->tcp_flags & XLVS_TCP_SYN)
		return lower_mss(ctx, pkt);
	first = xlvs_conn_partner(record, index);
	if (!first || !has_payload(ctx, pkt))
		return 0;
	meta = *(volatile __u32 *)&first->meta;
	if (meta >> XLVS_META_TURN_SHIFT == pkt->turn)
		__sync_val_compare_and_swap(&first->meta, meta, meta & ~XLVS_META_TELLING);
	return 0;
}
