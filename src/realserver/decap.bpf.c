// SPDX-License-Identifier: GPL-2.0-or-later
/* Takes the outer header off tunnel packets (IP in IP, GUE, GRE), on a real server, before its own
 * stack sees them.
 *
 * A packet is ours when its outer destination is an address of this server and its inner
 * destination a VIP set for tunnelling, in all four combinations of IPv4 and IPv6, and for GUE its
 * port the VIP's. Everything else passes as it came, so that a tunnel somebody has set up by other
 * means goes on working: other tunnels, outer fragments (the stack would have to put them together
 * first), outer headers with options or extension headers (no director sends them), and what
 * contradicts itself. */
#include "abi/realserver.h"
#include "realserver/shim.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, XLVS_RS_VIPS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct xlvs_rs_address);
	__type(value, __u32);
} xlvs_rs_vips SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, XLVS_RS_SOURCES_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct xlvs_rs_source);
	__type(value, __u32);
} xlvs_rs_sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, XLVS_RS_LOCALS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct xlvs_rs_address);
	__type(value, __u32);
} xlvs_rs_locals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, XLVS_RS_COUNTS_END);
	__type(key, __u32);
	__type(value, __u64);
} xlvs_rs_counts SEC(".maps");

struct tunnel {
	struct xlvs_rs_address local; /* outer destination */
	struct xlvs_rs_source pair; /* inner destination, outer source */
	struct shim shim;
	__u32 outer_bytes;
	__u32 payload_bytes; /* what the outer header says follows it */
	__u32 inner_bytes; /* of these behind the shim */
	__u8 protocol; /* of the outer header */
	__u8 outer_ecn;
	__u8 inner_ecn;
};

enum {
	NOT_OURS = -1, /* other answers are of enum xlvs_rs_count */
	ECN_MASK = 3,
	ECN_NONE = 0,
	ECN_ECT1 = 1,
	ECN_CE = 3,
	IP4_FRAGMENT = 0x3fff, /* more fragments, or an offset */
};

int xlvs_rs_decap(struct xdp_md *ctx);

static __always_inline void address_from4(struct xlvs_rs_address *address, __be32 word)
{
	address->word[0] = 0;
	address->word[1] = 0;
	address->word[2] = bpf_htonl(0xffff);
	address->word[3] = word;
}

static __always_inline void address_from6(struct xlvs_rs_address *address,
					  const struct in6_addr *from)
{
	__builtin_memcpy(address, from, sizeof(*address));
}

static __always_inline __u8 ecn_of6(const struct ipv6hdr *ip)
{
	return ip->flow_lbl[0] >> 4 & ECN_MASK;
}

/* The header's sixteen-bit words, its checksum included, sum to 0xffff when it is whole. */
static __always_inline bool header_whole(const struct iphdr *ip)
{
	const __u16 *half = (const void *)ip;
	__u32 sum = 0;

	for (int i = 0; i < (int)(sizeof(*ip) / sizeof(*half)); i++)
		sum += half[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

static __always_inline bool is_tunnel(__u8 protocol)
{
	return protocol == IPPROTO_IPIP || protocol == IPPROTO_IPV6 || protocol == IPPROTO_UDP ||
	       protocol == IPPROTO_GRE;
}

/* The outer readers return 0 for a tunnel packet, NOT_OURS, or XLVS_RS_MALFORMED. */
static __always_inline int read_outer4(struct tunnel *tunnel, const struct iphdr *ip,
				       const void *end)
{
	if ((const void *)(ip + 1) > end)
		return NOT_OURS;
	if (!is_tunnel(ip->protocol))
		return NOT_OURS;
	if (ip->version != 4 || ip->ihl != sizeof(*ip) / 4 ||
	    ip->frag_off & bpf_htons(IP4_FRAGMENT))
		return NOT_OURS;

	tunnel->protocol = ip->protocol;
	tunnel->outer_bytes = sizeof(*ip);
	tunnel->payload_bytes = bpf_ntohs(ip->tot_len) - sizeof(*ip);
	tunnel->outer_ecn = ip->tos & ECN_MASK;
	address_from4(&tunnel->local, ip->daddr);
	address_from4(&tunnel->pair.director, ip->saddr);
	if (bpf_ntohs(ip->tot_len) < sizeof(*ip) || !header_whole(ip))
		return XLVS_RS_MALFORMED;
	return 0;
}

static __always_inline int read_outer6(struct tunnel *tunnel, const struct ipv6hdr *ip,
				       const void *end)
{
	if ((const void *)(ip + 1) > end)
		return NOT_OURS;
	if (!is_tunnel(ip->nexthdr))
		return NOT_OURS;
	if (ip->version != 6)
		return NOT_OURS;

	tunnel->protocol = ip->nexthdr;
	tunnel->outer_bytes = sizeof(*ip);
	tunnel->payload_bytes = bpf_ntohs(ip->payload_len);
	tunnel->outer_ecn = ecn_of6(ip);
	address_from6(&tunnel->local, &ip->daddr);
	address_from6(&tunnel->pair.director, &ip->saddr);
	return 0;
}

/* The inner readers return 0 or XLVS_RS_MALFORMED. What lies beyond the addresses and the length
 * is checked by the stack, as for any packet. */
static __always_inline int read_inner4(struct tunnel *tunnel, const struct iphdr *ip,
				       const void *end)
{
	if ((const void *)(ip + 1) > end || ip->version != 4 || ip->ihl < sizeof(*ip) / 4)
		return XLVS_RS_MALFORMED;
	if (bpf_ntohs(ip->tot_len) < ip->ihl * 4 || bpf_ntohs(ip->tot_len) > tunnel->inner_bytes)
		return XLVS_RS_MALFORMED;
	tunnel->inner_ecn = ip->tos & ECN_MASK;
	address_from4(&tunnel->pair.vip, ip->daddr);
	return 0;
}

static __always_inline int read_inner6(struct tunnel *tunnel, const struct ipv6hdr *ip,
				       const void *end)
{
	if ((const void *)(ip + 1) > end || ip->version != 6)
		return XLVS_RS_MALFORMED;
	if (sizeof(*ip) + bpf_ntohs(ip->payload_len) > tunnel->inner_bytes)
		return XLVS_RS_MALFORMED;
	tunnel->inner_ecn = ecn_of6(ip);
	address_from6(&tunnel->pair.vip, &ip->daddr);
	return 0;
}

/* 0, or NOT_OURS for what no director sends; *ret_inner is where the packet inside begins. */
static __always_inline int read_shim(struct tunnel *tunnel, const void *at, const void *end,
				     const void **ret_inner)
{
	struct shim *shim = &tunnel->shim;
	const struct udphdr *udp = at;

	tunnel->inner_bytes = tunnel->payload_bytes;
	if (tunnel->protocol == IPPROTO_GRE) {
		if (!shim_read_gre(shim, at, end))
			return NOT_OURS;
	} else if (tunnel->protocol == IPPROTO_UDP) {
		if (!shim_read_gue(shim, at, end) || bpf_ntohs(udp->len) > tunnel->payload_bytes)
			return NOT_OURS;
		tunnel->payload_bytes = tunnel->inner_bytes = bpf_ntohs(udp->len);
	} else {
		shim_inner(shim, tunnel->protocol);
	}
	if (tunnel->inner_bytes < shim->bytes)
		return NOT_OURS;
	tunnel->inner_bytes -= shim->bytes;
	*ret_inner = at + (shim->bytes & 0x1f);
	return 0;
}

/* Read all headers: 0, XLVS_RS_MALFORMED or NOT_OURS. */
static __always_inline int read_headers(struct xdp_md *ctx, struct tunnel *tunnel)
{
	const void *end = (const void *)(long)ctx->data_end;
	const struct ethhdr *eth = (const void *)(long)ctx->data;
	const void *inner;
	int r;

	if ((const void *)(eth + 1) > end)
		return NOT_OURS;
	if (eth->h_proto == bpf_htons(ETH_P_IP)) {
		r = read_outer4(tunnel, (const void *)(eth + 1), end);
		inner = (const void *)(eth + 1) + sizeof(struct iphdr);
	} else if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		r = read_outer6(tunnel, (const void *)(eth + 1), end);
		inner = (const void *)(eth + 1) + sizeof(struct ipv6hdr);
	} else {
		return NOT_OURS;
	}
	if (r == NOT_OURS || !bpf_map_lookup_elem(&xlvs_rs_locals, &tunnel->local))
		return NOT_OURS;
	if (!r)
		r = read_shim(tunnel, inner, end, &inner);
	if (r)
		return r;
	r = tunnel->shim.inner_protocol == IPPROTO_IPIP ? read_inner4(tunnel, inner, end)
							: read_inner6(tunnel, inner, end);
	/* What came to some UDP port and looks odd is no tunnel. */
	return r && tunnel->shim.is_gue ? NOT_OURS : r;
}

static __always_inline __u32 pseudo_sum(const struct tunnel *tunnel)
{
	__u32 sum = bpf_htons(IPPROTO_UDP) + bpf_htons(tunnel->payload_bytes);
	const __be32 *local = tunnel->local.word, *director = tunnel->pair.director.word;
	int first = tunnel->outer_bytes == sizeof(struct iphdr) ? 3 : 0;

	for (int i = 0; i < 4; i++) {
		if (i < first)
			continue;
		sum += (local[i] & 0xffff) + (local[i] >> 16);
		sum += (director[i] & 0xffff) + (director[i] >> 16);
	}
	return sum;
}

static __always_inline bool is_sum_right(struct xdp_md *ctx, const struct tunnel *tunnel)
{
	__u32 offset = sizeof(struct ethhdr) + tunnel->outer_bytes;
	__u32 seed = tunnel->shim.is_gue ? pseudo_sum(tunnel) : 0;

	return xlvs_rs_sum(ctx, offset, tunnel->payload_bytes, seed) == 0xffff;
}

/* Read the packet and decide: XLVS_RS_DECAPSULATED (take it off) or another count, or NOT_OURS. */
static __always_inline int judge(struct xdp_md *ctx, struct tunnel *tunnel)
{
	__u32 *found, accept;
	int r = read_headers(ctx, tunnel);

	if (r)
		return r;
	found = bpf_map_lookup_elem(&xlvs_rs_vips, &tunnel->pair.vip);
	if (!found)
		return NOT_OURS;
	accept = *found;
	if (tunnel->shim.is_gue &&
	    bpf_ntohs(tunnel->shim.port) != accept >> XLVS_RS_ACCEPT_PORT_SHIFT)
		return NOT_OURS;
	if ((accept & XLVS_RS_ACCEPT_MASK) != XLVS_RS_ACCEPT_ANY &&
	    !bpf_map_lookup_elem(&xlvs_rs_sources, &tunnel->pair))
		return XLVS_RS_WRONG_SOURCE;
	if (tunnel->shim.is_remote &&
	    (__u32)tunnel->shim.sum_at + sizeof(__u16) > tunnel->inner_bytes)
		return XLVS_RS_MALFORMED;
	if (tunnel->shim.has_sum && !is_sum_right(ctx, tunnel))
		return XLVS_RS_BAD_CHECKSUM;
	/* RFC 6040: a sender that does not know ECN learns of congestion by loss alone. */
	if (tunnel->outer_ecn == ECN_CE && tunnel->inner_ecn == ECN_NONE)
		return XLVS_RS_CONGESTION;
	return XLVS_RS_DECAPSULATED;
}

/* RFC 6040, section 4.2: what the outer header learnt on the way and the inner one must be told. */
static __always_inline __u8 ecn_after(const struct tunnel *tunnel)
{
	if (tunnel->inner_ecn == ECN_NONE || tunnel->inner_ecn == ECN_CE)
		return tunnel->inner_ecn;
	if (tunnel->outer_ecn == ECN_CE || tunnel->outer_ecn == ECN_ECT1)
		return tunnel->outer_ecn;
	return tunnel->inner_ecn;
}

static __always_inline void set_ecn4(struct iphdr *ip, __u8 change)
{
	__u32 sum = (__u16)~ip->check;

	/* RFC 1624, equation 3, on the word that holds version, length and TOS */
	sum += (__u16) ~*(__u16 *)ip;
	ip->tos ^= change;
	sum += *(__u16 *)ip;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = ~sum;
}

/* Make the other half of a remote checksum, while the packet is still in its tunnel: its place
 * holds the pseudo header's sum. */
static __always_inline int finish_sum(struct xdp_md *ctx, const struct tunnel *tunnel)
{
	const struct shim *shim = &tunnel->shim;
	__u32 inner = sizeof(struct ethhdr) + tunnel->outer_bytes + shim->bytes;
	__u16 check;
	int sum;

	sum = xlvs_rs_sum(ctx, inner + shim->sum_from, tunnel->inner_bytes - shim->sum_from, 0);
	if (sum < 0)
		return -1;
	check = ~sum;
	return bpf_xdp_store_bytes(ctx, inner + shim->sum_at, &check, sizeof(check));
}

static __always_inline int take_off(struct xdp_md *ctx, const struct tunnel *tunnel)
{
	bool inner_is4 = tunnel->shim.inner_protocol == IPPROTO_IPIP;
	__u8 change = ecn_after(tunnel) ^ tunnel->inner_ecn;
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct ethhdr kept;
	void *end, *inner;

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	kept = *eth;
	kept.h_proto = inner_is4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	if (bpf_xdp_adjust_head(ctx, (int)(tunnel->outer_bytes + tunnel->shim.bytes)))
		return XDP_PASS;

	end = (void *)(long)ctx->data_end;
	eth = (void *)(long)ctx->data;
	inner = eth + 1;
	if (inner + sizeof(struct iphdr) > end)
		return XDP_ABORTED; /* judge() has read further than this */
	*eth = kept;
	if (change && inner_is4)
		set_ecn4(inner, change);
	else if (change)
		((struct ipv6hdr *)inner)->flow_lbl[0] ^= change << 4;
	return XDP_PASS;
}

SEC("xdp.frags")
int xlvs_rs_decap(struct xdp_md *ctx)
{
	struct tunnel tunnel = {};
	int verdict = judge(ctx, &tunnel);
	__u32 index = verdict;
	__u64 *count;

	if (verdict < 0)
		return XDP_PASS;
	count = bpf_map_lookup_elem(&xlvs_rs_counts, &index);
	if (count)
		(*count)++;
	if (verdict == XLVS_RS_CONGESTION || verdict == XLVS_RS_BAD_CHECKSUM)
		return XDP_DROP;
	if (verdict != XLVS_RS_DECAPSULATED)
		return XDP_PASS;
	if (tunnel.shim.is_remote && finish_sum(ctx, &tunnel))
		return XDP_PASS;
	return take_off(ctx, &tunnel);
}

const char xlvs_license[] SEC("license") = "GPL";
