/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a reference is made of, for its own files. */
#ifndef XLVS_TESTS_SCHEDULER_REFERENCE_STATE_H
#define XLVS_TESTS_SCHEDULER_REFERENCE_STATE_H

#include <stdbool.h>

#include "scheduler_reference.h"

#define SH_SLOTS 256
#define MH_SLOTS 4093

struct node {
	struct node *next, *prev;
	uint32_t id;
	int32_t weight, last_weight;
	uint32_t offset, skip, place; /* mh */
	int turns;
	uint32_t active, inactive;
	bool overloaded;
	bool deleted; /* no longer in the list, but remembered by lblc and lblcr */
	struct node *next_deleted;
};

struct locality;

struct reference {
	struct node head; /* of a circle; it stands before the first and after the last */
	struct node *deleted;
	uint16_t scheduler;
	struct node *last; /* served last, the head at the start */
	int threshold, top, divisor; /* wrr: cw, mw, di */
	struct node *slots[MH_SLOTS]; /* sh, dh, mh */
	struct locality *localities; /* lblc, lblcr */
};

/* The choice of wlc, or of lc. */
struct node *reference_pick_least(struct reference *reference, bool weighted);

struct node *reference_pick_lblc(struct reference *reference, const struct arrival *arrival);
struct node *reference_pick_lblcr(struct reference *reference, const struct arrival *arrival);
void reference_forget_localities(struct reference *reference);

#endif
