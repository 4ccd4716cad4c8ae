// SPDX-License-Identifier: GPL-2.0-or-later
/* What is remembered of addresses goes by the binding of scheduler and service. */
#include "scheduler/build.h"

void xlvs_lblc_build(struct xlvs_schedule *schedule)
{
	schedule->chunks->head.cursor = xlvs_binding(schedule);
}
