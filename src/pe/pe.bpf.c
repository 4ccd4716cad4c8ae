// SPDX-License-Identifier: GPL-2.0-or-later
#include "pe/pe.bpf.h"

#include "abi/hash.h"

static __always_inline int ask(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 pe)
{
	switch (pe) {
#define ASK(name, number) \
	case number:      \
		return xlvs_pe_##name(ctx, pkt);
		XLVS_PES(ASK)
#undef ASK
	default:
		return -XLVS_DROP_INTERNAL;
	}
}

int xlvs_pe_read(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 pe)
{
	struct xlvs_pe_scratch *scratch = xlvs_pe_scratch_get();
	int r;

	if (!pkt || !scratch)
		return -XLVS_DROP_INTERNAL;
	__builtin_memset(&scratch->data, 0, sizeof(scratch->data));
	scratch->data.engine = pe;
	r = ask(ctx, pkt, pe);
	if (!r)
		xlvs_hash_words(xlvs_constants.seed, scratch->data.words, XLVS_PE_WORDS,
				scratch->data.digest);
	return r;
}
