// SPDX-License-Identifier: GPL-2.0-or-later
/* Which addresses a collection of changed prefixes concerns. */
#include "daemon_fake.h"

#include "daemon/change.h"

#include <sys/socket.h>

static bool concern(const struct xlvs_changes *changes, const char *address)
{
	struct xlvs_address bytes = fake_address(address);

	return xlvs_changes_concern(changes, fake_family(address), &bytes);
}

static void add_change(struct xlvs_changes *changes, const char *address, uint8_t bits)
{
	const struct xlvs_prefix prefix = {
		.family = fake_family(address),
		.bits = bits,
		.address = fake_address(address),
	};

	xlvs_changes_add(changes, prefix.family, &prefix);
}

static void test_changes_concern_who_is_in_their_prefix(void **state)
{
	struct xlvs_changes changes = {0};

	(void)state;
	assert_false(xlvs_changes_any(&changes));
	add_change(&changes, "192.0.2.64", 26);
	add_change(&changes, "2001:db8:8000::", 33);
	assert_true(xlvs_changes_any(&changes));
	assert_true(concern(&changes, "192.0.2.64"));
	assert_true(concern(&changes, "192.0.2.127"));
	assert_false(concern(&changes, "192.0.2.63"));
	assert_false(concern(&changes, "192.0.2.128"));
	assert_true(concern(&changes, "2001:db8:ffff::1"));
	assert_false(concern(&changes, "2001:db8:7fff::1"));
	xlvs_changes_clear(&changes);
	assert_false(concern(&changes, "192.0.2.64"));
	add_change(&changes, "0.0.0.0", 0);
	assert_true(concern(&changes, "203.0.113.1"));
	assert_false(concern(&changes, "2001:db8::1"));
}

static void test_many_changes_concern_all_of_their_family(void **state)
{
	struct xlvs_changes changes = {0};

	(void)state;
	for (int i = 0; i <= XLVS_CHANGE_PREFIXES_MAX; i++)
		add_change(&changes, "198.51.100.0", 24);
	assert_true(concern(&changes, "192.0.2.1"));
	assert_false(concern(&changes, "2001:db8::1"));
	xlvs_changes_add(&changes, AF_UNSPEC, NULL);
	assert_true(concern(&changes, "2001:db8::1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes_concern_who_is_in_their_prefix),
		cmocka_unit_test(test_many_changes_concern_all_of_their_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
