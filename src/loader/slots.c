// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/slots.h"

#include <string.h>

#include "abi/hash.h"

void xlvs_slots_init(struct xlvs_slots *slots, struct xlvs_service *services, const __u64 *seed)
{
	slots->services = services;
	slots->seed = seed;
	memset(slots->resting, 0, sizeof(slots->resting));
	for (uint32_t i = 0; i < XLVS_SERVICES_MAX; i++)
		slots->of_service[i] = XLVS_NONE;
}

static uint32_t first_slot(const struct xlvs_slots *slots, const struct xlvs_service *service)
{
	/* As the packet path has it: struct xlvs_conn's kind. */
	const __u8 bytes[2] = {service->protocol, service->family};
	__u16 kind;

	memcpy(&kind, bytes, sizeof(kind));
	return xlvs_hash_service(slots->seed, service->address, service->port, kind,
				 XLVS_SERVICE_SLOTS);
}

uint32_t xlvs_slots_place(const struct xlvs_slots *slots, const struct xlvs_service *service)
{
	uint32_t first = first_slot(slots, service);

	for (uint32_t i = 0; i < XLVS_SERVICE_PROBES; i++) {
		uint32_t slot = (first + i) % XLVS_SERVICE_SLOTS;

		if (slots->services[slot].state != XLVS_SLOT_LIVE && !slots->resting[slot])
			return slot;
	}
	return XLVS_NONE;
}

void xlvs_slots_rested(struct xlvs_slots *slots, uint32_t slot)
{
	uint32_t next = (slot + 1) % XLVS_SERVICE_SLOTS;

	slots->resting[slot] = false;
	if (slots->services[next].state != XLVS_SLOT_EMPTY || slots->resting[next])
		return;
	while (slots->services[slot].state == XLVS_SLOT_DELETED && !slots->resting[slot]) {
		__atomic_store_n(&slots->services[slot].state, XLVS_SLOT_EMPTY, __ATOMIC_RELEASE);
		slot = (slot - 1) % XLVS_SERVICE_SLOTS;
	}
}
