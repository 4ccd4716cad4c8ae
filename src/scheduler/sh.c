// SPDX-License-Identifier: GPL-2.0-or-later
/* Source hashing's table: each destination in list order takes as many slots in a row as its
 * weight, one at weight 0 (those clients are refused rather than moved), round and round until the
 * table is full. */
#include "scheduler/build.h"

void xlvs_sh_build(struct xlvs_schedule *schedule)
{
	union xlvs_chunk *run = schedule->chunks;
	const struct xlvs_list_head *head = &run->head;
	uint32_t position = 0;
	int32_t taken = 0;

	if (!head->n_dests)
		return;
	for (uint32_t i = 0; i < head->n_slots; i++) {
		const struct xlvs_cell *cell = xlvs_run_cell(run, position);

		xlvs_run_set_slot(run, i, cell->dest);
		if (++taken >= cell->weight) {
			position = (position + 1) % head->n_dests;
			taken = 0;
		}
	}
}
