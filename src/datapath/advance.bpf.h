/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a packet changes about its connection, when it may change something: opening it, its state,
 * its deadline. The fast path does without. */
#ifndef XLVS_DATAPATH_ADVANCE_BPF_H
#define XLVS_DATAPATH_ADVANCE_BPF_H

#include "datapath/packet.bpf.h"

/* An answer: whom the packet goes to, and of the connection's meta what forwarding asks for. */
enum xlvs_advance_answer {
	XLVS_ADVANCE_DEST = (1 << 18) - 1,
	XLVS_ADVANCE_META_SHIFT = 18,
};

/* A client's packet; `index` is its connection's live record, XLVS_NONE without; `service` the
 * slot of its service, XLVS_NONE when it has not been looked for. Returns an answer as above,
 * XLVS_NOT_OURS or a negative reason. */
int xlvs_advance_request(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 index, __u32 service);

/* What becomes of a packet whose destination was deleted: dropped, or the host's while its family
 * has no service at all, as IPVS unhooks itself with the last one. */
int xlvs_dest_removed(struct xlvs_packet *pkt);

/* A server's packet; `index` is the live reply record. Returns 0, XLVS_NOT_OURS or a negative
 * reason. */
int xlvs_advance_reply(struct xlvs_packet *pkt, __u32 index);
/* The same of a one-way connection, by its own live record: seen where the director's own stack
 * answers. */
int xlvs_advance_own_reply(struct xlvs_packet *pkt, __u32 index);

#endif
