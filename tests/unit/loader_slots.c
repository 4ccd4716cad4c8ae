// SPDX-License-Identifier: GPL-2.0-or-later
/* The service table against a set of keys: whatever comes and goes, a search as the packet path
 * does it finds every live service and no other, and a slot that rests is left alone. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "abi/hash.h"
#include "loader/slots.h"

enum {
	N_KEYS = 20000,
	STEPS = 200000,
	RESTING_MAX = 300
};

static struct xlvs_service services[XLVS_SERVICE_SLOTS];
static struct xlvs_slots slots;
static const __u64 hash_seed[6] = {11, 0x9e3779b97f4a7c15, 3, 0xc2b2ae3d27d4eb4f, 5, 17};

static struct xlvs_service service_of(uint32_t key)
{
	struct xlvs_service service = {
		.port = htons((uint16_t)(80 + key % 3)),
		.protocol = IPPROTO_TCP,
		.family = AF_INET,
		.id = key,
	};

	service.address[0] = htonl(0xc0000200 + key / 3);
	return service;
}

static uint32_t search(uint32_t key)
{
	struct xlvs_service wanted = service_of(key);
	const __u8 bytes[2] = {IPPROTO_TCP, AF_INET};
	uint32_t first;
	__u16 kind;

	memcpy(&kind, bytes, sizeof(kind));
	first = xlvs_hash_service(hash_seed, wanted.address, wanted.port, kind, XLVS_SERVICE_SLOTS);
	for (uint32_t i = 0; i < XLVS_SERVICE_PROBES; i++) {
		uint32_t slot = (first + i) % XLVS_SERVICE_SLOTS;

		if (services[slot].state == XLVS_SLOT_EMPTY)
			return XLVS_NONE;
		if (services[slot].state == XLVS_SLOT_LIVE && services[slot].id == key)
			return slot;
	}
	return XLVS_NONE;
}

static uint64_t seed = 1;

static uint32_t below(uint32_t bound)
{
	seed = seed * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)((seed >> 32) * bound >> 32);
}

static void start(void)
{
	memset(services, 0, sizeof(services));
	xlvs_slots_init(&slots, services, hash_seed);
}

static uint32_t put(uint32_t key)
{
	struct xlvs_service service = service_of(key);
	uint32_t slot = xlvs_slots_place(&slots, &service);

	if (slot == XLVS_NONE)
		return XLVS_NONE;
	assert_false(slots.resting[slot]);
	assert_int_not_equal(services[slot].state, XLVS_SLOT_LIVE);
	service.state = XLVS_SLOT_LIVE;
	services[slot] = service;
	return slot;
}

static void leave(uint32_t slot)
{
	services[slot].state = XLVS_SLOT_DELETED;
	slots.resting[slot] = true;
}

static void test_every_live_service_is_found_and_no_other(void **state)
{
	static uint32_t at[N_KEYS];
	uint32_t resting[RESTING_MAX];
	uint32_t n_resting = 0, n_live = 0, n_tombstones = 0;

	(void)state;
	start();
	memset(at, 0xff, sizeof(at));
	for (uint32_t step = 0; step < STEPS; step++) {
		uint32_t key = below(N_KEYS);

		if (at[key] != XLVS_NONE) {
			leave(at[key]);
			resting[n_resting++] = at[key];
			at[key] = XLVS_NONE;
			n_live--;
		} else if (n_live < XLVS_SERVICES_MAX) {
			at[key] = put(key);
			n_live += at[key] != XLVS_NONE;
		}
		assert_int_equal(search(key), at[key]);
		if (n_resting == RESTING_MAX) {
			for (; n_resting; n_resting--)
				xlvs_slots_rested(&slots, resting[n_resting - 1]);
		}
		if (step % 20000)
			continue;
		for (key = 0; key < N_KEYS; key++)
			assert_int_equal(search(key), at[key]);
	}
	for (; n_resting; n_resting--)
		xlvs_slots_rested(&slots, resting[n_resting - 1]);
	for (uint32_t key = 0; key < N_KEYS; key++) {
		if (at[key] == XLVS_NONE)
			continue;
		leave(at[key]);
		xlvs_slots_rested(&slots, at[key]);
	}
	for (uint32_t slot = 0; slot < XLVS_SERVICE_SLOTS; slot++)
		n_tombstones += services[slot].state != XLVS_SLOT_EMPTY;
	assert_int_equal(n_tombstones, 0);
}

static void test_a_resting_slot_is_neither_reused_nor_emptied(void **state)
{
	uint32_t first, second;

	(void)state;
	start();
	first = put(1);
	leave(first);
	second = put(1);
	assert_int_not_equal(second, first);
	assert_int_equal(search(1), second);
	leave(second);
	xlvs_slots_rested(&slots, second);
	assert_int_equal(services[second].state, XLVS_SLOT_EMPTY);
	assert_int_equal(services[first].state, XLVS_SLOT_DELETED);
	xlvs_slots_rested(&slots, first);
	assert_int_equal(services[first].state, XLVS_SLOT_EMPTY);
	assert_int_equal(put(1), first);
}

static void test_a_slot_before_a_reserved_one_is_not_emptied(void **state)
{
	struct xlvs_service service = service_of(1);
	uint32_t first, second;

	(void)state;
	start();
	first = put(1);
	leave(first);
	second = xlvs_slots_place(&slots, &service);
	slots.resting[second] = true;
	xlvs_slots_rested(&slots, first);
	service.state = XLVS_SLOT_LIVE;
	services[second] = service;
	slots.resting[second] = false;
	assert_int_equal(search(1), second);
}

static void test_the_search_goes_round_the_end_of_the_table(void **state)
{
	uint32_t slot = 0;
	uint32_t key = 0;

	(void)state;
	start();
	while (slot != XLVS_SERVICE_SLOTS - 1)
		slot = put(key++);
	leave(slot);
	slot = put(key - 1);
	assert_true(slot < XLVS_SERVICE_PROBES);
	assert_int_equal(search(key - 1), slot);
	leave(slot);
	xlvs_slots_rested(&slots, slot);
	xlvs_slots_rested(&slots, XLVS_SERVICE_SLOTS - 1);
	assert_int_equal(services[XLVS_SERVICE_SLOTS - 1].state,
			 services[0].state == XLVS_SLOT_EMPTY ? XLVS_SLOT_EMPTY
							      : XLVS_SLOT_DELETED);
}

static void test_a_full_search_has_no_place(void **state)
{
	struct xlvs_service service = service_of(1);
	uint32_t slot = 0;

	(void)state;
	start();
	for (uint32_t i = 0; i < XLVS_SERVICE_PROBES; i++) {
		slot = xlvs_slots_place(&slots, &service);
		assert_int_not_equal(slot, XLVS_NONE);
		services[slot].state = XLVS_SLOT_LIVE;
	}
	assert_int_equal(xlvs_slots_place(&slots, &service), XLVS_NONE);
	services[slot].state = XLVS_SLOT_DELETED;
	assert_int_equal(xlvs_slots_place(&slots, &service), slot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_live_service_is_found_and_no_other),
		cmocka_unit_test(test_a_resting_slot_is_neither_reused_nor_emptied),
		cmocka_unit_test(test_a_slot_before_a_reserved_one_is_not_emptied),
		cmocka_unit_test(test_the_search_goes_round_the_end_of_the_table),
		cmocka_unit_test(test_a_full_search_has_no_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
