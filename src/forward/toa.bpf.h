/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's address behind FULLNAT (TOA, after LVS): a TCP option in every packet of the
 * client's after its SYN until the server's first data, so that the packet that completes the
 * server's handshake has it, whichever that is. A connection that is told of in this way has
 * XLVS_META_TELLING; no packet of others comes here. */
#ifndef XLVS_FORWARD_TOA_BPF_H
#define XLVS_FORWARD_TOA_BPF_H

#include "datapath/packet.bpf.h"

/* Write the option into a client's packet that is about to be translated, and blank what looks like
 * one already. A packet that has no room for it stays without. Returns 0, or a negative reason with
 * the packet untouched. */
int xlvs_toa_request(struct xdp_md *ctx, struct xlvs_packet *pkt, struct xlvs_dest *dest,
		     struct xlvs_nexthop *nexthop);

/* A server's packet, of the reply record `index`, that is about to be translated: lower the MSS of
 * a SYN, or note that this was the first data. Returns 0. */
int xlvs_toa_reply(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 index);

#endif
