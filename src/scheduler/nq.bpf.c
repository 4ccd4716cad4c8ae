// SPDX-License-Identifier: GPL-2.0-or-later
/* Never queue: the first destination without an active connection; when all have some, the one sed
 * would choose (net/netfilter/ipvs/ip_vs_nq.c). */
#include "scheduler/least.bpf.h"

XLVS_LEAST_SCHEDULER(nq, dest->active ? (__s64)dest->active + 1 : 0, cell->weight)
