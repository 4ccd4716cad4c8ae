// SPDX-License-Identifier: GPL-2.0-or-later
/* Round robin's place in the list follows the destination it served last. When that one is deleted
 * the place moves to the one before it, so the next pick is the one that came after. */
#include "scheduler/build.h"

void xlvs_rr_build(struct xlvs_schedule *schedule)
{
	uint32_t position = xlvs_cursor_position(xlvs_cursor_carried(schedule));

	if (schedule->change != XLVS_SCHEDULE_BIND)
		position = xlvs_position_carried(schedule, position);
	else
		position = XLVS_NONE;
	schedule->chunks->head.cursor = xlvs_cursor(position, 0);
}
