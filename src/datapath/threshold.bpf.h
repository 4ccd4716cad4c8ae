/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A destination's connection thresholds, as in IPVS: whenever a connection or a template binds to
 * it the upper one may make it overloaded, and whenever one lets go of it the lower one, or three
 * quarters of the upper one, may end that. Templates are not counted among the connections. */
#ifndef XLVS_DATAPATH_THRESHOLD_BPF_H
#define XLVS_DATAPATH_THRESHOLD_BPF_H

#include <linux/types.h>

#include "abi/destination.h"

static __always_inline __u32 xlvs_dest_conns(const struct xlvs_dest *dest)
{
	return *(volatile __u32 *)&dest->active + *(volatile __u32 *)&dest->inactive;
}

/* Its counts have just gone up. */
static __always_inline void xlvs_dest_bound(struct xlvs_dest *dest)
{
	__u32 upper = dest->upper_threshold;

	if (upper && xlvs_dest_conns(dest) >= upper)
		dest->overloaded = 1;
}

/* Its counts have just gone down. */
static __always_inline void xlvs_dest_unbound(struct xlvs_dest *dest)
{
	__u32 upper = dest->upper_threshold, lower = dest->lower_threshold;

	if (!dest->overloaded)
		return;
	if (lower ? xlvs_dest_conns(dest) < lower
		  : !upper || (__u64)xlvs_dest_conns(dest) * 4 < (__u64)upper * 3)
		dest->overloaded = 0;
}

#endif
