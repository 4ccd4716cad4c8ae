// SPDX-License-Identifier: GPL-2.0-or-later
#include "datapath/fragment.bpf.h"

#include "datapath/connection.bpf.h"
#include "datapath/counters.bpf.h"
#include "datapath/parse.bpf.h"

enum fragment_constant {
	IP_OFFSET = 0x1fff, /* in units of 8 bytes */
	IP_MORE = 0x2000,
	IPV6_OFFSET = 0xfff8, /* in bytes */
	IPV6_MORE = 1,
	PORTS_BYTES = 8, /* the shortest payload of a first fragment */
	HOLD_TRIES = 4,
};

struct ipv6_fragment {
	__u8 nexthdr;
	__u8 reserved;
	__be16 offset;
	__be32 id;
};

/* A fragment, and its place in the datagram. */
struct piece {
	struct xlvs_fragment_key key;
	__u32 header_bytes; /* layer 3 */
	__u32 offset_bytes;
	__u32 payload_bytes;
	__u8 protocol;
	bool is_last;
};

/* Each: false for what is no fragment of TCP or UDP, or not whole. */
static __always_inline bool read_ipv4(const struct iphdr *ip, const void *end, struct piece *piece)
{
	__u32 length;

	if ((const void *)(ip + 1) > end || ip->version != 4 || ip->ihl < 5)
		return false;
	length = bpf_ntohs(ip->tot_len);
	piece->header_bytes = ip->ihl * 4U;
	if (!(ip->frag_off & bpf_htons(XLVS_IP_FRAGMENT)) || length <= piece->header_bytes ||
	    length > end - (const void *)ip)
		return false;
	piece->payload_bytes = length - piece->header_bytes;
	piece->offset_bytes = (bpf_ntohs(ip->frag_off) & IP_OFFSET) * 8U;
	piece->is_last = !(ip->frag_off & bpf_htons(IP_MORE));
	piece->protocol = piece->key.protocol = ip->protocol;
	piece->key.family = XLVS_AF_INET;
	piece->key.saddr[0] = ip->saddr;
	piece->key.daddr[0] = ip->daddr;
	piece->key.id = ip->id;
	return true;
}

static __always_inline bool read_ipv6(const struct ipv6hdr *ip, const void *end,
				      struct piece *piece)
{
	const struct ipv6_fragment *header = (const void *)(ip + 1);
	__u32 length;

	if ((const void *)(header + 1) > end || ip->nexthdr != IPPROTO_FRAGMENT ||
	    (*(const __u8 *)ip & 0xf0) != XLVS_IPV6_VERSION)
		return false;
	length = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	piece->header_bytes = sizeof(*ip) + sizeof(*header);
	if (length <= piece->header_bytes || length > end - (const void *)ip)
		return false;
	piece->payload_bytes = length - piece->header_bytes;
	piece->offset_bytes = bpf_ntohs(header->offset) & IPV6_OFFSET;
	piece->is_last = !(bpf_ntohs(header->offset) & IPV6_MORE);
	piece->protocol = header->nexthdr;
	piece->key.family = XLVS_AF_INET6;
	__builtin_memcpy(piece->key.saddr, &ip->saddr, sizeof(ip->saddr));
	__builtin_memcpy(piece->key.daddr, &ip->daddr, sizeof(ip->daddr));
	piece->key.id = header->id;
	return true;
}

static __always_inline bool read_piece(struct xdp_md *ctx, struct piece *piece)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;
	const void *end = (void *)(long)ctx->data_end;

	if ((const void *)(eth + 1) > end || eth->h_dest[0] & 1)
		return false;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		if (!read_ipv4((const void *)(eth + 1), end, piece))
			return false;
	} else if (eth->h_proto != bpf_htons(ETH_P_IPV6) ||
		   !read_ipv6((const void *)(eth + 1), end, piece)) {
		return false;
	}
	return piece->protocol == IPPROTO_TCP || piece->protocol == IPPROTO_UDP;
}

static __always_inline __u64 sign(const struct xlvs_fragment_key *key)
{
	return xlvs_hash_ipv6(xlvs_constants.seed, (const void *)key, key->id,
			      key->protocol | key->family << 8);
}

/* What is remembered of the datagram, if that is not too long ago. */
static __always_inline struct xlvs_fragments *find(const struct xlvs_fragment_key *key)
{
	struct xlvs_fragments *known = bpf_map_lookup_elem(&xlvs_fragments, key);

	if (known && (__s32)(xlvs_now() - known->deadline) >= 0) {
		bpf_map_delete_elem(&xlvs_fragments, key);
		return (void *)0;
	}
	return known;
}

static __always_inline struct xlvs_fragments *find_or_make(const struct xlvs_fragment_key *key)
{
	struct xlvs_fragments *known = find(key);
	struct xlvs_fragments fresh = {};

	if (known)
		return known;
	fresh.signature = sign(key);
	fresh.deadline = xlvs_now() + XLVS_FRAGMENT_SEC * xlvs_constants.ticks_per_sec;
	bpf_map_update_elem(&xlvs_fragments, key, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&xlvs_fragments, key);
}

/* A fragment was sent on. When the last gap is closed there is nothing to be remembered. */
static __always_inline void note_sent(struct xlvs_fragments *known, const struct piece *piece)
{
	__u32 seen;

	if (piece->is_last)
		known->end_bytes = piece->offset_bytes + piece->payload_bytes;
	seen = __sync_fetch_and_add(&known->seen_bytes, piece->payload_bytes);
	if (known->end_bytes && seen + piece->payload_bytes >= known->end_bytes)
		bpf_map_delete_elem(&xlvs_fragments, &piece->key);
}

static __always_inline void write_tuple(struct xlvs_packet *pkt, const struct piece *piece,
					__u32 ports, __u8 protocol)
{
	struct xlvs_tuple *tuple = &pkt->tuple;

	pkt->now = xlvs_now();
	pkt->length_bytes = piece->header_bytes + piece->payload_bytes;
	tuple->flow = ports | (__u64)(protocol | piece->key.family << 8) << 32;
	tuple->flags = XLVS_TUPLE_FRAGMENT;
	if (piece->key.family == XLVS_AF_INET) {
		tuple->key =
			(union xlvs_endpoints){.v4 = {piece->key.saddr[0], piece->key.daddr[0]}};
		tuple->hash = xlvs_hash_ipv4(xlvs_constants.seed, piece->key.saddr[0],
					     piece->key.daddr[0], ports, tuple->kind);
	} else {
		__builtin_memcpy(tuple->key.words, piece->key.saddr, sizeof(tuple->key));
		tuple->hash =
			xlvs_hash_ipv6(xlvs_constants.seed, tuple->key.words, ports, tuple->kind);
	}
}

/* Keep the frame. Its serial, or 0. */
static __always_inline __u32 keep(struct xdp_md *ctx, struct xlvs_held **ret_held)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	__s64 frame_bytes = (void *)(long)ctx->data_end - (void *)(long)ctx->data;
	__u32 bytes, serial, index;
	struct xlvs_held *held;

	/* Or the difference is taken in 32 bits, which the verifier allows of numbers alone. */
	asm volatile("" : "+r"(frame_bytes));
	bytes = frame_bytes;

	if (!runtime)
		return 0;
	serial = __sync_fetch_and_add(&runtime->n_held, 1) + 1;
	index = serial % XLVS_HELD_MAX;
	held = bpf_map_lookup_elem(&xlvs_held, &index);
	if (!held || !serial || serial == XLVS_HELD_CLOSED)
		return 0;
	__sync_lock_test_and_set(&held->serial, 0);
	if (!xlvs_is_within(&bytes, sizeof(struct ethhdr), XLVS_HELD_BYTES) ||
	    bpf_xdp_load_bytes(ctx, 0, held->frame, bytes))
		return 0;
	held->bytes = bytes;
	*ret_held = held;
	return serial;
}

/* Keep a fragment that came before the first one; 0 when that has come meanwhile. */
static __always_inline int hold(struct xdp_md *ctx, struct xlvs_fragments *known)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_held *held = (void *)0;
	__u32 serial, newest;

	if (!runtime || !runtime->detour_ifindex)
		return XLVS_NOT_OURS;
	if (ctx->ingress_ifindex == runtime->detour_ifindex ||
	    __sync_fetch_and_add(&known->n_held, 1) >= XLVS_HELD_PER_DATAGRAM)
		return -XLVS_DROP_FRAGMENT_LOST;
	serial = keep(ctx, &held);
	if (!serial || !held)
		return -XLVS_DROP_FRAGMENT_LOST;
	for (int i = 0; i < HOLD_TRIES; i++) {
		newest = *(volatile __u32 *)&known->held;
		if (newest == XLVS_HELD_CLOSED)
			return 0;
		held->next = newest;
		__sync_lock_test_and_set(&held->serial, serial);
		if (__sync_val_compare_and_swap(&known->held, newest, serial) == newest) {
			xlvs_count_reason(XLVS_EVENT_FRAGMENT_HELD);
			return XDP_DROP;
		}
	}
	return -XLVS_DROP_FRAGMENT_LOST;
}

/* A fragment of a datagram that is decided. A first one that comes twice is one of them. */
static __always_inline int follow(struct xlvs_packet *pkt, struct xlvs_fragments *known,
				  const struct piece *piece)
{
	__u32 ports = known->ports, fate = known->fate, first_bytes = known->first_bytes;
	__u8 protocol = known->protocol;

	pkt->dest = known->dest;
	pkt->meta = known->meta;
	if (*(volatile __u64 *)&known->signature != sign(&piece->key))
		return -XLVS_DROP_FRAGMENT_LOST;
	if (fate == XLVS_FATE_FOREIGN) {
		note_sent(known, piece);
		return XLVS_NOT_OURS;
	}
	if (fate == XLVS_FATE_DROPPED)
		return -XLVS_DROP_FRAGMENT_LOST;
	if (piece->offset_bytes && piece->offset_bytes < first_bytes)
		return -XLVS_DROP_FRAGMENT_OVERLAP;
	if (!piece->offset_bytes && (piece->payload_bytes != first_bytes ||
				     pkt->tuple.ports != ports || piece->protocol != protocol))
		return -XLVS_DROP_FRAGMENT_OVERLAP;
	if (piece->offset_bytes) {
		pkt->l4_offset = 0;
		pkt->tcp_flags = 0;
		write_tuple(pkt, piece, ports, protocol);
	}
	note_sent(known, piece);
	return fate == XLVS_FATE_REPLY ? XLVS_FRAGMENT_REPLY : XLVS_FRAGMENT_REQUEST;
}

/* Its transport header must be whole: what is decided by it is to be what the receiver sees. */
static __always_inline int read_first(struct xdp_md *ctx, struct xlvs_packet *pkt,
				      const struct piece *piece)
{
	__u32 header_bytes =
		piece->protocol == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr);
	const void *end = (void *)(long)ctx->data_end;
	const void *l4 =
		(void *)(long)ctx->data + sizeof(struct ethhdr) + (piece->header_bytes & 0x3f);

	if (piece->payload_bytes < PORTS_BYTES || l4 + PORTS_BYTES > end)
		return XLVS_NOT_OURS;
	pkt->l4_offset = sizeof(struct ethhdr) + piece->header_bytes;
	pkt->tcp_flags = 0;
	write_tuple(pkt, piece, *(const __u32 *)l4, piece->protocol);
	if (piece->payload_bytes < header_bytes)
		return XLVS_FRAGMENT_TINY;
	if (piece->protocol == IPPROTO_TCP) {
		if (l4 + sizeof(struct tcphdr) > end)
			return XLVS_NOT_OURS;
		pkt->tcp_flags = ((const __u8 *)l4)[XLVS_TCP_FLAGS_BYTE];
	}
	return XLVS_FRAGMENT_FIRST;
}

int xlvs_fragment_enter(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_fragments *known;
	struct piece piece = {};
	int r;

	if (!pkt || !runtime || !read_piece(ctx, &piece))
		return XLVS_NOT_OURS;
	if (!(piece.key.family == XLVS_AF_INET ? runtime->n_services4 : runtime->n_services6))
		return XLVS_NOT_OURS;
	if (!piece.offset_bytes) {
		r = read_first(ctx, pkt, &piece);
		known = find(&piece.key);
		if (!known || known->held != XLVS_HELD_CLOSED || r != XLVS_FRAGMENT_FIRST)
			return r;
	} else {
		known = find_or_make(&piece.key);
		if (!known)
			return XLVS_NOT_OURS;
		r = known->held == XLVS_HELD_CLOSED ? 0 : hold(ctx, known);
		if (r)
			return r;
	}
	return follow(pkt, known, &piece);
}

__u32 xlvs_fragment_decide(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 fate)
{
	struct xlvs_fragments *known;
	struct piece piece = {};
	__u32 newest;

	if (!pkt || !read_piece(ctx, &piece) || piece.offset_bytes)
		return 0;
	known = find_or_make(&piece.key);
	if (!known)
		return 0;
	known->ports = pkt->tuple.ports;
	known->dest = pkt->dest;
	known->meta = pkt->meta;
	known->first_bytes = piece.payload_bytes;
	known->protocol = piece.protocol;
	known->fate = fate;
	newest = __sync_lock_test_and_set(&known->held, XLVS_HELD_CLOSED);
	note_sent(known, &piece);
	return newest == XLVS_HELD_CLOSED ? 0 : newest;
}
