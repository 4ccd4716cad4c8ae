// SPDX-License-Identifier: GPL-2.0-or-later
/* Weighted round robin, interleaved: the list is walked in rounds; a round serves each destination
 * whose weight is at least the round's threshold, and the threshold falls by the weights' greatest
 * common divisor from round to round, from the highest weight down, then starts again
 * (net/netfilter/ipvs/ip_vs_wrr.c).
 *
 * The list's cursor holds position (low half, XLVS_NONE before the first) and threshold. A round
 * that finds nobody, because the heavy destinations are overloaded, tells the highest weight that
 * is usable, and the rounds in between are skipped: they would find nobody either. */
#include "scheduler/cursor.bpf.h"

struct walk {
	struct xlvs_pick *pick;
	__u32 position;
	__s32 threshold;
	__s32 max_weight;
	__s32 gcd_weight;
	__s32 heaviest; /* usable weight seen in the round */
	__u32 found;
};

static __always_inline void next_round(struct walk *walk)
{
	walk->position = 0;
	walk->threshold -= walk->gcd_weight;
	if (walk->threshold <= 0)
		walk->threshold = walk->max_weight;
}

static long step(__u32 i, struct walk *walk)
{
	struct xlvs_cell *cell;

	(void)i;
	if (++walk->position >= walk->pick->n_dests)
		next_round(walk);
	cell = xlvs_cell_at(walk->pick, walk->position);
	if (!cell || !xlvs_cell_usable(cell))
		return 0;
	if (cell->weight > walk->heaviest)
		walk->heaviest = cell->weight;
	if (cell->weight < walk->threshold)
		return 0;
	walk->found = cell->dest;
	return 1;
}

/* Walk until somebody is found: the rest of this round and all of the next; then, where nobody is
 * that heavy, the first round that serves the heaviest usable one. */
static __always_inline void walk_rounds(struct walk *walk)
{
	__u32 excess;

	if (!step(0, walk))
		bpf_loop(2 * walk->pick->n_dests, step, walk, 0);
	if (walk->found != XLVS_NONE)
		return;
	if (walk->heaviest <= 0 || walk->gcd_weight <= 0)
		return;
	if (walk->threshold > walk->heaviest) {
		excess = walk->threshold - walk->heaviest + walk->gcd_weight - 1;
		walk->threshold -= excess - excess % (__u32)walk->gcd_weight;
		walk->position = XLVS_NONE;
	}
	bpf_loop(2 * walk->pick->n_dests, step, walk, 0);
}

/* Where the walk stands when it found nobody: before the first and at the top, as it ends only
 * after a whole last round; but for one that began within the last round, which ends where it
 * began. */
static __always_inline __u64 cursor_after_nobody(const struct walk *walk, __u64 before)
{
	if ((__u32)before != XLVS_NONE && (__s32)(before >> 32) <= walk->gcd_weight)
		return before;
	return (__u64)walk->max_weight << 32 | XLVS_NONE;
}

/* Serve the next destination in turn; false when another CPU moved the cursor. */
static __noinline bool serve_next(struct xlvs_pick *pick, struct xlvs_list_head *head,
				  __u32 *ret_dest)
{
	__u64 before = *(volatile __u64 *)&head->cursor, after;
	struct walk walk = {
		.pick = pick,
		.position = before,
		.threshold = before >> 32,
		.max_weight = head->max_weight,
		.gcd_weight = head->gcd_weight,
		.found = XLVS_NONE,
	};

	if (walk.max_weight == 0) /* all weights are */
		return true;
	walk_rounds(&walk);
	*ret_dest = walk.found;
	after = (__u64)walk.threshold << 32 | walk.position;
	if (walk.found == XLVS_NONE)
		after = cursor_after_nobody(&walk, before);
	return after == before ||
	       __sync_val_compare_and_swap(&head->cursor, before, after) == before;
}

XLVS_CURSOR_SCHEDULER(wrr)
