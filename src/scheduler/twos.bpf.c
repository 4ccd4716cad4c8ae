// SPDX-License-Identifier: GPL-2.0-or-later
/* The power of two choices: two destinations are drawn at random by their weights, and the less
 * loaded one for its weight is served, the first when they are equal.
 *
 * A draw is a number from 0 to the sum of the weights, both included, from which the weights are
 * subtracted in list order; who brings it to 0 or below is drawn. So the first of the list is a
 * little likelier than its weight says, as in the kernel (net/netfilter/ipvs/ip_vs_twos.c). */
#include "scheduler/scheduler.bpf.h"

struct draw {
	__s64 rest;
	__s64 weight; /* of the one drawn, 0 so far */
	__s64 overhead;
	__u32 dest;
	__u32 unused;
};

struct twos {
	struct xlvs_pick pick;
	__s64 total;
	struct draw first, second;
};

static __always_inline struct xlvs_dest *usable_dest(const struct xlvs_cell *cell)
{
	struct xlvs_dest *dest = cell->weight > 0 ? xlvs_dest_at(cell->dest) : (void *)0;

	return dest && !dest->overloaded ? dest : (void *)0;
}

static long add_weight(__u32 i, struct twos *twos)
{
	struct xlvs_cell *cell = xlvs_cell_at(&twos->pick, i);

	if (cell && usable_dest(cell)) {
		twos->total += cell->weight;
		twos->first.dest = cell->dest; /* if its weight should go before it is drawn */
	}
	return 0;
}

static __always_inline void subtract(struct draw *draw, const struct xlvs_cell *cell,
				     const struct xlvs_dest *dest)
{
	draw->rest -= cell->weight;
	if (draw->weight || draw->rest > 0)
		return;
	draw->dest = cell->dest;
	draw->weight = cell->weight;
	draw->overhead = (__s64)dest->active * 256 + dest->inactive;
}

static long subtract_weight(__u32 i, struct twos *twos)
{
	struct xlvs_cell *cell = xlvs_cell_at(&twos->pick, i);
	struct xlvs_dest *dest = cell ? usable_dest(cell) : (void *)0;

	if (!dest)
		return 0;
	subtract(&twos->first, cell, dest);
	subtract(&twos->second, cell, dest);
	return twos->first.weight && twos->second.weight;
}

/* Uniform from 0 to `most`: the sums of weights stay below 2^43, the unevenness below 2^-20. */
static __always_inline __s64 draw_up_to(__u64 most)
{
	__u64 random = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();

	return random % (most + 1);
}

int xlvs_sched_twos(struct xlvs_pick *pick, struct xlvs_tuple *tuple)
{
	struct twos twos = {};

	(void)tuple;
	if (!pick)
		return -XLVS_DROP_INTERNAL;
	twos.pick = *pick;
	bpf_loop(pick->n_dests, add_weight, &twos, 0);
	if (!twos.total)
		return -XLVS_DROP_NO_DEST;
	twos.first.rest = draw_up_to(twos.total);
	twos.second.rest = draw_up_to(twos.total);
	bpf_loop(pick->n_dests, subtract_weight, &twos, 0);
	if (twos.second.weight &&
	    twos.second.weight * twos.first.overhead > twos.first.weight * twos.second.overhead)
		return twos.second.dest;
	return twos.first.dest;
}
