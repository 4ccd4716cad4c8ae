// SPDX-License-Identifier: GPL-2.0-or-later
/* Shortest expected delay: the active connections, the new one among them, divided by the weight
 * (net/netfilter/ipvs/ip_vs_sed.c). */
#include "scheduler/least.bpf.h"

XLVS_LEAST_SCHEDULER(sed, (__s64)dest->active + 1, cell->weight)
