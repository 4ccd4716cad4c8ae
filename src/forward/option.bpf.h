/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TCP packet's options, gone through byte by byte with arithmetic in the place of branches: the
 * verifier would follow each of their combinations. */
#ifndef XLVS_FORWARD_OPTION_BPF_H
#define XLVS_FORWARD_OPTION_BPF_H

#include <linux/tcp.h>

#include "datapath/packet.bpf.h"

enum xlvs_option_constant {
	XLVS_OPTION_END = 0,
	XLVS_OPTION_NOP = 1,
	XLVS_OPTION_MSS = 2,
	XLVS_OPTION_MSS_BYTES = 4,
	XLVS_OPTIONS_LEAST = 4, /* bytes, if there are any */
	XLVS_OPTIONS_MAX = 40,
};

/* Zero beyond the last byte, which is an option of its own: the end. */
struct xlvs_tcp_options {
	__u32 n_bytes;
	union {
		__u8 bytes[64];
		__u32 words[16];
	};
};

/* What is known of the option that a walk stands in. */
struct xlvs_option_walk {
	__u32 left; /* bytes of it that are still to come */
	__u32 start; /* 1 at its first byte */
	__u32 ended; /* 1 when no option follows */
	__u32 forged; /* 1 inside of one that is to be blanked */
	__u32 keep; /* 1 inside of one that remains */
};

/* 1 if they are the same, else 0; neither uses the highest bit. */
static __always_inline __u32 xlvs_same(__u32 a, __u32 b)
{
	__u32 answer = ((a ^ b) - 1) >> 31;

	asm volatile("" : "+r"(answer)); /* no branch is to be made of it */
	return answer;
}

static __always_inline __u32 xlvs_choose(__u32 condition, __u32 yes, __u32 no)
{
	return condition * yes + (1 - condition) * no;
}

/* Step to the byte `kind`, which `length` follows. */
static __always_inline void xlvs_option_step(struct xlvs_option_walk *walk, __u32 kind,
					     __u32 length)
{
	__u32 nop = xlvs_same(kind, XLVS_OPTION_NOP);

	walk->start = xlvs_same(walk->left, 0);
	walk->ended |= walk->start &
		       (xlvs_same(kind, XLVS_OPTION_END) | (1 - nop) * xlvs_same(length >> 1, 0));
	walk->left = xlvs_choose(walk->start, xlvs_choose(nop, 1, length), walk->left) - 1;
	walk->left &= 0xff;
	walk->start &= 1 - walk->ended;
}

/* Read the packet's options; false when it has no whole TCP header. */
static __always_inline bool xlvs_option_load(struct xdp_md *ctx, const struct xlvs_packet *pkt,
					     struct xlvs_tcp_options *ret)
{
	__u32 offset = (pkt->l4_offset & 0x7f) + sizeof(struct tcphdr), n_bytes;
	void *end = (void *)(long)ctx->data_end;
	const __u8 *headers = (void *)(long)ctx->data;
	const struct tcphdr *tcp;

	headers += pkt->l4_offset & 0x7f;
	tcp = (const void *)headers;
	if ((void *)(tcp + 1) > end)
		return false;
	n_bytes = tcp->doff * 4 - sizeof(*tcp);
	ret->n_bytes = n_bytes;
	asm volatile("" : "+r"(n_bytes)); /* Linux 6.1 forgets that it is not 0, but not bounds */
	if (n_bytes < XLVS_OPTIONS_LEAST)
		return !n_bytes;
	return n_bytes <= XLVS_OPTIONS_MAX && !bpf_xdp_load_bytes(ctx, offset, ret->bytes, n_bytes);
}

#endif
