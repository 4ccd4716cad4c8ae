// SPDX-License-Identifier: GPL-2.0-or-later
/* The far end of the detour (abi/detour.h), where packets are the kernel's own: here they can be
 * copied, cut and sent by any device.
 *
 * A packet with a ticket of its own may have fragments behind it that were kept: each is put in the
 * packet's place and comes in by the near end, where the packet path runs. (A copy that is sent
 * there is marked as redirected, and passes generic XDP by.) The packet itself goes first. */
#include "datapath/detour.bpf.h"

#include <linux/ip.h>
#include <linux/pkt_cls.h>

#include <bpf/bpf_endian.h>

#include "forward/forward.bpf.h"

enum detour_constant {
	HEADER_BYTES_MAX = 60, /* of IPv4 */
	CUT_BYTES_MAX = 16000,
	BYTES_MASK = 0x3fff,
	PIECES_MAX = 64,
	IP_FLAGS = 0xe000,
	IP_MORE = 0x2000,
	IP_OFFSET = 0x1fff,
};

union header {
	struct iphdr ip;
	__u32 words[HEADER_BYTES_MAX / 4]; /* and the options */
};

/* A packet that is cut, as it was. */
struct whole {
	__u32 ifindex;
	__u32 header_bytes; /* of layer 3 */
	__u32 payload_bytes;
	__u32 unit_bytes; /* of payload in a piece; a multiple of 8 */
	union header header;
	__u8 payload[CUT_BYTES_MAX + BYTES_MASK + 1]; /* the second half is never reached */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct whole);
} xlvs_whole SEC(".maps");

/* Send piece number `n` of the packet in xlvs_whole: 0, or negative when there is no more. */
int xlvs_detour_piece(struct __sk_buff *skb, __u32 n);
/* Let a kept fragment come in by an interface: the serial of the next, 0 without. */
__u32 xlvs_detour_let(struct __sk_buff *skb, __u32 serial, __u32 ifindex);

static __always_inline struct whole *whole_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&xlvs_whole, &zero);
}

/* The header of the piece that begins `offset` bytes into the packet's payload. */
static __always_inline void write_header(struct iphdr *ip, const struct whole *whole, __u32 offset,
					 __u32 bytes)
{
	__u32 fragment = bpf_ntohs(whole->header.ip.frag_off);
	bool more = fragment & IP_MORE || offset + bytes < whole->payload_bytes;

	ip->tot_len = bpf_htons(whole->header_bytes + bytes);
	ip->frag_off = bpf_htons((fragment & IP_FLAGS & ~IP_MORE) | (more ? IP_MORE : 0) |
				 ((fragment + offset / 8) & IP_OFFSET));
	ip->check = 0;
}

int xlvs_detour_piece(struct __sk_buff *skb, __u32 n)
{
	struct whole *whole = whole_get();
	__u32 offset, bytes, header_bytes;
	union header header;
	__u64 sum = 0;

	if (!whole)
		return -1;
	offset = n * whole->unit_bytes;
	header_bytes = whole->header_bytes;
	if (offset >= whole->payload_bytes || offset >= CUT_BYTES_MAX ||
	    header_bytes < sizeof(struct iphdr) || header_bytes > HEADER_BYTES_MAX)
		return -1;
	bytes = whole->payload_bytes - offset;
	if (bytes > whole->unit_bytes)
		bytes = whole->unit_bytes;
	header = whole->header;
	write_header(&header.ip, whole, offset, bytes);
	for (__u32 i = 0; i < HEADER_BYTES_MAX / 4; i++)
		sum += i * 4 < header_bytes ? header.words[i] : 0;
	header.ip.check = ~xlvs_checksum_fold(sum);
	/* Not 0, which the verifier does not see of a comparison. */
	bytes = ((bytes - 1) & BYTES_MASK) + 1;
	if (!xlvs_is_within(&offset, 0, CUT_BYTES_MAX) ||
	    !xlvs_is_within(&header_bytes, sizeof(struct iphdr), HEADER_BYTES_MAX))
		return -1;
	if (bpf_skb_change_tail(skb, sizeof(struct ethhdr) + header_bytes + bytes, 0) ||
	    bpf_skb_store_bytes(skb, sizeof(struct ethhdr), &header, header_bytes, 0) ||
	    bpf_skb_store_bytes(skb, sizeof(struct ethhdr) + header_bytes, whole->payload + offset,
				bytes, 0))
		return -1;
	bpf_clone_redirect(skb, whole->ifindex, 0);
	return 0;
}

/* As net/ipv4/ip_output.c does it, but that every piece has all the options. */
static __always_inline void cut(struct __sk_buff *skb, __u32 ifindex, __u32 mtu_bytes)
{
	struct whole *whole = whole_get();
	__u32 bytes;

	if (!whole ||
	    bpf_skb_load_bytes(skb, sizeof(struct ethhdr), &whole->header, sizeof(whole->header)))
		return;
	whole->ifindex = ifindex;
	whole->header_bytes = whole->header.ip.ihl * 4U;
	bytes = bpf_ntohs(whole->header.ip.tot_len) - whole->header_bytes;
	if (whole->header.ip.version != 4 || mtu_bytes < whole->header_bytes + 8 ||
	    !xlvs_is_within(&bytes, 8, CUT_BYTES_MAX) ||
	    bpf_skb_load_bytes(skb, sizeof(struct ethhdr) + whole->header_bytes, whole->payload,
			       bytes))
		return;
	whole->payload_bytes = bytes;
	whole->unit_bytes = (mtu_bytes - whole->header_bytes) & ~7U;
	for (__u32 n = 0; n < PIECES_MAX; n++)
		if (xlvs_detour_piece(skb, n))
			break;
}

__u32 xlvs_detour_let(struct __sk_buff *skb, __u32 serial, __u32 ifindex)
{
	__u32 index = serial % XLVS_HELD_MAX, bytes, next;
	struct xlvs_held *held = bpf_map_lookup_elem(&xlvs_held, &index);

	if (!held || held->serial != serial)
		return 0; /* its place was taken, and so were those of all before it */
	bytes = held->bytes;
	next = held->next;
	if (!xlvs_is_within(&bytes, sizeof(struct ethhdr), XLVS_HELD_BYTES) ||
	    bpf_skb_change_tail(skb, bytes, 0) ||
	    bpf_skb_store_bytes(skb, 0, held->frame, bytes, BPF_F_INVALIDATE_HASH) ||
	    *(volatile __u32 *)&held->serial != serial)
		return 0;
	bpf_clone_redirect(skb, ifindex, BPF_F_INGRESS);
	return next;
}

/* The next hop that the frame's MAC addresses name, NULL when they name none. */
static __always_inline struct xlvs_nexthop *read_way(struct __sk_buff *skb, bool *ret_ticket)
{
	struct xlvs_detour_macs macs;
	struct xlvs_nexthop *way;
	__u32 index;

	if (bpf_skb_load_bytes(skb, 0, &macs, sizeof(macs)) ||
	    macs.dmac_prefix != XLVS_DETOUR_PREFIX || macs.smac_prefix != XLVS_DETOUR_PREFIX)
		return (void *)0;
	index = macs.number;
	*ret_ticket = macs.table == XLVS_DETOUR_TICKET;
	if (macs.table == XLVS_DETOUR_NEXTHOP)
		return bpf_map_lookup_elem(&xlvs_nexthops, &index);
	if (macs.table == XLVS_DETOUR_GATEWAY)
		return bpf_map_lookup_elem(&xlvs_gateways, &index);
	index %= XLVS_DETOURS_MAX;
	way = bpf_map_lookup_elem(&xlvs_detours, &index);
	return way && way->serial == macs.number ? way : (void *)0;
}

int xlvs_detour(struct __sk_buff *skb);

SEC("tc")
int xlvs_detour(struct __sk_buff *skb)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	bool is_ticket = false;
	struct xlvs_nexthop *way = read_way(skb, &is_ticket);
	__u32 ifindex, mtu_bytes, to_host, held;

	if (!way || !way->behind_ifindex || !runtime)
		return TC_ACT_SHOT;
	ifindex = way->behind_ifindex;
	mtu_bytes = way->behind_mtu_bytes;
	to_host = is_ticket ? way->to_host : 0;
	held = is_ticket ? way->held : 0;
	if (bpf_skb_store_bytes(skb, 0, way->behind_macs, sizeof(way->behind_macs), 0))
		return TC_ACT_SHOT;
	if (to_host)
		bpf_clone_redirect(skb, ifindex, BPF_F_INGRESS);
	else if (skb->len > mtu_bytes + sizeof(struct ethhdr))
		cut(skb, ifindex, mtu_bytes);
	else if (!held)
		return bpf_redirect(ifindex, 0);
	else
		bpf_clone_redirect(skb, ifindex, 0);
	for (__u32 i = 0; i < XLVS_HELD_PER_DATAGRAM && held; i++)
		held = xlvs_detour_let(
			skb, held, to_host == XLVS_HOST_ALL ? ifindex : runtime->detour_ifindex);
	return TC_ACT_SHOT;
}

int xlvs_let_in(struct xdp_md *ctx);

/* A veth takes frames from XDP when there is a program at its other end. */
SEC("xdp.frags")
int xlvs_let_in(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}
