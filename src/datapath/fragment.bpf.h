/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fragments of TCP and UDP. A datagram's first fragment has the ports: it is treated as a packet,
 * and what became of it is remembered for the others, each of which is sent on by itself.
 * Fragments that come before their first one are kept, and let go behind it. */
#ifndef XLVS_DATAPATH_FRAGMENT_BPF_H
#define XLVS_DATAPATH_FRAGMENT_BPF_H

#include "datapath/packet.bpf.h"

enum xlvs_fragment_answer {
	XLVS_FRAGMENT_FIRST = 16, /* beyond every XDP action */
	XLVS_FRAGMENT_REQUEST,
	XLVS_FRAGMENT_REPLY,
	XLVS_FRAGMENT_TINY,
};

/* What this packet is: the first fragment, to be treated as a packet and then decided about; one of
 * a datagram that is decided, its connection's tuple in *pkt, of a request dest and meta, too; or a
 * first one without its whole transport header, to be dropped when it is ours.
 * Or an XDP action, for a fragment that is kept; XLVS_NOT_OURS for no fragment, or not ours; or a
 * negative reason. */
int xlvs_fragment_enter(struct xdp_md *ctx, struct xlvs_packet *pkt);

/* Remember what becomes of the datagram whose first fragment this is, still as it came: `fate`
 * (enum xlvs_fragment_fate), of a request dest and meta in *pkt. Returns the serial of the newest
 * fragment that was kept, which the caller lets go, or 0. */
__u32 xlvs_fragment_decide(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 fate);

#endif
