// SPDX-License-Identifier: GPL-2.0-or-later
/* The full checksum of a UDP datagram, needed once in a while: a translated datagram that came
 * without a checksum leaves with one, as in IPVS. */
#include "forward/forward.bpf.h"

enum checksum_constant {
	WORD_BYTES = 8,
	WORDS_MAX = 1200, /* 9,600 bytes: a jumbo frame */
};

int xlvs_udp_sum(struct xdp_md *ctx, __u32 offset, __u32 bytes)
{
	void *end = (void *)(long)ctx->data_end;
	void *at = (void *)(long)ctx->data + (offset & 0x7f);
	__u64 sum = 0;

	if (bytes > WORDS_MAX * WORD_BYTES)
		return -XLVS_DROP_INTERNAL;
	for (__u32 i = 0; i < WORDS_MAX && bytes >= WORD_BYTES; i++, bytes -= WORD_BYTES) {
		const __u32 *words = at;

		/* Or clang 14 compares with data_end + 1, which the verifier does not allow. */
		asm volatile("" : "+r"(end));
		if (at + WORD_BYTES > end)
			return -XLVS_DROP_INTERNAL;
		sum += (__u64)words[0] + words[1];
		at += WORD_BYTES;
	}
	if (bytes & 4) {
		if (at + 4 > end)
			return -XLVS_DROP_INTERNAL;
		sum += *(const __u32 *)at;
		at += 4;
	}
	if (bytes & 2) {
		if (at + 2 > end)
			return -XLVS_DROP_INTERNAL;
		sum += *(const __u16 *)at;
		at += 2;
	}
	if (bytes & 1) {
		if (at + 1 > end)
			return -XLVS_DROP_INTERNAL;
		sum += bpf_htons(*(const __u8 *)at << 8); /* as if a zero followed */
	}
	return xlvs_checksum_fold(sum);
}
