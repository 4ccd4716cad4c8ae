/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is counted, each CPU for itself: no atomics, no helper that is a call. */
#ifndef XLVS_DATAPATH_COUNTERS_BPF_H
#define XLVS_DATAPATH_COUNTERS_BPF_H

#include "datapath/maps.bpf.h"

static __always_inline struct xlvs_traffic *xlvs_traffic_of(__u32 dest)
{
	__u32 index = bpf_get_smp_processor_id() * XLVS_DESTS_MAX + dest;

	return bpf_map_lookup_elem(&xlvs_traffic, &index);
}

static __always_inline void xlvs_count_in(__u32 dest, __u32 bytes)
{
	struct xlvs_traffic *traffic = xlvs_traffic_of(dest);

	if (traffic) {
		traffic->in_packets++;
		traffic->in_bytes += bytes;
	}
}

static __always_inline void xlvs_count_out(__u32 dest, __u32 bytes)
{
	struct xlvs_traffic *traffic = xlvs_traffic_of(dest);

	if (traffic) {
		traffic->out_packets++;
		traffic->out_bytes += bytes;
	}
}

static __always_inline void xlvs_count_reason(__u32 reason)
{
	__u32 index = bpf_get_smp_processor_id() * XLVS_REASONS_MAX + reason;
	__u64 *count = bpf_map_lookup_elem(&xlvs_reasons, &index);

	if (count)
		(*count)++;
}

#endif
