// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ticks.h"

#include "base/cleanup.h"
#include "daemon/clock.h"

#include <errno.h>

#define NS_PER_SEC 1000000000U

int xlvs_ticks_read_jiffies(FILE *timer_list, __u64 *ret_jiffies)
{
	char line[256];
	unsigned long long jiffies;

	while (fgets(line, sizeof(line), timer_list)) {
		if (sscanf(line, "jiffies: %llu", &jiffies) == 1) {
			*ret_jiffies = jiffies;
			return 0;
		}
	}
	return -ENODATA;
}

int xlvs_ticks_init(const struct xlvs_constants *constants, struct xlvs_ticks *ret_ticks)
{
	XLVS_AUTO_FCLOSE FILE *timer_list = fopen("/proc/timer_list", "re");
	__u32 hz = constants->ticks_per_sec << constants->tick_shift;
	struct xlvs_ticks ticks = {.shift = constants->tick_shift};
	__u64 jiffies;
	int r;

	if (!timer_list)
		return -errno;
	if (!hz)
		return -ENODATA;
	r = xlvs_ticks_read_jiffies(timer_list, &jiffies);
	if (r < 0)
		return r;
	ticks.jiffy_ns = (NS_PER_SEC + hz / 2) / hz;
	ticks.offset_ns = jiffies * ticks.jiffy_ns - xlvs_now_ns();
	*ret_ticks = ticks;
	return 0;
}

__u32 xlvs_ticks_now(const struct xlvs_ticks *ticks)
{
	return (__u32)((xlvs_now_ns() + ticks->offset_ns) / ticks->jiffy_ns >> ticks->shift);
}
