// SPDX-License-Identifier: GPL-2.0-or-later
/* The program the budgets in nanoseconds refer to: one lookup in the kernel's LRU hash map, IPIP
 * encapsulation. */
#include "base.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1 << 16);
	__type(key, struct flow_key);
	__type(value, struct connection);
} connections SEC(".maps");

int lru_ipip(struct xdp_md *ctx);

SEC("xdp")
int lru_ipip(struct xdp_md *ctx)
{
	struct connection *connection;
	struct flow_key key;

	if (!parse_flow(ctx, &key))
		return XDP_PASS;
	connection = find(&connections, &key);
	if (!connection)
		return XDP_DROP;
	connection->packets++;
	return encapsulate(ctx, bpf_htonl(0xc0000201), connection->destination);
}

char LICENSE[] SEC("license") = "GPL";
