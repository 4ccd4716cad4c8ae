// SPDX-License-Identifier: GPL-2.0-or-later
/* Weighted least connections: the overhead of lc, divided by the weight. */
#include "scheduler/least.bpf.h"

XLVS_LEAST_SCHEDULER(wlc, (__s64)dest->active * 256 + dest->inactive, cell->weight)
