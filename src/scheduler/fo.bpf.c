// SPDX-License-Identifier: GPL-2.0-or-later
/* Weighted fail over: the highest weight takes everything (net/netfilter/ipvs/ip_vs_fo.c). */
#include "scheduler/least.bpf.h"

XLVS_LEAST_SCHEDULER(fo, 1, cell->weight)
