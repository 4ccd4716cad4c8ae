// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs to compare with that keep nothing: the floor below which no director can be. */
#include "base.bpf.h"

int pass(struct xdp_md *ctx);

SEC("xdp")
int pass(struct xdp_md *ctx)
{
	return ctx ? XDP_PASS : XDP_ABORTED;
}

int drop(struct xdp_md *ctx);

SEC("xdp")
int drop(struct xdp_md *ctx)
{
	return ctx ? XDP_DROP : XDP_ABORTED;
}

int mac_swap(struct xdp_md *ctx);

SEC("xdp")
int mac_swap(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	turn_header(eth, eth);
	return XDP_TX;
}

int parse_swap(struct xdp_md *ctx);

SEC("xdp")
int parse_swap(struct xdp_md *ctx)
{
	struct flow_key key;
	struct ethhdr *eth = parse_flow(ctx, &key);

	if (!eth)
		return XDP_PASS;
	/* One flow is kept out, so that the key is not optimised away. */
	if (key.saddr == 0 && key.ports == 0)
		return XDP_DROP;
	turn_header(eth, eth);
	return XDP_TX;
}

int ipip(struct xdp_md *ctx);

SEC("xdp")
int ipip(struct xdp_md *ctx)
{
	return encapsulate(ctx, bpf_htonl(0xc0000201), bpf_htonl(0xcb007101));
}

char LICENSE[] SEC("license") = "GPL";
