/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The firewall mark of a packet, for services that are named by one. */
#ifndef XLVS_DATAPATH_MARK_BPF_H
#define XLVS_DATAPATH_MARK_BPF_H

#include "datapath/packet.bpf.h"

/* The mark of the rule that holds for a packet, and counts it; 0 without. Of the rules that match
 * it the one with the longest prefix; of those the one with the narrowest range of ports, then the
 * lowest first port; last, one for its protocol before one for any. */
__u32 xlvs_mark_give(struct xlvs_tuple *tuple);

#endif
