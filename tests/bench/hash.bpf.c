// SPDX-License-Identifier: GPL-2.0-or-later
/* To compare with: one lookup in the kernel's hash map, MAC swap. */
#include "base.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1 << 16);
	__type(key, struct flow_key);
	__type(value, struct connection);
} connections SEC(".maps");

int hash_swap(struct xdp_md *ctx);

SEC("xdp")
int hash_swap(struct xdp_md *ctx)
{
	struct connection *connection;
	struct flow_key key;
	struct ethhdr *eth = parse_flow(ctx, &key);

	if (!eth)
		return XDP_PASS;
	connection = find(&connections, &key);
	if (!connection)
		return XDP_DROP;
	connection->packets++;
	turn_header(eth, eth);
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
