/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the packet path has counted, and what of it is shown.
 *
 * A destination's counters grow as long as its slot is in use. A service shows the sum of its
 * available destinations; what a destination had counted when it was deleted is carried in the
 * service's ledger, and taken out again if the destination comes back. Arithmetic is modulo 2^64,
 * so a ledger may stand below zero for a time. */
#ifndef XLVS_LOADER_COUNTERS_H
#define XLVS_LOADER_COUNTERS_H

#include <linux/types.h>
#include <stdint.h>

struct xlvs_maps;

enum {
	XLVS_COUNTS = 5
}; /* in the order of struct xlvs_ledger */

/* Everything since the slot came into use. */
void xlvs_counters_counted(const struct xlvs_maps *maps, uint32_t dest,
			   __u64 ret_counts[static XLVS_COUNTS]);

/* Zero what a service and its available destinations show; XLVS_NONE: every service. */
void xlvs_counters_zero(const struct xlvs_maps *maps, uint32_t service);

/* A slot that nothing uses starts counting at zero. */
void xlvs_counters_reset(const struct xlvs_maps *maps, uint32_t dest);

#endif
