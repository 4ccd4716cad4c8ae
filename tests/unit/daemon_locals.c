// SPDX-License-Identifier: GPL-2.0-or-later
/* What kind of address an address is, by a copy of the kernel's local tables. */
#include "daemon_fake.h"

#include "daemon/locals.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

struct prefix {
	const char *address;
	uint8_t bits;
	uint8_t type;
};

static const struct prefix *table;
static unsigned int n_reads;
static int read_error;

/* In place of daemon_fake.c's, which knows whole addresses only. */
int __wrap_xlvs_rtnl_locals(struct xlvs_rtnl *rtnl,
			    int (*visit)(void *context, const struct xlvs_prefix *prefix),
			    void *context);
int __wrap_xlvs_rtnl_locals(struct xlvs_rtnl *rtnl,
			    int (*visit)(void *context, const struct xlvs_prefix *prefix),
			    void *context)
{
	int r = read_error;

	(void)rtnl;
	n_reads++;
	for (const struct prefix *at = table; at->address && r == 0; at++) {
		const struct xlvs_prefix prefix = {
			.family = fake_family(at->address),
			.bits = at->bits,
			.type = at->type,
			.address = fake_address(at->address),
		};

		r = visit(context, &prefix);
	}
	return r;
}

static const struct prefix machine[] = {
	{"192.0.2.1", 32, RTN_LOCAL},
	{"192.0.2.255", 32, RTN_BROADCAST},
	{"127.0.0.0", 8, RTN_LOCAL},
	{"127.255.255.255", 32, RTN_BROADCAST},
	{"198.51.100.128", 25, RTN_LOCAL},
	{"198.51.100.200", 32, RTN_UNICAST},
	{"2001:db8::1", 128, RTN_LOCAL},
	{"2001:db8::", 128, RTN_ANYCAST},
	{"2001:db8:0:8000::", 49, RTN_LOCAL},
	{"ff00::", 8, RTN_MULTICAST},
	{NULL, 0, 0},
};

static int type_of(struct xlvs_locals *locals, const char *address)
{
	const struct xlvs_address bytes = fake_address(address);
	uint8_t type = 0;
	int r = xlvs_locals_type(locals, fake_family(address), &bytes, &type);

	return r < 0 ? r : type;
}

static void test_the_longest_prefix_counts_and_others_are_hosts(void **state)
{
	static const struct {
		const char *address;
		int type;
	} rows[] = {
		{"192.0.2.1", RTN_LOCAL},	    {"192.0.2.2", RTN_UNICAST},
		{"192.0.2.255", RTN_BROADCAST},	    {"127.1.2.3", RTN_LOCAL},
		{"127.255.255.255", RTN_BROADCAST}, {"198.51.100.127", RTN_UNICAST},
		{"198.51.100.128", RTN_LOCAL},	    {"2001:db8::1", RTN_LOCAL},
		{"2001:db8::", RTN_ANYCAST},	    {"2001:db8::2", RTN_UNICAST},
		{"2001:db8:0:ffff::1", RTN_LOCAL},  {"2001:db8:0:7fff::1", RTN_UNICAST},
		{"ff02::1", RTN_MULTICAST},	    {"7f00::1", RTN_UNICAST},
	};
	struct xlvs_locals *locals;

	(void)state;
	table = machine;
	n_reads = 0;
	assert_int_equal(xlvs_locals_new(NULL, &locals), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(type_of(locals, rows[i].address), rows[i].type);
	assert_int_equal(n_reads, 1);
	xlvs_locals_free(locals);
}

static void test_the_tables_are_read_again_when_they_may_have_changed(void **state)
{
	static const struct prefix nothing[] = {{NULL, 0, 0}};
	struct xlvs_locals *locals;

	(void)state;
	table = machine;
	n_reads = 0;
	assert_int_equal(xlvs_locals_new(NULL, &locals), 0);
	assert_int_equal(type_of(locals, "192.0.2.1"), RTN_LOCAL);
	table = nothing;
	assert_int_equal(type_of(locals, "192.0.2.1"), RTN_LOCAL);
	xlvs_locals_changed(locals);
	assert_int_equal(n_reads, 1);
	assert_int_equal(type_of(locals, "192.0.2.1"), RTN_UNICAST);
	assert_int_equal(type_of(locals, "127.0.0.1"), RTN_UNICAST);
	assert_int_equal(n_reads, 2);
	xlvs_locals_free(locals);
}

static void test_a_failed_reading_is_told_and_tried_again(void **state)
{
	struct xlvs_locals *locals;

	(void)state;
	table = machine;
	read_error = -ENOBUFS;
	assert_int_equal(xlvs_locals_new(NULL, &locals), 0);
	assert_int_equal(type_of(locals, "192.0.2.1"), -ENOBUFS);
	read_error = 0;
	assert_int_equal(type_of(locals, "192.0.2.1"), RTN_LOCAL);
	xlvs_locals_free(locals);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_longest_prefix_counts_and_others_are_hosts),
		cmocka_unit_test(test_the_tables_are_read_again_when_they_may_have_changed),
		cmocka_unit_test(test_a_failed_reading_is_told_and_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
