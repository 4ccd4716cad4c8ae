/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's clocks. Both only go forward. */
#ifndef XLVS_DAEMON_CLOCK_H
#define XLVS_DAEMON_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t xlvs_clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* While the machine is awake. */
static inline uint64_t xlvs_now_ns(void)
{
	return xlvs_clock_ns(CLOCK_MONOTONIC);
}

/* Also while it sleeps. */
static inline uint64_t xlvs_now_sec(void)
{
	return xlvs_clock_ns(CLOCK_BOOTTIME) / 1000000000;
}

#endif
