// SPDX-License-Identifier: GPL-2.0-or-later
/* As with lblc, the binding of scheduler and service is all there is to build. */
#include "scheduler/build.h"

void xlvs_lblcr_build(struct xlvs_schedule *schedule)
{
	schedule->chunks->head.cursor = xlvs_binding(schedule);
}
