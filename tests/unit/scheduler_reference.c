// SPDX-License-Identifier: GPL-2.0-or-later
#include "scheduler_reference_state.h"

#include <stdlib.h>

#include "scheduler/list.h"

/* Of the weights, or of the last weights; 0 when all are 0. */
static int divisor_of(const struct reference *reference, bool last)
{
	int divisor = 0;

	for (const struct node *n = reference->head.next; n != &reference->head; n = n->next) {
		int a = last ? n->last_weight : n->weight, b = divisor;

		while (a > 0 && b > 0) {
			if (a > b)
				a -= b * ((a - 1) / b);
			else if (b > a)
				b -= a * ((b - 1) / a);
			else
				break;
		}
		divisor = a > 0 ? a : b;
	}
	return divisor;
}

static int top_of(const struct reference *reference)
{
	int max = 0;

	for (const struct node *n = reference->head.next; n != &reference->head; n = n->next)
		max = n->weight > max ? n->weight : max;
	return max - (reference->divisor - 1);
}

static void wrr_changed(struct reference *reference)
{
	reference->last = &reference->head;
	reference->divisor = divisor_of(reference, false);
	if (!reference->divisor)
		reference->divisor = 1;
	reference->top = top_of(reference);
	if (!reference->threshold || reference->threshold > reference->top)
		reference->threshold = reference->top;
	else if (reference->divisor > 1)
		reference->threshold -= (reference->threshold % reference->divisor) - 1;
}

static void sh_changed(struct reference *reference)
{
	struct node *n = reference->head.next;
	int filled = 0;

	for (int i = 0; i < SH_SLOTS; i++) {
		if (n == &reference->head)
			n = n->next;
		reference->slots[i] = n == &reference->head ? NULL : n;
		filled++;
		if (filled >= n->weight) {
			filled = 0;
			n = n->next;
		}
	}
}

static void dh_changed(struct reference *reference)
{
	struct node *n = &reference->head;

	for (int i = 0; i < SH_SLOTS; i++) {
		n = n->next == &reference->head ? reference->head.next : n->next;
		reference->slots[i] = n == &reference->head ? NULL : n;
	}
}

/* SipHash-1-3 as its paper has it, over four bytes. */
static uint32_t siphash(uint32_t value, uint64_t half)
{
	uint64_t v[4] = {half ^ 0x736f6d6570736575, half ^ 0x646f72616e646f6d,
			 half ^ 0x6c7967656e657261, half ^ 0x7465646279746573};
	uint64_t block = (UINT64_C(4) << 56) | value;

#define ROTATE(x, n) ((x) = ((x) << (n)) | ((x) >> (64 - (n))))
	for (int round = 0; round < 4; round++) {
		if (round == 0)
			v[3] ^= block;
		v[0] += v[1], v[2] += v[3];
		ROTATE(v[1], 13), ROTATE(v[3], 16);
		v[1] ^= v[0], v[3] ^= v[2];
		ROTATE(v[0], 32);
		v[2] += v[1], v[0] += v[3];
		ROTATE(v[1], 17), ROTATE(v[3], 21);
		v[1] ^= v[2], v[3] ^= v[0];
		ROTATE(v[2], 32);
		if (round == 0)
			v[0] ^= block, v[2] ^= 0xff;
	}
#undef ROTATE
	return (uint32_t)(v[0] ^ v[1] ^ v[2] ^ v[3]);
}

static uint32_t mh_slot(uint32_t value)
{
	return siphash(value, 2654435761U) % MH_SLOTS;
}

/* Turns of a destination in each round. */
static int mh_turns(const struct reference *reference, const struct node *n, int divisor)
{
	int max = 0, shift = 0, turns;

	for (const struct node *m = reference->head.next; m != &reference->head; m = m->next)
		max = m->last_weight > max ? m->last_weight : max;
	while (max / divisor >> shift >= 64)
		shift++;
	turns = n->last_weight / divisor >> shift;
	return turns || !n->last_weight ? turns : 1;
}

static void mh_fill_one(struct reference *reference, struct node *n, int *n_filled)
{
	uint32_t slot;

	do
		slot = (n->offset + n->place++ * (uint64_t)n->skip) % MH_SLOTS;
	while (reference->slots[slot]);
	reference->slots[slot] = n;
	++*n_filled;
}

static void mh_changed(struct reference *reference)
{
	int divisor = divisor_of(reference, true);
	int n_filled = 0, n_dests = 0;
	struct node *n;

	for (n = reference->head.next; n != &reference->head; n = n->next)
		n_dests++;
	if (n_dests > MH_SLOTS) /* the kernel's module refuses, and nobody asks it */
		return;
	for (int i = 0; i < MH_SLOTS; i++)
		reference->slots[i] = NULL;
	for (n = reference->head.next; n != &reference->head; n = n->next) {
		uint32_t value = reference_address(n->id) + REFERENCE_PORT;

		n->offset = mh_slot(value);
		n->skip = siphash(value, 2654446892U) % (MH_SLOTS - 1) + 1;
		n->place = 0;
		n->turns = divisor ? mh_turns(reference, n, divisor) : 0;
	}
	while (divisor && n_filled < MH_SLOTS) {
		n = n->next;
		for (int i = 0; n != &reference->head && i < n->turns && n_filled < MH_SLOTS; i++)
			mh_fill_one(reference, n, &n_filled);
	}
}

static void changed(struct reference *reference)
{
	if (reference->scheduler == XLVS_SCHEDULER_wrr)
		wrr_changed(reference);
	else if (reference->scheduler == XLVS_SCHEDULER_sh)
		sh_changed(reference);
	else if (reference->scheduler == XLVS_SCHEDULER_dh)
		dh_changed(reference);
	else if (reference->scheduler == XLVS_SCHEDULER_mh)
		mh_changed(reference);
}

struct reference *reference_new(uint16_t scheduler)
{
	struct reference *reference = calloc(1, sizeof(*reference));

	if (!reference)
		abort();
	reference->head.next = reference->head.prev = &reference->head;
	reference->last = &reference->head;
	reference_bind(reference, scheduler);
	return reference;
}

void reference_free(struct reference *reference)
{
	reference->scheduler = XLVS_SCHEDULER_NONE; /* no table for those that remain */
	reference_forget_localities(reference);
	while (reference->head.next != &reference->head)
		reference_delete(reference, reference->head.next->id);
	while (reference->deleted) {
		struct node *n = reference->deleted;

		reference->deleted = n->next_deleted;
		free(n);
	}
	free(reference);
}

static struct node *node_of(struct reference *reference, uint32_t id)
{
	for (struct node *n = reference->head.next; n != &reference->head; n = n->next) {
		if (n->id == id)
			return n;
	}
	abort();
}

void reference_add(struct reference *reference, uint32_t id, int32_t weight)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		abort();
	/* Its slot is used again: nothing is known any more of who had it. */
	for (struct node *d = reference->deleted; d; d = d->next_deleted)
		d->weight = d->id == id ? 0 : d->weight;
	n->id = id;
	n->weight = n->last_weight = weight;
	n->prev = &reference->head;
	n->next = reference->head.next;
	n->next->prev = n;
	reference->head.next = n;
	changed(reference);
}

void reference_delete(struct reference *reference, uint32_t id)
{
	struct node *n = node_of(reference, id);

	n->prev->next = n->next;
	n->next->prev = n->prev;
	if (reference->last == n)
		reference->last = n->prev;
	for (int i = 0; i < MH_SLOTS; i++)
		reference->slots[i] = reference->slots[i] == n ? NULL : reference->slots[i];
	changed(reference);
	n->deleted = true;
	n->next_deleted = reference->deleted;
	reference->deleted = n;
}

void reference_edit(struct reference *reference, uint32_t id, int32_t weight)
{
	struct node *n = node_of(reference, id);

	n->weight = weight;
	if (weight)
		n->last_weight = weight;
	changed(reference);
}

void reference_bind(struct reference *reference, uint16_t scheduler)
{
	if (reference->scheduler == scheduler)
		return;
	reference->scheduler = scheduler;
	reference->last = &reference->head;
	reference->threshold = 0;
	reference_forget_localities(reference);
	for (int i = 0; i < MH_SLOTS; i++)
		reference->slots[i] = NULL;
	changed(reference);
}

void reference_load(struct reference *reference, uint32_t id, uint32_t active, uint32_t inactive,
		    uint32_t overloaded)
{
	struct node *n = node_of(reference, id);

	n->active = active;
	n->inactive = inactive;
	n->overloaded = overloaded;
}

static bool takes(const struct node *n)
{
	return n->weight > 0 && !n->overloaded;
}

static struct node *pick_rr(struct reference *reference)
{
	struct node *n = reference->last;
	int turns = 0;

	/* Twice past the head: the one served last may be the only one that takes connections. */
	while (turns < 2) {
		n = n->next;
		if (n == &reference->head) {
			turns++;
		} else if (takes(n)) {
			reference->last = n;
			return n;
		}
	}
	return NULL;
}

static bool reaches_threshold(const struct reference *reference, const struct node *n)
{
	return !n->overloaded && n->weight >= reference->threshold;
}

/* The next to serve before the list ends; else the head, or `stop` if that comes first. */
static struct node *rest_of_pass(struct reference *reference, struct node *n,
				 const struct node *stop)
{
	do
		n = n->next;
	while (n != &reference->head && !reaches_threshold(reference, n) && n != stop);
	return n;
}

static struct node *pick_wrr(struct reference *reference)
{
	struct node *start = reference->last;
	struct node *stop = NULL;
	bool final = false, restarted = false;

	if (!reference->top)
		return NULL;
	for (;;) {
		struct node *n = rest_of_pass(reference, reference->last, stop);

		reference->last = n;
		if (n != &reference->head)
			return reaches_threshold(reference, n) ? n : NULL;
		reference->threshold -= reference->divisor;
		if (reference->threshold <= 0) {
			reference->threshold = reference->top;
			if (final || start == &reference->head)
				return NULL;
			restarted = true;
		}
		final = reference->threshold <= reference->divisor;
		if (final && restarted && start != &reference->head)
			stop = start;
	}
}

struct node *reference_pick_least(struct reference *reference, bool weighted)
{
	struct node *best = NULL;
	int64_t best_load = 0;

	for (struct node *n = reference->head.next; n != &reference->head; n = n->next) {
		int64_t load = (int64_t)n->active * 256 + n->inactive;

		if (!takes(n))
			continue;
		if (!best ||
		    best_load * (weighted ? n->weight : 1) > load * (weighted ? best->weight : 1)) {
			best = n;
			best_load = load;
		}
	}
	return best;
}

/* sed, and nq where idle ones come first. */
static struct node *pick_sed(struct reference *reference, bool idle_first)
{
	struct node *best = NULL;

	for (struct node *n = reference->head.next; n != &reference->head; n = n->next) {
		if (!takes(n))
			continue;
		if (idle_first && !n->active)
			return n;
		if (!best || (int64_t)(best->active + 1) * n->weight >
				     (int64_t)(n->active + 1) * best->weight)
			best = n;
	}
	return best;
}

/* fo, and ovf where those with more active connections than weight stand aside. */
static struct node *pick_heaviest(struct reference *reference, bool overflows)
{
	struct node *best = NULL;

	for (struct node *n = reference->head.next; n != &reference->head; n = n->next) {
		if (!takes(n) || (overflows && n->active > (uint32_t)n->weight))
			continue;
		if (!best || n->weight > best->weight)
			best = n;
	}
	return best;
}

static struct node *if_taking(struct node *n)
{
	return n && takes(n) ? n : NULL;
}

static struct node *pick_sh(struct reference *reference, const struct arrival *arrival)
{
	uint32_t value = arrival->client + (arrival->flags & 0x10 ? arrival->port : 0);
	uint32_t own = (value * 0x61C88647U) >> 24;
	struct node *n = if_taking(reference->slots[own]);

	for (uint32_t i = 0; !n && arrival->flags & 0x08 && i < SH_SLOTS; i++)
		n = if_taking(reference->slots[(own + (own + i) % 256) & 0xff]);
	return n;
}

static struct node *pick_dh(struct reference *reference, const struct arrival *arrival)
{
	return if_taking(reference->slots[(arrival->address * 0x61C88647U) >> 24]);
}

static struct node *pick_mh(struct reference *reference, const struct arrival *arrival)
{
	uint32_t value = arrival->client + (arrival->flags & 0x10 ? arrival->port : 0);
	uint32_t own = mh_slot(value);
	struct node *n = if_taking(reference->slots[own]);

	if (!reference->slots[own])
		return NULL;
	for (uint32_t i = 0; !n && arrival->flags & 0x08 && i < MH_SLOTS; i++)
		n = if_taking(reference->slots[mh_slot(value + (i + own) % MH_SLOTS)]);
	return n;
}

static struct node *pick(struct reference *reference, const struct arrival *arrival)
{
	switch (reference->scheduler) {
	case XLVS_SCHEDULER_rr:
		return pick_rr(reference);
	case XLVS_SCHEDULER_wrr:
		return pick_wrr(reference);
	case XLVS_SCHEDULER_lc:
		return reference_pick_least(reference, false);
	case XLVS_SCHEDULER_wlc:
		return reference_pick_least(reference, true);
	case XLVS_SCHEDULER_sed:
		return pick_sed(reference, false);
	case XLVS_SCHEDULER_nq:
		return pick_sed(reference, true);
	case XLVS_SCHEDULER_fo:
		return pick_heaviest(reference, false);
	case XLVS_SCHEDULER_ovf:
		return pick_heaviest(reference, true);
	case XLVS_SCHEDULER_sh:
		return pick_sh(reference, arrival);
	case XLVS_SCHEDULER_dh:
		return pick_dh(reference, arrival);
	case XLVS_SCHEDULER_lblc:
		return reference_pick_lblc(reference, arrival);
	case XLVS_SCHEDULER_lblcr:
		return reference_pick_lblcr(reference, arrival);
	case XLVS_SCHEDULER_mh:
		return pick_mh(reference, arrival);
	default:
		return NULL;
	}
}

int64_t reference_pick(struct reference *reference, const struct arrival *arrival)
{
	struct node *n = pick(reference, arrival);

	return n ? (int64_t)n->id : -1;
}
