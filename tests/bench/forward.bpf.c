// SPDX-License-Identifier: GPL-2.0-or-later
/* Plain forwarding by the kernel's routing table: what a lookup of the next hop costs. */
#include "base.bpf.h"

enum {
	FAMILY_INET = 2,
};

int forward(struct xdp_md *ctx);

SEC("xdp")
int forward(struct xdp_md *ctx)
{
	struct bpf_fib_lookup route = {.family = FAMILY_INET, .ifindex = ctx->ingress_ifindex};
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	__u32 check;

	if ((void *)(ip + 1) > (void *)(long)ctx->data_end)
		return XDP_PASS;
	if (eth->h_proto != bpf_htons(ETH_P_IP) || ip->ttl <= 1)
		return XDP_PASS;
	route.tos = ip->tos;
	route.l4_protocol = ip->protocol;
	route.tot_len = bpf_ntohs(ip->tot_len);
	route.ipv4_src = ip->saddr;
	route.ipv4_dst = ip->daddr;
	if (bpf_fib_lookup(ctx, &route, sizeof(route), 0) != BPF_FIB_LKUP_RET_SUCCESS)
		return XDP_PASS;

	check = ip->check + bpf_htons(0x0100);
	ip->check = check + (check >= 0xffff);
	ip->ttl--;
	__builtin_memcpy(eth->h_dest, route.dmac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, route.smac, ETH_ALEN);
	return bpf_redirect(route.ifindex, 0);
}

char LICENSE[] SEC("license") = "GPL";
