// SPDX-License-Identifier: GPL-2.0-or-later
/* Next hops of destinations, as the kernel's routes and neighbours change. */
#include "daemon_fake.h"

#include "daemon/nexthop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_NS 2000000

#define GATEWAY "192.0.2.254"
#define NEAR	"192.0.2.11"
#define FAR	"198.51.100.1"

struct fixture {
	struct xlvs_options options;
	struct xlvs_loader *loader;
	struct xlvs_rtnl *rtnl;
	struct xlvs_interfaces *interfaces;
	struct xlvs_nexthops *nexthops;
};

/* eth1 is interface 2, eth2 interface 3. */
static int setup(void **state)
{
	static const struct fake_route routes[] = {
		{NEAR, RTN_UNICAST, 2, NULL, "192.0.2.1", 0},
		{FAR, RTN_UNICAST, 2, GATEWAY, "192.0.2.1", 1400},
		{"2001:db8::11", RTN_UNICAST, 3, NULL, "2001:db8::1", 9000},
		{"192.0.2.1", RTN_LOCAL, 1, NULL, NULL, 0},
		{"192.0.2.255", RTN_BROADCAST, 2, NULL, NULL, 0},
		{"203.0.113.1", RTN_BLACKHOLE, 1, NULL, NULL, 0},
	};
	struct fixture *f = calloc(1, sizeof(*f));
	struct xlvs_link link;

	f->options.all = true;
	f->loader = fake_loader_new();
	f->rtnl = fake_rtnl_new();
	memcpy(f->rtnl->routes, routes, sizeof(routes));
	assert_int_equal(xlvs_interfaces_new(&f->options, &f->interfaces), 0);
	assert_int_equal(xlvs_nexthops_new(f->rtnl, f->interfaces, &f->nexthops), 0);
	link = fake_link(2, "eth1");
	xlvs_interfaces_event(f->interfaces, &link, false);
	link = fake_link(3, "eth2");
	xlvs_interfaces_event(f->interfaces, &link, false);
	assert_int_equal(xlvs_interfaces_start(f->interfaces, f->loader, false, NULL), 0);
	xlvs_nexthops_start(f->nexthops, f->loader);
	xlvs_nexthops_settle(f->nexthops, SETTLE_NS);
	f->loader->n_bumps = 0;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	xlvs_nexthops_free(f->nexthops, false);
	xlvs_interfaces_free(f->interfaces);
	free(f->rtnl);
	fake_loader_free(f->loader);
	free(f);
	return 0;
}

static struct xlvs_dest_key dest_key(const char *address)
{
	return (struct xlvs_dest_key){
		.family = fake_family(address),
		.address = fake_address(address),
		.port = htons(80),
	};
}

static void settle(struct fixture *f)
{
	while (xlvs_nexthops_pending(f->nexthops))
		xlvs_nexthops_settle(f->nexthops, SETTLE_NS);
}

static void track(struct fixture *f, uint32_t dest, const char *address)
{
	struct xlvs_dest_key key = dest_key(address);

	assert_int_equal(xlvs_nexthops_check(f->nexthops, &key, NULL), 0);
	assert_int_equal(xlvs_nexthops_track(f->nexthops, dest, &key), 0);
	settle(f);
}

/* The neighbour's MAC address ends in `mac`; 0: it is not known. */
static void neigh(struct fixture *f, uint32_t ifindex, const char *address, uint8_t mac)
{
	struct xlvs_neigh neigh = {
		.key = fake_neigh_key(ifindex, address),
		.has_mac = mac,
		.mac = {2, 9, 9, 9, 9, mac},
	};

	xlvs_neighbours_event(xlvs_nexthops_neighbours(f->nexthops), &neigh, false);
}

static void neigh_gone(struct fixture *f, uint32_t ifindex, const char *address)
{
	struct xlvs_neigh neigh = {.key = fake_neigh_key(ifindex, address)};

	xlvs_neighbours_event(xlvs_nexthops_neighbours(f->nexthops), &neigh, true);
}

/* Last byte of the MAC address packets to a destination go to, 0 without a next hop. */
static uint8_t mac_of(const struct fixture *f, uint32_t dest)
{
	const struct xlvs_nexthop *nexthop = &f->loader->nexthops[dest];

	return nexthop->state == XLVS_NEXTHOP_READY ? nexthop->dmac[5] : 0;
}

static void test_next_hop_is_written_when_the_neighbour_is_known(void **state)
{
	struct fixture *f = *state;
	const struct xlvs_nexthop *nexthop = &f->loader->nexthops[0];
	struct xlvs_address source = fake_address("192.0.2.1");

	track(f, 0, FAR);
	assert_string_equal(fake_rtnl_journal(f->rtnl), "keep 2 " GATEWAY);
	assert_int_equal(mac_of(f, 0), 0);
	neigh(f, 2, GATEWAY, 7);
	assert_int_equal(mac_of(f, 0), 7);
	assert_int_equal(nexthop->ifindex, 2);
	assert_int_equal(nexthop->smac[5], 2);
	assert_int_equal(nexthop->mtu_bytes, 1400);
	assert_memory_equal(nexthop->source, &source, sizeof(source));
	assert_int_equal(f->loader->n_bumps, 0);
}

static void test_mtu_is_the_links_where_the_route_has_a_larger_one(void **state)
{
	struct fixture *f = *state;

	neigh(f, 3, "2001:db8::11", 7);
	track(f, 0, "2001:db8::11");
	assert_int_equal(mac_of(f, 0), 7);
	assert_int_equal(f->loader->nexthops[0].mtu_bytes, 1500);
}

static void test_known_neighbour_serves_at_once(void **state)
{
	struct fixture *f = *state;

	neigh(f, 2, NEAR, 7);
	track(f, 0, NEAR);
	assert_int_equal(mac_of(f, 0), 7);
	assert_string_equal(fake_rtnl_journal(f->rtnl), "keep 2 " NEAR);
}

static void test_reachable_and_stale_change_nothing(void **state)
{
	struct fixture *f = *state;
	unsigned int n_set;

	track(f, 0, NEAR);
	neigh(f, 2, NEAR, 7);
	n_set = f->loader->n_set;
	neigh(f, 2, NEAR, 7);
	neigh(f, 2, NEAR, 7);
	settle(f);
	assert_int_equal(f->loader->n_set, n_set);
	assert_int_equal(f->loader->n_bumps, 0);
}

static void test_changed_mac_is_written_and_cached_ones_are_stale(void **state)
{
	struct fixture *f = *state;

	track(f, 0, NEAR);
	neigh(f, 2, NEAR, 7);
	neigh(f, 2, NEAR, 8);
	assert_int_equal(mac_of(f, 0), 8);
	settle(f);
	assert_int_equal(f->loader->n_bumps, 1);
}

static void test_failed_neighbour_takes_the_next_hop_away(void **state)
{
	struct fixture *f = *state;

	track(f, 0, NEAR);
	neigh(f, 2, NEAR, 7);
	neigh(f, 2, NEAR, 0);
	assert_int_equal(mac_of(f, 0), 0);
	neigh(f, 2, NEAR, 7);
	assert_int_equal(mac_of(f, 0), 7);
}

static void test_removed_neighbour_is_asked_for_again(void **state)
{
	struct fixture *f = *state;

	track(f, 0, NEAR);
	neigh(f, 2, NEAR, 7);
	fake_rtnl_journal(f->rtnl);
	neigh_gone(f, 2, NEAR);
	assert_int_equal(mac_of(f, 0), 0);
	settle(f);
	assert_string_equal(fake_rtnl_journal(f->rtnl), "keep 2 " NEAR);
}

static void test_permanent_neighbour_is_left_alone(void **state)
{
	struct fixture *f = *state;
	struct xlvs_neigh permanent = {
		.key = fake_neigh_key(2, NEAR),
		.settled = true,
		.has_mac = true,
		.mac = {2, 9, 9, 9, 9, 7},
	};

	xlvs_neighbours_event(xlvs_nexthops_neighbours(f->nexthops), &permanent, false);
	track(f, 0, NEAR);
	assert_int_equal(mac_of(f, 0), 7);
	xlvs_neighbours_want(xlvs_nexthops_neighbours(f->nexthops), &permanent.key, 5000);
	xlvs_nexthops_untrack(f->nexthops, 0);
	assert_string_equal(fake_rtnl_journal(f->rtnl), "");
}

static void test_destinations_of_one_address_share_the_work(void **state)
{
	struct fixture *f = *state;

	for (uint32_t dest = 0; dest < 5; dest++)
		track(f, dest, NEAR);
	assert_int_equal(f->rtnl->n_lookups, 1);
	assert_string_equal(fake_rtnl_journal(f->rtnl), "keep 2 " NEAR);
	neigh(f, 2, NEAR, 7);
	for (uint32_t dest = 0; dest < 5; dest++)
		assert_int_equal(mac_of(f, dest), 7);
	assert_int_equal(xlvs_nexthops_count(f->nexthops).addresses, 1);
	assert_int_equal(xlvs_nexthops_count(f->nexthops).resolved, 1);
}

static void test_neighbour_is_released_with_the_last_destination(void **state)
{
	struct fixture *f = *state;

	track(f, 0, NEAR);
	track(f, 1, NEAR);
	track(f, 2, NEAR);
	fake_rtnl_journal(f->rtnl);
	xlvs_nexthops_untrack(f->nexthops, 1);
	xlvs_nexthops_untrack(f->nexthops, 2);
	assert_string_equal(fake_rtnl_journal(f->rtnl), "");
	neigh(f, 2, NEAR, 7);
	assert_int_equal(mac_of(f, 0), 7);
	assert_int_equal(mac_of(f, 1), 0);
	xlvs_nexthops_untrack(f->nexthops, 0);
	assert_string_equal(fake_rtnl_journal(f->rtnl), "release 2 " NEAR);
	assert_int_equal(xlvs_nexthops_count(f->nexthops).addresses, 0);
	assert_int_equal(xlvs_nexthops_count(f->nexthops).resolved, 0);
}

static void test_changed_route_moves_only_who_it_concerns(void **state)
{
	const struct xlvs_prefix prefix = {
		.family = AF_INET,
		.bits = 24,
		.address = fake_address("198.51.100.0"),
	};
	struct fixture *f = *state;

	track(f, 0, NEAR);
	track(f, 1, FAR);
	neigh(f, 2, NEAR, 7);
	neigh(f, 2, GATEWAY, 8);
	neigh(f, 3, "203.0.113.254", 9);
	f->rtnl->n_lookups = 0;
	fake_rtnl_journal(f->rtnl);
	f->rtnl->routes[1].ifindex = 3;
	f->rtnl->routes[1].gateway = "203.0.113.254";
	xlvs_nexthops_changed(f->nexthops, AF_INET, &prefix);
	assert_int_equal(mac_of(f, 1), 8); /* until it is settled */
	settle(f);
	assert_int_equal(f->rtnl->n_lookups, 1);
	assert_int_equal(mac_of(f, 0), 7);
	assert_int_equal(mac_of(f, 1), 9);
	assert_int_equal(f->loader->nexthops[1].ifindex, 3);
	assert_int_equal(f->loader->n_bumps, 1);
	assert_string_equal(fake_rtnl_journal(f->rtnl),
			    "release 2 " GATEWAY ", keep 3 203.0.113.254");
}

static void test_vanished_route_takes_the_next_hop_away(void **state)
{
	struct fixture *f = *state;

	track(f, 0, NEAR);
	neigh(f, 2, NEAR, 7);
	f->rtnl->routes[0].type = RTN_UNREACHABLE;
	xlvs_nexthops_changed(f->nexthops, AF_INET, NULL);
	settle(f);
	assert_int_equal(mac_of(f, 0), 0);
	f->rtnl->routes[0].type = RTN_UNICAST;
	xlvs_nexthops_changed(f->nexthops, AF_INET6, NULL);
	settle(f);
	assert_int_equal(mac_of(f, 0), 0);
	xlvs_nexthops_retry(f->nexthops);
	settle(f);
	assert_int_equal(mac_of(f, 0), 7);
}

static void test_next_hop_a_former_daemon_left_is_taken_back_where_it_is_wrong(void **state)
{
	struct xlvs_dest_key key = dest_key(NEAR);
	struct fixture *f = *state;

	f->loader->nexthops[0] = (struct xlvs_nexthop){.state = XLVS_NEXTHOP_READY, .dmac = {1}};
	assert_int_equal(xlvs_nexthops_track(f->nexthops, 0, &key), 0);
	settle(f);
	assert_int_equal(f->loader->nexthops[0].state, XLVS_NEXTHOP_FREE);
}

static void test_own_address_is_told_as_such_and_its_replies_are_seen(void **state)
{
	struct fixture *f = *state;
	struct xlvs_link link = fake_link(4, "eth3");

	track(f, 5, NEAR);
	assert_false(f->loader->egress[2]);
	track(f, 6, "192.0.2.1");
	assert_true(f->loader->local[6] && !f->loader->local[5]);
	assert_int_equal(mac_of(f, 6), 0);
	assert_int_equal(xlvs_nexthops_count(f->nexthops).resolved, 1);
	assert_true(f->loader->egress[2] && f->loader->egress[3]);
	xlvs_interfaces_event(f->interfaces, &link, false);
	assert_true(f->loader->egress[4]);
}

static void test_address_that_becomes_or_ceases_to_be_the_directors_own(void **state)
{
	struct fixture *f = *state;

	neigh(f, 2, NEAR, 1);
	track(f, 5, NEAR);
	f->rtnl->routes[0].type = RTN_LOCAL;
	xlvs_nexthops_changed(f->nexthops, AF_INET, NULL);
	settle(f);
	assert_true(f->loader->local[5]);
	assert_int_equal(mac_of(f, 5), 0);
	f->rtnl->routes[0].type = RTN_UNICAST;
	xlvs_nexthops_changed(f->nexthops, AF_INET, NULL);
	settle(f);
	neigh(f, 2, NEAR, 1);
	assert_false(f->loader->local[5]);
	assert_int_equal(mac_of(f, 5), 1);
}

static void test_broadcast_address_is_refused(void **state)
{
	struct fixture *f = *state;
	struct xlvs_dest_key key = dest_key("192.0.2.255");
	struct xlvs_error error;

	assert_int_equal(xlvs_nexthops_check(f->nexthops, &key, &error), -EINVAL);
	assert_string_equal(error.text, "destination 192.0.2.255 is not a unicast address");
	/* As in IPVS, unreachable is no reason to refuse. */
	key = dest_key("203.0.113.1");
	assert_int_equal(xlvs_nexthops_check(f->nexthops, &key, &error), 0);
	key = dest_key("203.0.113.2");
	assert_int_equal(xlvs_nexthops_check(f->nexthops, &key, &error), 0);
}

static void test_full_neighbour_table_is_tried_again(void **state)
{
	struct fixture *f = *state;

	f->rtnl->keep_error = -ENOBUFS;
	track(f, 0, NEAR);
	f->rtnl->keep_error = 0;
	fake_rtnl_journal(f->rtnl);
	xlvs_nexthops_retry(f->nexthops);
	settle(f);
	assert_string_equal(fake_rtnl_journal(f->rtnl), "keep 2 " NEAR);
	xlvs_nexthops_retry(f->nexthops);
	settle(f);
	assert_string_equal(fake_rtnl_journal(f->rtnl), "");
}

static void test_packet_path_may_ask_for_a_neighbour_once_a_second(void **state)
{
	struct fixture *f = *state;
	struct xlvs_neighbours *neighbours = xlvs_nexthops_neighbours(f->nexthops);
	struct xlvs_neigh_key client = fake_neigh_key(3, "203.0.113.9");

	xlvs_neighbours_want(neighbours, &client, 5000);
	xlvs_neighbours_want(neighbours, &client, 5001);
	xlvs_neighbours_want(neighbours, &client, 5999);
	assert_string_equal(fake_rtnl_journal(f->rtnl), "probe 3 203.0.113.9");
	xlvs_neighbours_want(neighbours, &client, 6000);
	assert_string_equal(fake_rtnl_journal(f->rtnl), "probe 3 203.0.113.9");
	neigh(f, 3, "203.0.113.9", 7);
	xlvs_neighbours_want(neighbours, &client, 9000);
	assert_string_equal(fake_rtnl_journal(f->rtnl), "");
	/* Its next hop may be cached by now. */
	neigh(f, 3, "203.0.113.9", 8);
	settle(f);
	assert_int_equal(f->loader->n_bumps, 1);
}

static void test_neighbours_missing_from_a_dump_are_gone(void **state)
{
	struct fixture *f = *state;
	struct xlvs_neighbours *neighbours = xlvs_nexthops_neighbours(f->nexthops);

	track(f, 0, NEAR);
	track(f, 1, FAR);
	neigh(f, 2, NEAR, 7);
	neigh(f, 2, GATEWAY, 8);
	xlvs_neighbours_before_dump(neighbours);
	neigh(f, 2, GATEWAY, 8);
	xlvs_neighbours_after_dump(neighbours);
	assert_int_equal(mac_of(f, 0), 0);
	assert_int_equal(mac_of(f, 1), 8);
}

static void learn(struct fixture *f, const char *address, uint32_t mtu_bytes)
{
	struct xlvs_address bytes = fake_address(address);

	xlvs_nexthops_learn(f->nexthops, fake_family(address), &bytes, mtu_bytes);
}

static void test_path_mtu_is_kept_for_ten_minutes(void **state)
{
	struct fixture *f = *state;

	track(f, 5, NEAR);
	neigh(f, 2, NEAR, 1);
	learn(f, NEAR, 1300);
	assert_int_equal(f->loader->nexthops[5].mtu_bytes, 1300);
	learn(f, NEAR, 1400); /* no path has grown by being too small */
	assert_int_equal(f->loader->nexthops[5].mtu_bytes, 1300);
	fake_leap(590);
	xlvs_nexthops_retry(f->nexthops);
	assert_int_equal(f->loader->nexthops[5].mtu_bytes, 1300);
	fake_leap(11);
	xlvs_nexthops_retry(f->nexthops);
	assert_int_equal(f->loader->nexthops[5].mtu_bytes, 1500);
}

static void test_path_mtu_is_that_of_one_destination_and_its_route(void **state)
{
	struct fixture *f = *state;

	neigh(f, 2, NEAR, 1);
	neigh(f, 2, GATEWAY, 2);
	track(f, 5, NEAR);
	track(f, 6, FAR);
	learn(f, FAR, 1300);
	learn(f, "203.0.113.77", 1300);
	assert_int_equal(f->loader->nexthops[5].mtu_bytes, 1500);
	assert_int_equal(f->loader->nexthops[6].mtu_bytes, 1300);
	f->rtnl->routes[1].gateway = NEAR;
	xlvs_nexthops_changed(f->nexthops, AF_INET, NULL);
	settle(f);
	assert_int_equal(f->loader->nexthops[6].mtu_bytes, 1400);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_next_hop_is_written_when_the_neighbour_is_known),
		TEST(test_mtu_is_the_links_where_the_route_has_a_larger_one),
		TEST(test_known_neighbour_serves_at_once),
		TEST(test_reachable_and_stale_change_nothing),
		TEST(test_changed_mac_is_written_and_cached_ones_are_stale),
		TEST(test_failed_neighbour_takes_the_next_hop_away),
		TEST(test_removed_neighbour_is_asked_for_again),
		TEST(test_permanent_neighbour_is_left_alone),
		TEST(test_destinations_of_one_address_share_the_work),
		TEST(test_neighbour_is_released_with_the_last_destination),
		TEST(test_changed_route_moves_only_who_it_concerns),
		TEST(test_vanished_route_takes_the_next_hop_away),
		TEST(test_next_hop_a_former_daemon_left_is_taken_back_where_it_is_wrong),
		TEST(test_path_mtu_is_kept_for_ten_minutes),
		TEST(test_path_mtu_is_that_of_one_destination_and_its_route),
		TEST(test_own_address_is_told_as_such_and_its_replies_are_seen),
		TEST(test_address_that_becomes_or_ceases_to_be_the_directors_own),
		TEST(test_broadcast_address_is_refused),
		TEST(test_full_neighbour_table_is_tried_again),
		TEST(test_packet_path_may_ask_for_a_neighbour_once_a_second),
		TEST(test_neighbours_missing_from_a_dump_are_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
