/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where in the service table a service stands: open addressing with linear probing, searched by
 * the packet path at any moment.
 *
 * Invariant: between a live slot and the first slot of its search no slot is empty. A slot that
 * was left goes on as a tombstone and rests: a packet that found its former service may still be
 * reading it, so it is neither reused nor emptied before xlvs_slots_rested(). */
#ifndef XLVS_LOADER_SLOTS_H
#define XLVS_LOADER_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/limits.h"
#include "abi/service.h"

struct xlvs_slots {
	struct xlvs_service *services; /* the map */
	const __u64 *seed;
	bool resting[XLVS_SERVICE_SLOTS]; /* or reserved for a service about to be written */
	uint32_t of_service[XLVS_SERVICES_MAX]; /* slot of a service by its id, XLVS_NONE */
};

void xlvs_slots_init(struct xlvs_slots *slots, struct xlvs_service *services, const __u64 *seed);

/* A slot for a service with this address, port, protocol and family: the first of its search that
 * is neither live nor resting. XLVS_NONE when its search is full. */
uint32_t xlvs_slots_place(const struct xlvs_slots *slots, const struct xlvs_service *service);

/* No packet reads this tombstone any more: it may be reused, and is emptied, along with those
 * before it, if no search leads past it. */
void xlvs_slots_rested(struct xlvs_slots *slots, uint32_t slot);

#endif
