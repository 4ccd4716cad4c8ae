/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Persistence engines: whose session a packet belongs to is read in the packet, not in its
 * addresses alone. Asked by the first packet of a connection of a service that has one. */
#ifndef XLVS_PE_PE_BPF_H
#define XLVS_PE_PE_BPF_H

#include "datapath/packet.bpf.h"
#include "pe/list.h"

static __always_inline struct xlvs_pe_scratch *xlvs_pe_scratch_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&xlvs_pe_scratch, &zero);
}

/* Have engine number `pe` read the packet: its session's data are in this CPU's scratch then, until
 * the next packet's. 0, or -XLVS_DROP_NO_SESSION. */
int xlvs_pe_read(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 pe);

/* What each engine offers: write the session's name and its length into this CPU's scratch, where
 * both are zero. 0, or -XLVS_DROP_NO_SESSION. */
#define XLVS_PE_DECLARE(name, number) \
	int xlvs_pe_##name(struct xdp_md *ctx, struct xlvs_packet *pkt);
XLVS_PES(XLVS_PE_DECLARE)
#undef XLVS_PE_DECLARE

#endif
