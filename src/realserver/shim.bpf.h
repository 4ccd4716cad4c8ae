/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What GUE and GRE put between a tunnel's outer header and the packet inside, read by a real
 * server: GUE version 0 (draft-ietf-intarea-gue) without options or with the one for remote
 * checksums as Linux sends it (include/net/gue.h), and GRE (RFC 2784) with or without checksum. */
#ifndef XLVS_REALSERVER_SHIM_BPF_H
#define XLVS_REALSERVER_SHIM_BPF_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum shim_constant {
	GRE_BYTES = 4,
	GRE_SUM_BYTES = 4,
	GRE_HAS_SUM = 0x8000,
	GUE_BYTES = 4,
	GUE_REMCSUM_BYTES = 8, /* the private flags, then where to begin and where to write */
	GUE_REMCSUM_FIRST = 0x0200, /* version 0, data, two words of options */
	GUE_REMCSUM_FLAGS = 0x0001, /* private flags follow */
};

struct shim {
	__u32 bytes;
	__u8 inner_protocol; /* IPPROTO_IPIP or IPPROTO_IPV6 */
	bool has_sum;
	bool is_gue;
	bool is_remote; /* the transport checksum inside is half made */
	__be16 port; /* of GUE */
	__u16 sum_from; /* remote: from the inner header's begin, both even */
	__u16 sum_at;
};

static __always_inline bool shim_inner(struct shim *shim, __u32 protocol)
{
	shim->inner_protocol = protocol;
	return protocol == IPPROTO_IPIP || protocol == IPPROTO_IPV6;
}

static __always_inline bool shim_read_gre(struct shim *shim, const __be16 *gre, const void *end)
{
	if ((const void *)gre + GRE_BYTES + GRE_SUM_BYTES > end)
		return false;
	if (gre[0] & ~bpf_htons(GRE_HAS_SUM)) /* keys, sequence numbers, versions */
		return false;
	shim->has_sum = gre[0] != 0;
	shim->bytes = shim->has_sum ? GRE_BYTES + GRE_SUM_BYTES : GRE_BYTES;
	if (gre[1] == bpf_htons(ETH_P_IP))
		return shim_inner(shim, IPPROTO_IPIP);
	return gre[1] == bpf_htons(ETH_P_IPV6) && shim_inner(shim, IPPROTO_IPV6);
}

static __always_inline bool shim_read_remcsum(struct shim *shim, const __be16 *words,
					      const void *end)
{
	if ((const void *)words + GUE_REMCSUM_BYTES > end || words[0] != bpf_htons(0x8000) ||
	    words[1])
		return false;
	shim->is_remote = true;
	shim->sum_from = bpf_ntohs(words[2]);
	shim->sum_at = bpf_ntohs(words[3]);
	shim->bytes += GUE_REMCSUM_BYTES;
	return !(shim->sum_from & 1) && !(shim->sum_at & 1) && shim->sum_from <= shim->sum_at;
}

static __always_inline bool shim_read_gue(struct shim *shim, const struct udphdr *udp,
					  const void *end)
{
	const __be16 *gue = (const void *)(udp + 1);

	if ((const void *)(gue + 2) > end)
		return false;
	shim->is_gue = true;
	shim->has_sum = udp->check != 0;
	shim->port = udp->dest;
	shim->bytes = sizeof(*udp) + GUE_BYTES;
	if (!shim_inner(shim, bpf_ntohs(gue[0]) & 0xff))
		return false;
	if (!gue[1])
		return (gue[0] & bpf_htons(0xff00)) == 0;
	return gue[1] == bpf_htons(GUE_REMCSUM_FLAGS) &&
	       (gue[0] & bpf_htons(0xff00)) == bpf_htons(GUE_REMCSUM_FIRST) &&
	       shim_read_remcsum(shim, gue + 2, end);
}

/* The one's complement sum of `bytes` bytes of the frame and of `seed`, 0..0xffff as it lies in
 * memory; -1 when the frame ends before. */
int xlvs_rs_sum(struct xdp_md *ctx, __u32 offset, __u32 bytes, __u32 seed);

#endif
