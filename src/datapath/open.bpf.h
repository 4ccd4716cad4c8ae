/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a connection opens; open.bpf.c says in what order. For advance.bpf.c and icmp_schedule.bpf.c
 * alone. */
#ifndef XLVS_DATAPATH_OPEN_BPF_H
#define XLVS_DATAPATH_OPEN_BPF_H

#include "datapath/packet.bpf.h"

enum xlvs_open_answer {
	XLVS_OPEN_HASHED = 1 << 30, /* with a destination's index: forward without a record */
};

/* Schedule a packet that has no live record. `over` is the record of its finished or expired
 * predecessor to be used again, XLVS_NONE without; `slot` its service's.
 * Returns the index of the new record, whose destination and meta then stand in `pkt`,
 * XLVS_OPEN_HASHED with a destination's index, XLVS_NOT_OURS or a negative reason. */
int xlvs_open(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 over, __u32 slot);

#endif
