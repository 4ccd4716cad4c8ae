/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets whose way is known already, and that are no everyday packets: fragments, and those that
 * have to be cut for the next link. */
#ifndef XLVS_DATAPATH_FOLLOW_BPF_H
#define XLVS_DATAPATH_FOLLOW_BPF_H

#include "datapath/packet.bpf.h"

/* Forward a fragment: a request by pkt->dest and pkt->meta, a reply (`fate`: enum
 * xlvs_fragment_fate) by the record of its tuple. One that `is_new` is a datagram's first, about
 * which that is decided now; fragments that were kept go behind it. An XDP action, XLVS_NOT_OURS or
 * a negative reason. */
int xlvs_follow(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 fate, __u32 is_new);

/* A first fragment that is none of ours (`r` is XLVS_NOT_OURS) or was dropped: so will the others
 * be. Returns what becomes of this one. */
int xlvs_follow_not(struct xdp_md *ctx, struct xlvs_packet *pkt, int r);

/* A packet that was found too big for the next link, and is as it came: if its sender lets it be
 * fragmented, it goes by the detour and is cut there. An XDP action, or a negative reason. */
int xlvs_follow_cut(struct xdp_md *ctx, struct xlvs_packet *pkt);

#endif
