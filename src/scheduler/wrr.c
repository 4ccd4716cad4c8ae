// SPDX-License-Identifier: GPL-2.0-or-later
/* Weighted round robin serves, pass after pass over the list, every destination whose weight
 * reaches a threshold, which falls by the weights' greatest common divisor from pass to pass and
 * starts again at the top.
 *
 * The top is the least threshold that only the largest weight reaches, counted in steps of the
 * divisor: max - (divisor - 1). Any change of a destination sends the place back before the first,
 * but keeps the threshold when the new weights allow it, rounded to one they step on; so it depends
 * on the order of configuration where the first round starts. */
#include "scheduler/build.h"

static int32_t threshold_after_change(int32_t threshold, const struct xlvs_list_head *head)
{
	if (threshold == 0 || threshold > head->max_weight)
		return head->max_weight;
	if (head->gcd_weight > 1)
		return threshold / head->gcd_weight * head->gcd_weight + 1;
	return threshold;
}

void xlvs_wrr_build(struct xlvs_schedule *schedule)
{
	struct xlvs_list_head *head = &schedule->chunks->head;
	uint64_t carried = xlvs_cursor_carried(schedule);
	int32_t threshold = xlvs_cursor_threshold(carried);
	uint32_t position = XLVS_NONE;
	int32_t divisor = 0;
	int32_t max = 0;

	for (uint32_t i = 0; i < head->n_dests; i++) {
		int32_t weight = xlvs_run_cell(schedule->chunks, i)->weight;

		divisor = xlvs_weights_divisor(divisor, weight);
		if (weight > max)
			max = weight;
	}
	head->gcd_weight = divisor ? divisor : 1;
	head->max_weight = max - (head->gcd_weight - 1);

	if (schedule->change == XLVS_SCHEDULE_BIND)
		threshold = head->max_weight;
	else if (schedule->change == XLVS_SCHEDULE_KEPT)
		position = xlvs_position_carried(schedule, xlvs_cursor_position(carried));
	else
		threshold = threshold_after_change(threshold, head);
	head->cursor = xlvs_cursor(position, threshold);
}
