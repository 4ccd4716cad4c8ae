// SPDX-License-Identifier: GPL-2.0-or-later
/* Locality-based least connections, for caches: an address that packets are for stays with the
 * destination that served it, until that one needs help or takes no connections; then wlc names
 * another one, which is remembered instead (net/netfilter/ipvs/ip_vs_lblc.c). Being over its
 * connection threshold does not make a remembered destination unusable. */
#include "scheduler/locality.bpf.h"

int xlvs_sched_lblc(struct xlvs_pick *pick, struct xlvs_tuple *tuple)
{
	struct xlvs_locality_key key = {};
	struct xlvs_locality *locality;
	__u32 now = xlvs_now();
	struct xlvs_dest *dest;
	int chosen;

	if (!pick || !tuple || !xlvs_locality_key_of(pick, tuple, &key))
		return -XLVS_DROP_INTERNAL;
	locality = xlvs_locality_find(&key, XLVS_TIMEOUT_LBLC, now);
	if (locality) {
		dest = xlvs_locality_member(locality, 0);
		if (dest && dest->flags & XLVS_DEST_AVAILABLE && dest->weight > 0 &&
		    !xlvs_dest_needs_help(pick, dest))
			return locality->members[0].dest;
	}
	chosen = xlvs_sched_wlc(pick, tuple);
	if (chosen < 0)
		return chosen;
	if (!locality)
		locality = xlvs_locality_new(&key, now);
	if (locality)
		xlvs_locality_write(locality, 0, chosen, now);
	return chosen;
}
