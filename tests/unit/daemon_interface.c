// SPDX-License-Identifier: GPL-2.0-or-later
/* Which interfaces the packet path is attached to, as they come and go. */
#include "daemon_fake.h"

#include "daemon/interface.h"

#include <errno.h>
#include <linux/if_arp.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
	struct xlvs_options options;
	const char *names[2];
	struct xlvs_loader *loader;
	struct xlvs_interfaces *interfaces;
	struct xlvs_error error;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->options.interfaces = f->names;
	f->loader = fake_loader_new();
	assert_int_equal(xlvs_interfaces_new(&f->options, &f->interfaces), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	xlvs_interfaces_free(f->interfaces);
	fake_loader_free(f->loader);
	free(f);
	return 0;
}

static void name(struct fixture *f, const char *word)
{
	f->names[f->options.n_interfaces++] = word;
}

static void appear(struct fixture *f, uint32_t ifindex, const char *word)
{
	struct xlvs_link link = fake_link(ifindex, word);

	xlvs_interfaces_event(f->interfaces, &link, false);
}

static void vanish(struct fixture *f, uint32_t ifindex, const char *word)
{
	struct xlvs_link link = fake_link(ifindex, word);

	xlvs_interfaces_event(f->interfaces, &link, true);
}

static int start(struct fixture *f)
{
	return xlvs_interfaces_start(f->interfaces, f->loader, false, &f->error);
}

static void test_named_interfaces_are_attached_and_no_others(void **state)
{
	struct fixture *f = *state;

	name(f, "eth2");
	appear(f, 3, "eth2");
	appear(f, 2, "eth1");
	assert_int_equal(xlvs_interfaces_check(f->interfaces, &f->error), 0);
	assert_int_equal(start(f), 0);
	assert_true(f->loader->attached[3]);
	assert_false(f->loader->attached[2]);
	assert_true(xlvs_interfaces_find(f->interfaces, 3)->native);
}

static void test_name_that_is_no_ethernet_interface_is_refused(void **state)
{
	struct xlvs_link tunnel = fake_link(4, "tun0");
	struct fixture *f = *state;

	name(f, "tun0");
	appear(f, 2, "eth1");
	assert_int_equal(xlvs_interfaces_check(f->interfaces, &f->error), -ENODEV);
	assert_string_equal(f->error.text, "-i tun0: no such interface");
	tunnel.type = ARPHRD_NONE;
	xlvs_interfaces_event(f->interfaces, &tunnel, false);
	assert_int_equal(xlvs_interfaces_check(f->interfaces, &f->error), -EOPNOTSUPP);
	assert_string_equal(f->error.text, "-i tun0: not an Ethernet interface");
}

static void add_link(struct fixture *f, uint32_t ifindex, const char *kind, const char *master_kind)
{
	struct xlvs_link link = fake_link(ifindex, "x");

	link.name[0] = (char)('a' + ifindex);
	strncpy(link.kind, kind, sizeof(link.kind) - 1);
	strncpy(link.master_kind, master_kind, sizeof(link.master_kind) - 1);
	xlvs_interfaces_event(f->interfaces, &link, false);
}

static void test_all_means_what_delivers_to_the_ip_stack(void **state)
{
	struct xlvs_link loopback = fake_link(1, "lo");
	struct fixture *f = *state;

	f->options.all = true;
	loopback.flags |= IFF_LOOPBACK;
	xlvs_interfaces_event(f->interfaces, &loopback, false);
	add_link(f, 2, "", "");
	add_link(f, 3, "veth", "bridge");
	add_link(f, 4, "bridge", "");
	add_link(f, 5, "", "bond");
	add_link(f, 6, "bond", "");
	add_link(f, 7, "", "vrf");
	add_link(f, 8, "vrf", "");
	add_link(f, 9, "vlan", "");
	assert_int_equal(start(f), 0);
	for (uint32_t i = 1; i < 10; i++)
		assert_int_equal(f->loader->attached[i],
				 i == 2 || i == 4 || i == 6 || i == 7 || i == 9);
}

static void test_interface_is_attached_when_it_returns(void **state)
{
	struct fixture *f = *state;

	name(f, "eth1");
	appear(f, 2, "eth1");
	assert_int_equal(start(f), 0);
	vanish(f, 2, "eth1");
	assert_false(f->loader->attached[2]);
	assert_null(xlvs_interfaces_find(f->interfaces, 2));
	appear(f, 7, "eth1");
	assert_true(f->loader->attached[7]);
}

static void test_interface_that_becomes_a_port_is_detached(void **state)
{
	struct fixture *f = *state;

	f->options.all = true;
	add_link(f, 2, "", "");
	assert_int_equal(start(f), 0);
	assert_true(f->loader->attached[2]);
	add_link(f, 2, "", "bridge");
	assert_false(f->loader->attached[2]);
	add_link(f, 2, "", "");
	assert_true(f->loader->attached[2]);
}

static void test_named_interface_that_cannot_be_attached_ends_the_start(void **state)
{
	struct fixture *f = *state;

	name(f, "eth1");
	appear(f, 2, "eth1");
	f->loader->attach_error = -EBUSY;
	assert_int_equal(start(f), -EBUSY);
	assert_string_equal(f->error.text, "-i eth1: the fake loader refuses");
}

static void test_one_of_all_that_cannot_be_attached_is_left_out(void **state)
{
	struct fixture *f = *state;

	f->options.all = true;
	appear(f, 2, "eth1");
	f->loader->attach_error = -EBUSY;
	assert_int_equal(start(f), 0);
	assert_false(xlvs_interfaces_find(f->interfaces, 2)->attached);
	/* Tried again when the link changes. */
	f->loader->attach_error = 0;
	add_link(f, 2, "", "");
	assert_true(xlvs_interfaces_find(f->interfaces, 2)->attached);
}

static void test_adopted_interface_that_is_not_named_any_more_is_detached(void **state)
{
	struct fixture *f = *state;

	name(f, "eth1");
	appear(f, 2, "eth1");
	appear(f, 3, "eth2");
	f->loader->attached[3] = true;
	assert_int_equal(xlvs_interfaces_start(f->interfaces, f->loader, true, &f->error), 0);
	assert_true(f->loader->attached[2]);
	assert_false(f->loader->attached[3]);
}

static void test_only_real_changes_are_reported(void **state)
{
	struct xlvs_link link = fake_link(2, "eth1");
	struct fixture *f = *state;

	assert_true(xlvs_interfaces_event(f->interfaces, &link, false));
	assert_false(xlvs_interfaces_event(f->interfaces, &link, false));
	link.mtu_bytes = 9000;
	assert_true(xlvs_interfaces_event(f->interfaces, &link, false));
	assert_true(xlvs_interfaces_event(f->interfaces, &link, true));
	assert_false(xlvs_interfaces_event(f->interfaces, &link, true));
}

static void test_links_missing_from_a_dump_are_gone(void **state)
{
	struct fixture *f = *state;

	f->options.all = true;
	appear(f, 2, "eth1");
	appear(f, 3, "eth2");
	assert_int_equal(start(f), 0);
	xlvs_interfaces_before_dump(f->interfaces);
	appear(f, 3, "eth2");
	xlvs_interfaces_after_dump(f->interfaces);
	assert_null(xlvs_interfaces_find(f->interfaces, 2));
	assert_false(f->loader->attached[2]);
	assert_true(f->loader->attached[3]);
}

static void test_pair_for_the_hosts_own_programs_is_used_while_it_is_there(void **state)
{
	struct fixture *f = *state;

	f->options.all = true;
	appear(f, 2, "eth1");
	appear(f, 5, "xlvs-host0");
	assert_int_equal(start(f), 0);
	assert_int_equal(f->loader->host_ifindex, 0);
	appear(f, 6, "xlvs-host1");
	assert_int_equal(f->loader->host_ifindex, 5);
	assert_false(f->loader->attached[5] || f->loader->attached[6]); /* not as the network's */
	vanish(f, 5, "xlvs-host0");
	assert_int_equal(f->loader->host_ifindex, 0);
}

static void test_pair_for_the_hosts_own_programs_needs_native_mode(void **state)
{
	struct fixture *f = *state;

	f->options.all = true;
	f->options.mode = XLVS_MODE_GENERIC;
	appear(f, 2, "eth1");
	assert_int_equal(start(f), 0);
	appear(f, 5, "xlvs-host0");
	appear(f, 6, "xlvs-host1");
	assert_int_equal(f->loader->host_ifindex, 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_named_interfaces_are_attached_and_no_others),
		TEST(test_name_that_is_no_ethernet_interface_is_refused),
		TEST(test_all_means_what_delivers_to_the_ip_stack),
		TEST(test_interface_is_attached_when_it_returns),
		TEST(test_interface_that_becomes_a_port_is_detached),
		TEST(test_named_interface_that_cannot_be_attached_ends_the_start),
		TEST(test_one_of_all_that_cannot_be_attached_is_left_out),
		TEST(test_adopted_interface_that_is_not_named_any_more_is_detached),
		TEST(test_only_real_changes_are_reported),
		TEST(test_links_missing_from_a_dump_are_gone),
		TEST(test_pair_for_the_hosts_own_programs_is_used_while_it_is_there),
		TEST(test_pair_for_the_hosts_own_programs_needs_native_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
