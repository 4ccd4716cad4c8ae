// SPDX-License-Identifier: GPL-2.0-or-later
/* Round robin: the list is walked in a circle, from the entry after the one served last.
 *
 * The list's cursor is the position served last, XLVS_NONE before the first. */
#include "scheduler/cursor.bpf.h"

struct walk {
	struct xlvs_pick *pick;
	__u32 position;
	__u32 found;
};

static long step(__u32 i, struct walk *walk)
{
	struct xlvs_cell *cell;

	(void)i;
	if (++walk->position >= walk->pick->n_dests) /* XLVS_NONE + 1 is 0 */
		walk->position = 0;
	cell = xlvs_cell_at(walk->pick, walk->position);
	if (!cell || !xlvs_cell_usable(cell))
		return 0;
	walk->found = cell->dest;
	return 1;
}

/* Serve the next usable destination after the cursor; false when another CPU moved the cursor. */
static __noinline bool serve_next(struct xlvs_pick *pick, struct xlvs_list_head *head,
				  __u32 *ret_dest)
{
	__u64 before = *(volatile __u64 *)&head->cursor;
	struct walk walk = {.pick = pick, .position = before, .found = XLVS_NONE};

	/* Nearly always the next one is usable: spare the loop's calls. */
	if (!step(0, &walk))
		bpf_loop(pick->n_dests - 1, step, &walk, 0);
	*ret_dest = walk.found;
	return walk.found == XLVS_NONE ||
	       __sync_val_compare_and_swap(&head->cursor, before, walk.position) == before;
}

XLVS_CURSOR_SCHEDULER(rr)
