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

static __always_inline __u32 after(const struct xlvs_pick *pick, __u32 position)
{
	position++; /* XLVS_NONE + 1 is 0 */
	return position < pick->n_dests ? position : 0;
}

/* The destination at a position, XLVS_NONE when it is not usable. */
static __always_inline __u32 usable_at(const struct xlvs_pick *pick, __u32 position)
{
	struct xlvs_cell *cell = xlvs_cell_at(pick, position);

	return cell && xlvs_cell_usable(cell) ? cell->dest : XLVS_NONE;
}

static long step(__u32 i, struct walk *walk)
{
	(void)i;
	walk->position = after(walk->pick, walk->position);
	walk->found = usable_at(walk->pick, walk->position);
	return walk->found != XLVS_NONE;
}

/* Serve the next usable destination after the cursor; false when another CPU moved the cursor. */
static __always_inline bool serve_next(struct xlvs_pick *pick, struct xlvs_list_head *head,
				       __u32 *ret_dest)
{
	__u64 before = *(volatile __u64 *)&head->cursor;
	__u32 position = after(pick, before), found = usable_at(pick, position);

	if (found == XLVS_NONE) { /* rarely: the loop's calls are dear */
		struct walk walk = {.pick = pick, .position = position, .found = XLVS_NONE};

		bpf_loop(pick->n_dests - 1, step, &walk, 0);
		position = walk.position;
		found = walk.found;
	}
	*ret_dest = found;
	return found == XLVS_NONE ||
	       __sync_val_compare_and_swap(&head->cursor, before, position) == before;
}

XLVS_CURSOR_SCHEDULER(rr)
