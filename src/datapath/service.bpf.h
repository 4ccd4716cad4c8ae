/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New connections: from a packet without a record to a record, by way of service and scheduler. */
#ifndef XLVS_DATAPATH_SERVICE_BPF_H
#define XLVS_DATAPATH_SERVICE_BPF_H

#include "datapath/packet.bpf.h"

enum xlvs_open_answer {
	XLVS_OPEN_HASHED = 1 << 30, /* with a destination's index: forward without a record */
};

/* Schedule a packet that has no live record; `over` is the record of its finished or expired
 * predecessor to be used again, XLVS_NONE without. Returns the index of the new record,
 * XLVS_OPEN_HASHED with a destination's index, XLVS_NOT_OURS or a negative reason. */
int xlvs_open(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 over);

#endif
