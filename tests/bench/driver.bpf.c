// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The driver: runs before the program under test in every repetition, because BPF_PROG_TEST_RUN
 * hands the same buffer out again and again as the last repetition left it. It makes room or gives
 * room back, writes the template, puts a flow in, sets the checksums right, touches memory of its
 * own and tail-calls the program under test. generate4 and generate6 do the same and redirect the
 * frame instead: a packet source for live frames.
 */
#include <linux/bpf.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "driver.h"

struct line {
	__u32 next;
	__u32 unused[15];
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DRIVER_LEARNED_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct driver_flow);
} learned SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DRIVER_LINES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct line);
} lines SEC(".maps");

struct driver_config config;
struct driver_state state;

/* Walks from line to line; each step waits for the one before it. */
static __always_inline __u32 touch_lines(void)
{
	__u32 at = state.line;

	for (__u32 i = 0; i < DRIVER_TOUCH_MAX && i < config.touch; i++) {
		__u32 key = at % DRIVER_LINES;
		struct line *line = bpf_map_lookup_elem(&lines, &key);

		if (!line)
			break;
		at = line->next;
	}
	state.line = at;
	return at;
}

static __always_inline __u32 choose_index(void)
{
	__u32 touched = touch_lines();
	__u64 random = state.random;

	if (config.order == DRIVER_ORDER_NEW)
		return state.next++;
	if (config.order == DRIVER_ORDER_SWEEP) {
		if (state.next >= config.flows)
			state.next = 0;
		return state.next++;
	}
	random ^= random << 13;
	random ^= random >> 7;
	random ^= random << 17;
	state.random = random;
	/* The flow is not known before the lines are read: packets do not overlap more than a
	 * little. */
	return ((__u64)((__u32)random ^ touched) * config.flows) >> 32;
}

/* Flows 0 to 65535 differ by address; what is above that turns the port. */
static __always_inline void choose_flow(struct driver_flow *flow)
{
	__u32 index = choose_index();
	__u32 address = index & 0xffff;
	__u16 port = ((address * 40503) + (index >> 16)) & 0x7fff;

	*flow = config.flow;
	if (config.vary == DRIVER_VARY_SOURCE) {
		flow->saddr += address;
		flow->sport += port;
	} else if (config.vary == DRIVER_VARY_DESTINATION) {
		flow->daddr += address;
		flow->dport += port;
	} else {
		struct driver_flow *known = bpf_map_lookup_elem(&learned, &index);

		if (known)
			*flow = *known;
	}
}

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline __u32 address_sum(__be32 saddr, __be32 daddr)
{
	return (saddr & 0xffff) + (saddr >> 16) + (daddr & 0xffff) + (daddr >> 16);
}

/* TCP and UDP begin alike: two ports. The room for 20 bytes has been checked. */
static __always_inline void write_ports(void *l4, const struct driver_flow *flow, __u32 sum)
{
	struct udphdr *ports = l4;
	__u16 check;

	ports->source = bpf_htons(flow->sport);
	ports->dest = bpf_htons(flow->dport);
	check = fold(sum + ports->source + ports->dest);
	if (!check)
		check = 0xffff; /* the same number, and not "no checksum" */
	if (config.udp)
		ports->check = check;
	else
		((struct tcphdr *)l4)->check = check;
}

static __always_inline void write_ipv4(void *frame)
{
	struct iphdr *ip = frame + ETH_HLEN;
	struct driver_flow flow;
	__u32 sum;

	choose_flow(&flow);
	ip->saddr = bpf_htonl(flow.saddr);
	ip->daddr = bpf_htonl(flow.daddr);
	sum = address_sum(ip->saddr, ip->daddr);
	ip->check = fold(config.ip_sum + sum);
	write_ports(ip + 1, &flow, config.l4_sum + sum);
}

static __always_inline void write_ipv6(void *frame)
{
	struct ipv6hdr *ip = frame + ETH_HLEN;
	struct driver_flow flow;
	__be32 saddr, daddr;

	choose_flow(&flow);
	saddr = bpf_htonl(flow.saddr);
	daddr = bpf_htonl(flow.daddr);
	ip->saddr.in6_u.u6_addr32[3] = saddr;
	ip->daddr.in6_u.u6_addr32[3] = daddr;
	write_ports(ip + 1, &flow, config.l4_sum + address_sum(saddr, daddr));
}

static __always_inline void copy_template(__u64 *to, __u32 length_bytes)
{
	__u32 words = length_bytes / 8;

	for (__u32 i = 0; i < words; i++)
		to[i] = config.frame[i];
	if (length_bytes % 8 == 6) {
		((__u32 *)to)[words * 2] = ((__u32 *)config.frame)[words * 2];
		((__u16 *)to)[words * 4 + 2] = ((__u16 *)config.frame)[words * 4 + 2];
	} else {
		((__u16 *)to)[words * 4] = ((__u16 *)config.frame)[words * 4];
	}
}

static __always_inline int write_frame(struct xdp_md *ctx, __u32 length_bytes)
{
	int surplus_bytes = (int)(ctx->data_end - ctx->data) - (int)length_bytes;
	void *data;

	/* Called even for nothing, so that it costs the same whatever the program under test did.
	 */
	if (bpf_xdp_adjust_head(ctx, surplus_bytes))
		return -1;
	data = (void *)(long)ctx->data;
	if (data + length_bytes > (void *)(long)ctx->data_end)
		return -1;

	copy_template(data, length_bytes);
	if (length_bytes == DRIVER_FRAME4_BYTES)
		write_ipv4(data);
	else
		write_ipv6(data);
	return 0;
}

/* XDP_ABORTED tells the harness that something is wrong: no target, or a frame out of room. */
int drive4(struct xdp_md *ctx);

SEC("xdp")
int drive4(struct xdp_md *ctx)
{
	if (write_frame(ctx, DRIVER_FRAME4_BYTES) == 0)
		bpf_tail_call(ctx, &target, 0);
	return XDP_ABORTED;
}

int drive6(struct xdp_md *ctx);

SEC("xdp")
int drive6(struct xdp_md *ctx)
{
	if (write_frame(ctx, DRIVER_FRAME6_BYTES) == 0)
		bpf_tail_call(ctx, &target, 0);
	return XDP_ABORTED;
}

int generate4(struct xdp_md *ctx);

SEC("xdp")
int generate4(struct xdp_md *ctx)
{
	return write_frame(ctx, DRIVER_FRAME4_BYTES) ? XDP_ABORTED
						     : bpf_redirect(config.ifindex, 0);
}

int generate6(struct xdp_md *ctx);

SEC("xdp")
int generate6(struct xdp_md *ctx)
{
	return write_frame(ctx, DRIVER_FRAME6_BYTES) ? XDP_ABORTED
						     : bpf_redirect(config.ifindex, 0);
}

/* The target of the runs that are subtracted. */
int reflect(struct xdp_md *ctx);

SEC("xdp")
int reflect(struct xdp_md *ctx)
{
	return ctx ? XDP_TX : XDP_ABORTED;
}

char LICENSE[] SEC("license") = "GPL";
