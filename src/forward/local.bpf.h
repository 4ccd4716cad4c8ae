/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Destinations that are addresses of the director itself, whatever their method. */
#ifndef XLVS_FORWARD_LOCAL_BPF_H
#define XLVS_FORWARD_LOCAL_BPF_H

#include "datapath/packet.bpf.h"

/* The contract of a forwarding method, but for the next hop; `meta` is the connection's. Replies
 * are datapath/egress.bpf.c's. */
int xlvs_forward_local(struct xdp_md *ctx, struct xlvs_packet *pkt, struct xlvs_dest *dest,
		       __u32 meta);

#endif
