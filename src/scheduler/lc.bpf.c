// SPDX-License-Identifier: GPL-2.0-or-later
/* Least connections: an active connection counts as 256 inactive ones; the weight only says
 * whether a destination takes part. */
#include "scheduler/least.bpf.h"

XLVS_LEAST_SCHEDULER(lc, (__s64)dest->active * 256 + dest->inactive, cell->weight > 0)
