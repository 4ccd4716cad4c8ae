// SPDX-License-Identifier: GPL-2.0-or-later
/* Destination hashing's table: the destinations in list order, over and over, whatever their
 * weights. */
#include "scheduler/build.h"

void xlvs_dh_build(struct xlvs_schedule *schedule)
{
	const struct xlvs_list_head *head = &schedule->chunks->head;

	for (uint32_t i = 0; head->n_dests && i < head->n_slots; i++)
		xlvs_run_set_slot(schedule->chunks, i,
				  xlvs_run_cell(schedule->chunks, i % head->n_dests)->dest);
}
