// SPDX-License-Identifier: GPL-2.0-or-later
/* When two services, or two destinations, are the same one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/socket.h>

#include "model/key.h"

static void expect_service(const struct xlvs_service_key *a, const struct xlvs_service_key *b,
			   bool equal)
{
	assert_int_equal(xlvs_service_key_equal(a, b), equal);
	assert_int_equal(xlvs_service_key_hash(a) == xlvs_service_key_hash(b), equal);
}

static void expect_dest(const struct xlvs_dest_key *a, const struct xlvs_dest_key *b, bool equal)
{
	const struct xlvs_service_key service = {.family = AF_INET, .protocol = 6, .port = 80};

	assert_int_equal(xlvs_dest_key_equal(a, b), equal);
	assert_int_equal(xlvs_dest_key_hash(&service, a) == xlvs_dest_key_hash(&service, b), equal);
}

static void test_every_field_of_a_service_counts(void **state)
{
	const struct xlvs_service_key key = {.family = AF_INET6, .protocol = 6, .port = 80};
	struct xlvs_service_key others[] = {key, key, key, key, key};

	(void)state;
	others[0].family = AF_INET;
	others[1].protocol = 17;
	others[2].address.bytes[15] = 1;
	others[3].port = 81;
	others[4].fwmark = 1;
	expect_service(&key, &key, true);
	for (size_t i = 0; i < 5; i++)
		expect_service(&key, &others[i], false);
}

static void test_of_a_mark_only_family_and_mark_count(void **state)
{
	const struct xlvs_service_key a = {.family = AF_INET, .fwmark = 7, .protocol = 6};
	struct xlvs_service_key b = {.family = AF_INET, .fwmark = 7, .port = 80};

	(void)state;
	expect_service(&a, &b, true);
	b.family = AF_INET6;
	expect_service(&a, &b, false);
}

static void test_every_field_of_a_destination_counts(void **state)
{
	const struct xlvs_dest_key key = {.family = AF_INET6, .port = 80};
	struct xlvs_dest_key others[] = {key, key, key};

	(void)state;
	others[0].family = AF_INET;
	others[1].address.bytes[15] = 1;
	others[2].port = 81;
	expect_dest(&key, &key, true);
	for (size_t i = 0; i < 3; i++)
		expect_dest(&key, &others[i], false);
}

static void test_an_ipv4_address_is_its_first_four_bytes(void **state)
{
	struct xlvs_dest_key a = {.family = AF_INET, .address.bytes = {192, 0, 2, 1}};
	struct xlvs_dest_key b = a;

	(void)state;
	b.address.bytes[4] = 1;
	expect_dest(&a, &b, true);
	b.address.bytes[3] = 2;
	expect_dest(&a, &b, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_field_of_a_service_counts),
		cmocka_unit_test(test_of_a_mark_only_family_and_mark_count),
		cmocka_unit_test(test_every_field_of_a_destination_counts),
		cmocka_unit_test(test_an_ipv4_address_is_its_first_four_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
