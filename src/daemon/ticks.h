/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet path's clock as seen from user space: ticks, that is jiffies shifted right.
 *
 * The kernel counts jiffies by CLOCK_MONOTONIC, in steps of a tick, so one look at both is enough
 * for good. Where jiffies stand is written in /proc/timer_list. */
#ifndef XLVS_DAEMON_TICKS_H
#define XLVS_DAEMON_TICKS_H

#include <stdio.h>

#include "abi/config.h"

struct xlvs_ticks {
	__u64 offset_ns; /* jiffies * jiffy_ns - CLOCK_MONOTONIC; wraps */
	__u32 jiffy_ns;
	__u32 shift;
};

/* The number of jiffies in a listing of the form of /proc/timer_list. -ENODATA. */
int xlvs_ticks_read_jiffies(FILE *timer_list, __u64 *ret_jiffies);

/* -ENODATA, or what keeps /proc/timer_list from being read. */
int xlvs_ticks_init(const struct xlvs_constants *constants, struct xlvs_ticks *ret_ticks);
__u32 xlvs_ticks_now(const struct xlvs_ticks *ticks);

#endif
