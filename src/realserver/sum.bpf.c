// SPDX-License-Identifier: GPL-2.0-or-later
/* Checksums over a whole packet, which may lie in several buffers: piece by piece into memory of
 * this CPU's own. */
#include "realserver/shim.bpf.h"

enum {
	PIECE_BYTES = 512, /* the most bpf_csum_diff takes at once */
};

struct piece {
	__be32 words[PIECE_BYTES / 4];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct piece);
} xlvs_rs_piece SEC(".maps");

/* As above, for 1 to PIECE_BYTES: a function of its own, verified once. */
__noinline int xlvs_rs_sum_piece(struct xdp_md *ctx, __u32 offset, __u32 bytes, __u32 seed);

__noinline int xlvs_rs_sum_piece(struct xdp_md *ctx, __u32 offset, __u32 bytes, __u32 seed)
{
	__u32 zero = 0, sum;
	struct piece *piece = bpf_map_lookup_elem(&xlvs_rs_piece, &zero);

	if (!piece)
		return -1;
	bytes = ((bytes - 1) & (PIECE_BYTES - 1)) + 1; /* as it is, in words for the verifier */
	__builtin_memset(piece, 0, sizeof(*piece));
	if (bpf_xdp_load_bytes(ctx, offset, piece, bytes))
		return -1;
	sum = bpf_csum_diff(0, 0, piece->words, sizeof(*piece), seed);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

struct summing {
	struct xdp_md *ctx;
	__u32 offset;
	__u32 bytes;
	int sum;
};

static long sum_next(__u32 index, void *context)
{
	struct summing *summing = context;
	__u32 done = index * PIECE_BYTES, left = summing->bytes - done;

	summing->sum = xlvs_rs_sum_piece(summing->ctx, summing->offset + done,
					 left < PIECE_BYTES ? left : PIECE_BYTES, summing->sum);
	return summing->sum < 0;
}

int xlvs_rs_sum(struct xdp_md *ctx, __u32 offset, __u32 bytes, __u32 seed)
{
	struct summing summing = {
		.ctx = ctx,
		.offset = offset,
		.bytes = bytes,
		.sum = (seed & 0xffff) + (seed >> 16),
	};

	bpf_loop((bytes + PIECE_BYTES - 1) / PIECE_BYTES, sum_next, &summing, 0);
	return summing.sum;
}
