// SPDX-License-Identifier: GPL-2.0-or-later
/* Maglev hashing's table. Every destination has an order of preference of its own over all slots,
 * from a start and by a step that its address and port name; the number of slots being prime, it
 * comes to each. Destinations take turns in list order, as many in a row as their weight, each turn
 * the first slot of the own order that is free, until none is (Eisenbud and others, "Maglev", 2016,
 * section 3.4; net/netfilter/ipvs/ip_vs_mh.c).
 *
 * What counts is the last weight that was not 0: a destination that is only quiesced keeps its
 * slots, so that other clients stay where they are. Weights are divided by what they have in
 * common, and scaled down where that leaves them larger than the table bears. */
#include <stdbool.h>
#include <string.h>

#include "abi/hash.h"
#include "scheduler/build.h"

struct preference {
	uint32_t next; /* slot */
	uint32_t step;
	uint32_t n_turns;
};

struct dealing {
	const struct xlvs_schedule *schedule;
	uint32_t n_slots;
	uint32_t n_filled;
	struct preference preferences[XLVS_DESTS_PER_SERVICE];
	uint64_t taken[XLVS_MH_SLOTS_MAX / 64 + 1]; /* a bit a slot */
};

static uint32_t bit_length(uint32_t value)
{
	return value ? 32 - (uint32_t)__builtin_clz(value) : 0;
}

/* Returns whether anybody takes part. */
static bool prefer(struct dealing *dealing)
{
	const struct xlvs_schedule *schedule = dealing->schedule;
	uint32_t n_dests = schedule->chunks->head.n_dests, n_slots = dealing->n_slots;
	int32_t divisor = 0, max = 0;
	uint32_t bits, shift;

	for (uint32_t i = 0; i < n_dests; i++) {
		int32_t weight = schedule->dests[i].last_weight;

		divisor = xlvs_weights_divisor(divisor, weight);
		max = weight > max ? weight : max;
	}
	if (!divisor)
		return false;
	bits = bit_length((uint32_t)(max / divisor));
	shift = bit_length(n_slots) / 2;
	shift = bits > shift ? bits - shift : 0;
	for (uint32_t i = 0; i < n_dests; i++) {
		const struct xlvs_schedule_dest *dest = &schedule->dests[i];
		uint32_t value = dest->address + dest->port;
		uint32_t n_turns = (uint32_t)(dest->last_weight / divisor) >> shift;

		dealing->preferences[i] = (struct preference){
			.next = xlvs_hash_maglev(value, XLVS_MAGLEV_OFFSET) % n_slots,
			.step = xlvs_hash_maglev(value, XLVS_MAGLEV_STEP) % (n_slots - 1) + 1,
			.n_turns = n_turns || !dest->last_weight ? n_turns : 1,
		};
	}
	return true;
}

static uint32_t take_slot(struct dealing *dealing, struct preference *preference)
{
	uint32_t slot = preference->next;

	while (dealing->taken[slot / 64] >> slot % 64 & 1) {
		slot += preference->step;
		if (slot >= dealing->n_slots)
			slot -= dealing->n_slots;
	}
	dealing->taken[slot / 64] |= UINT64_C(1) << slot % 64;
	preference->next = slot;
	dealing->n_filled++;
	return slot;
}

static void deal_round(struct dealing *dealing)
{
	union xlvs_chunk *run = dealing->schedule->chunks;

	for (uint32_t i = 0; i < run->head.n_dests; i++) {
		struct preference *preference = &dealing->preferences[i];
		uint32_t dest = xlvs_run_cell(run, i)->dest;

		for (uint32_t turn = 0; turn < preference->n_turns; turn++) {
			if (dealing->n_filled == dealing->n_slots)
				return;
			xlvs_run_set_slot(run, take_slot(dealing, preference), dest);
		}
	}
}

/* More destinations than slots: the table stays as it was, without those that have gone. */
static void keep_table(struct xlvs_schedule *schedule)
{
	const union xlvs_chunk *old = schedule->old;
	union xlvs_chunk *run = schedule->chunks;

	if (!old || old->head.scheduler != run->head.scheduler ||
	    old->head.n_slots != run->head.n_slots)
		return;
	for (uint32_t i = 0; i < run->head.n_slots; i++) {
		uint32_t entry = xlvs_run_slot(old, i);

		if (entry && xlvs_run_find(run, entry - 1) != XLVS_NONE)
			xlvs_run_set_slot(run, i, entry - 1);
	}
}

void xlvs_mh_build(struct xlvs_schedule *schedule)
{
	const struct xlvs_list_head *head = &schedule->chunks->head;
	struct dealing dealing;

	if (head->n_dests > head->n_slots) {
		keep_table(schedule);
		return;
	}
	dealing.schedule = schedule;
	dealing.n_slots = head->n_slots;
	dealing.n_filled = 0;
	memset(dealing.taken, 0, sizeof(dealing.taken));
	if (!prefer(&dealing))
		return;
	while (dealing.n_filled < dealing.n_slots)
		deal_round(&dealing);
}
