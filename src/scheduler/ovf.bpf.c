// SPDX-License-Identifier: GPL-2.0-or-later
/* Overflow: the highest weight takes everything until its active connections exceed the weight,
 * then the next highest (net/netfilter/ipvs/ip_vs_ovf.c). */
#include "scheduler/least.bpf.h"

XLVS_LEAST_SCHEDULER(ovf, 1, (__s64)dest->active <= cell->weight ? cell->weight : 0)
