// SPDX-License-Identifier: GPL-2.0-or-later
/* Commands, one after the other: after each the maps say what the model says, and a restart of the
 * daemon finds the same model. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "loader_fixture.h"

#define VIP	"192.0.2.1"
#define VIP2	"192.0.2.2"
#define VIP6	"2001:db8::1"
#define A	"198.51.100.1"
#define B	"198.51.100.2"
#define C	"198.51.100.3"
#define SERVER6 "2001:db8::a"

static void expect_all(struct director *d)
{
	struct xlvs_model *before = copy_of_model(d->f.model);

	expect_maps_as_model(d->loader, d->f.model);
	restart(d);
	assert_true(is_same_model(before, d->f.model));
	expect_maps_as_model(d->loader, d->f.model);
	xlvs_model_free(before);
}

static void test_services_and_destinations_come_change_and_go(void **state)
{
	struct director *d = *state;

	make(d, add_service(&d->f, VIP, "wrr"));
	expect_all(d);
	make(d, add_dest(&d->f, VIP, A));
	make(d, add_dest(&d->f, VIP, B));
	expect_all(d);
	make(d, edit_dest(&d->f, VIP, A, 7));
	expect_all(d);
	make(d, edit_service(&d->f, VIP, "sh"));
	expect_all(d);
	make(d, add_service(&d->f, VIP6, "lc"));
	make(d, add_dest(&d->f, VIP6, SERVER6));
	expect_all(d);
	make(d, delete_dest(&d->f, VIP, A));
	expect_all(d);
	make(d, delete_service(&d->f, VIP));
	expect_all(d);
	make(d, xlvs_model_flush(d->f.model, &d->f.plan));
	expect_all(d);
	assert_int_equal(xlvs_loader_maps(d->loader)->runtime->n_services6, 0);
}

static void set_setting(struct director *d, const char *name, const char *value)
{
	make(d, xlvs_model_set_setting(d->f.model, name, value, &d->f.plan, &d->f.error));
}

static void test_settings_are_written_and_found_again(void **state)
{
	struct director *d = *state;
	const struct xlvs_runtime *runtime = xlvs_loader_maps(d->loader)->runtime;

	assert_int_equal(runtime->settings[XLVS_SETTING_conn_reuse_mode], 1);
	set_setting(d, "conn_reuse_mode", "-7");
	set_setting(d, "am_droprate", "4");
	set_setting(d, "drop_packet", "3");
	set_setting(d, "lblcr_expiration", "5");
	assert_int_equal(runtime->tunnel_df, htonl(0x4000));
	set_setting(d, "pmtu_disc", "0");
	assert_int_equal(runtime->tunnel_df, 0);
	assert_int_equal(runtime->settings[XLVS_SETTING_conn_reuse_mode], -7);
	assert_int_equal(runtime->drop_rate, 4);
	assert_int_equal(runtime->timeout_ticks[XLVS_TIMEOUT_LBLCR],
			 5 * runtime->constants.ticks_per_sec);
	assert_int_equal(runtime->timeout_ticks[XLVS_TIMEOUT_LBLC],
			 86400 * runtime->constants.ticks_per_sec);
	expect_all(d);
	restart(d);
	assert_int_equal(xlvs_model_setting(d->f.model, XLVS_SETTING_conn_reuse_mode), -7);
	assert_int_equal(xlvs_model_drop_rate(d->f.model), 4);
	expect_all(d);
}

static void test_timeouts_are_written_and_found_again(void **state)
{
	struct director *d = *state;
	struct xlvs_timeouts timeouts = {.tcp_sec = 1800, .udp_sec = 10};

	make(d, xlvs_model_set_timeouts(d->f.model, &timeouts, &d->f.plan, &d->f.error));
	expect_all(d);
	xlvs_model_timeouts(d->f.model, &timeouts);
	assert_int_equal(timeouts.tcp_sec, 1800);
	assert_int_equal(timeouts.tcp_fin_sec, 120);
	assert_int_equal(timeouts.udp_sec, 10);
}

static void test_every_field_survives_a_restart(void **state)
{
	struct director *d = *state;
	struct xlvs_service_spec service = service_spec(VIP, "wlc");
	struct xlvs_dest_spec dest = dest_spec(A, 5);

	service.key.protocol = IPPROTO_UDP;
	service.timeout_sec = 300;
	service.netmask = 0xffffff00;
	make(d, xlvs_model_add_service(d->f.model, &service, &d->f.plan, &d->f.error));
	dest.method = XLVS_METHOD_TUN;
	dest.key.port = 0x1f90;
	make(d, xlvs_model_add_dest(d->f.model, &service.key, &dest, &d->f.plan, &d->f.error));
	dest.key = dest_key(SERVER6);
	make(d, xlvs_model_add_dest(d->f.model, &service.key, &dest, &d->f.plan, &d->f.error));
	expect_all(d);
	make(d, xlvs_model_delete_dest(d->f.model, &service.key, &dest.key, &d->f.plan, NULL));
	expect_all(d);
	make(d, xlvs_model_delete_service(d->f.model, &service.key, &d->f.plan, NULL));
	expect_all(d);
	assert_non_null(xlvs_model_dest(d->f.model, 0));
	assert_non_null(xlvs_model_dest(d->f.model, 1));
}

static void test_persistent_services_survive_a_restart(void **state)
{
	struct director *d = *state;
	struct xlvs_service_spec ftp = service_spec(VIP, "rr"), all = service_spec(VIP2, "wlc");

	ftp.key.port = htons(21);
	all.key.port = 0;
	all.flags = ftp.flags = XLVS_SERVICE_PERSISTENT;
	all.timeout_sec = 360;
	all.netmask = htonl(0xffff0000);
	make(d, xlvs_model_add_service(d->f.model, &ftp, &d->f.plan, &d->f.error));
	make(d, xlvs_model_add_service(d->f.model, &all, &d->f.plan, &d->f.error));
	assert_int_equal(d->loader->maps.runtime->lookups, XLVS_LOOKUP_FTP | XLVS_LOOKUP_PORT0);
	expect_all(d);
	make(d, xlvs_model_delete_service(d->f.model, &all.key, &d->f.plan, NULL));
	expect_all(d);
}

static void test_overload_ends_when_the_threshold_is_raised_or_gone(void **state)
{
	static const struct {
		uint32_t before, after;
		bool still;
	} rows[] = {{4, 4, true}, {4, 3, true}, {4, 5, false}, {4, 0, false}};
	struct director *d = *state;
	struct xlvs_service_key key = service_key(VIP);
	struct xlvs_dest_spec dest = dest_spec(A, 1);
	struct xlvs_dest *slot;

	make(d, add_service(&d->f, VIP, "rr"));
	make(d, add_dest(&d->f, VIP, A));
	slot = &d->loader->maps.dests[dest_id(d, VIP, A)];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		dest.upper_threshold = rows[i].before;
		make(d, xlvs_model_edit_dest(d->f.model, &key, &dest, &d->f.plan, NULL));
		slot->overloaded = 1;
		dest.upper_threshold = rows[i].after;
		make(d, xlvs_model_edit_dest(d->f.model, &key, &dest, &d->f.plan, NULL));
		assert_int_equal(slot->upper_threshold, rows[i].after);
		assert_int_equal(slot->overloaded, rows[i].still);
	}
	expect_all(d);
}

static void test_a_deleted_destination_keeps_its_slot_until_it_is_freed(void **state)
{
	struct director *d = *state;
	const struct xlvs_dest *slot;
	uint32_t a;

	make(d, add_service(&d->f, VIP, "rr"));
	make(d, add_dest(&d->f, VIP, A));
	a = dest_id(d, VIP, A);
	slot = &d->loader->maps.dests[a];
	make(d, delete_dest(&d->f, VIP, A));
	assert_int_equal(slot->flags, XLVS_DEST_USED);
	assert_int_equal(slot->service, service_id(d, VIP));
	make(d, delete_service(&d->f, VIP));
	assert_int_equal(slot->flags, XLVS_DEST_USED);
	assert_int_equal(slot->service, XLVS_NONE);
	expect_all(d);

	make(d, add_service(&d->f, VIP, "rr"));
	make(d, add_dest(&d->f, VIP, A));
	assert_int_equal(dest_id(d, VIP, A), a);
	slot = &d->loader->maps.dests[a];
	assert_int_equal(slot->flags, XLVS_DEST_USED | XLVS_DEST_AVAILABLE);
	expect_all(d);

	make(d, delete_dest(&d->f, VIP, A));
	make(d, xlvs_model_free_dest(d->f.model, a, &d->f.plan));
	assert_int_equal(d->loader->maps.dests[a].flags, 0);
	expect_all(d);
}

static void test_the_scheduler_goes_on_from_the_former_list(void **state)
{
	struct director *d = *state;
	uint32_t first, second;
	uint32_t slot;

	make(d, add_service(&d->f, VIP, "rr"));
	make(d, add_dest(&d->f, VIP, A));
	make(d, add_dest(&d->f, VIP, B));
	slot = d->loader->slots.of_service[service_id(d, VIP)];
	first = d->loader->maps.services[slot].list;
	d->loader->maps.chunks[first].head.cursor = 1;
	make(d, edit_service(&d->f, VIP, "rr"));
	second = d->loader->maps.services[slot].list;
	assert_int_not_equal(first, second);
	assert_int_equal((uint32_t)d->loader->maps.chunks[second].head.cursor, 1);
	/* Packets may still be reading the former one. */
	assert_int_equal(d->loader->maps.chunks[first].head.magic, XLVS_LIST_MAGIC);
	assert_true(xlvs_grace_reclaim(d->loader));
	assert_int_equal(d->loader->maps.chunks[first].head.magic, 0);
}

static void test_without_room_for_a_list_nothing_changes(void **state)
{
	struct director *d = *state;
	struct xlvs_model *before;
	uint32_t first;

	make(d, add_service(&d->f, VIP, "rr"));
	make(d, add_dest(&d->f, VIP, A));
	before = copy_of_model(d->f.model);
	xlvs_grace_reclaim(d->loader);
	first = d->loader->chunks.cursor;
	assert_int_equal(xlvs_runs_alloc(&d->loader->chunks, XLVS_CHUNKS_MAX - first), first);
	while (xlvs_runs_alloc(&d->loader->chunks, 1) != XLVS_NONE)
		;

	refuse(d, add_service(&d->f, VIP2, "rr"), -ENOSPC,
	       "no room for a scheduling list of 256 bytes: all lists together have 32 MB");
	refuse(d, edit_dest(&d->f, VIP, A, 3), -ENOSPC,
	       "no room for a scheduling list of 512 bytes: all lists together have 32 MB");
	refuse(d, add_dest(&d->f, VIP, B), -ENOSPC,
	       "no room for a scheduling list of 512 bytes: all lists together have 32 MB");
	restart(d);
	assert_true(is_same_model(before, d->f.model));
	expect_maps_as_model(d->loader, d->f.model);
	make(d, add_service(&d->f, VIP2, "rr"));
	xlvs_model_free(before);
}

static void test_room_that_only_rests_is_waited_for(void **state)
{
	struct director *d = *state;

	make(d, add_service(&d->f, VIP, "rr"));
	make(d, edit_service(&d->f, VIP, "wrr"));
	make(d, edit_service(&d->f, VIP, "rr"));
	assert_int_equal(d->loader->resting.n, 2);
	while (xlvs_runs_alloc(&d->loader->chunks, 1) != XLVS_NONE)
		;
	make(d, edit_service(&d->f, VIP, "wrr"));
	assert_int_equal(d->loader->resting.n, 1);
}

static void test_without_room_in_the_service_table_nothing_changes(void **state)
{
	struct director *d = *state;
	struct xlvs_service crowd = {.protocol = IPPROTO_TCP, .family = AF_INET};
	struct xlvs_service_key key = service_key(VIP);
	uint32_t taken[XLVS_SERVICE_PROBES];

	memcpy(crowd.address, key.address.bytes, sizeof(crowd.address));
	crowd.port = key.port;
	for (uint32_t i = 0; i < XLVS_SERVICE_PROBES; i++) {
		taken[i] = xlvs_slots_place(&d->loader->slots, &crowd);
		d->loader->maps.services[taken[i]].state = XLVS_SLOT_LIVE;
	}
	refuse(d, add_service(&d->f, VIP, "rr"), -ENOSPC,
	       "no room in the service table near this service's place");
	for (uint32_t i = 0; i < XLVS_SERVICE_PROBES; i++)
		d->loader->maps.services[taken[i]].state = XLVS_SLOT_EMPTY;
	restart(d);
	assert_int_equal(xlvs_model_n_services(d->f.model, AF_INET), 0);
	make(d, add_service(&d->f, VIP, "rr"));
	expect_all(d);
}

static uint32_t slot_of(const struct director *d, const char *service)
{
	return d->loader->slots.of_service[service_id(d, service)];
}

static void test_the_slot_of_a_deleted_service_rests(void **state)
{
	struct director *d = *state;
	uint32_t first;

	make(d, add_service(&d->f, VIP, "rr"));
	first = slot_of(d, VIP);
	make(d, delete_service(&d->f, VIP));
	make(d, add_service(&d->f, VIP, "rr"));
	assert_int_not_equal(slot_of(d, VIP), first);
	xlvs_grace_reclaim(d->loader);
	make(d, delete_service(&d->f, VIP));
	make(d, add_service(&d->f, VIP, "rr"));
	assert_int_equal(slot_of(d, VIP), first);
	expect_all(d);
}

static void test_a_service_may_come_and_go_for_ever(void **state)
{
	struct director *d = *state;

	for (int i = 0; i < 10 * XLVS_SERVICE_PROBES; i++) {
		make(d, add_service(&d->f, VIP, "rr"));
		make(d, delete_service(&d->f, VIP));
	}
	expect_all(d);
}

static void test_next_hops_are_switched_by_one_index_and_rest(void **state)
{
	struct director *d = *state;
	struct xlvs_nexthop one = {.ifindex = 2, .mtu_bytes = 1500, .dmac = {2, 0, 0, 0, 0, 1}};
	struct xlvs_nexthop two = {.ifindex = 3, .mtu_bytes = 1500, .dmac = {2, 0, 0, 0, 0, 2}};
	uint32_t a, first, second;

	assert_int_equal(xlvs_loader_set_nexthop(d->loader, 0, &one), -ENOENT);
	make(d, add_service(&d->f, VIP, "rr"));
	make(d, add_dest(&d->f, VIP, A));
	a = dest_id(d, VIP, A);
	assert_int_equal(d->loader->maps.dests[a].nexthop, 0);
	assert_int_equal(xlvs_loader_set_nexthop(d->loader, a, &one), 0);
	first = d->loader->maps.dests[a].nexthop;
	assert_int_not_equal(first, 0);
	assert_int_equal(d->loader->maps.nexthops[first].state, XLVS_NEXTHOP_READY);
	assert_int_equal(d->loader->maps.nexthops[first].ifindex, 2);
	assert_int_equal(xlvs_loader_set_nexthop(d->loader, a, &one), 0);
	assert_int_equal(d->loader->maps.dests[a].nexthop, first);

	assert_int_equal(xlvs_loader_set_nexthop(d->loader, a, &two), 0);
	second = d->loader->maps.dests[a].nexthop;
	assert_int_not_equal(second, first);
	assert_int_equal(d->loader->maps.nexthops[first].ifindex, 2);
	make(d, edit_dest(&d->f, VIP, A, 9));
	assert_int_equal(d->loader->maps.dests[a].nexthop, second);
	restart(d);
	assert_int_equal(d->loader->maps.dests[a].nexthop, second);
	assert_int_equal(d->loader->maps.nexthops[first].state, XLVS_NEXTHOP_FREE);

	make(d, delete_dest(&d->f, VIP, A));
	make(d, xlvs_model_free_dest(d->f.model, a, &d->f.plan));
	assert_int_equal(d->loader->maps.nexthops[second].state, XLVS_NEXTHOP_READY);
	xlvs_grace_reclaim(d->loader);
	assert_int_equal(d->loader->maps.nexthops[second].state, XLVS_NEXTHOP_FREE);
	assert_int_equal(d->loader->nexthops.taken[second], 0);
}

static void test_next_hops_run_out_only_when_all_are_in_use(void **state)
{
	struct director *d = *state;
	struct xlvs_nexthop nexthop = {.ifindex = 2};
	uint32_t a;

	make(d, add_service(&d->f, VIP, "rr"));
	make(d, add_dest(&d->f, VIP, A));
	a = dest_id(d, VIP, A);
	for (uint32_t i = 0; i < XLVS_NEXTHOPS_MAX + 10; i++) {
		nexthop.mtu_bytes = i;
		assert_int_equal(xlvs_loader_set_nexthop(d->loader, a, &nexthop), 0);
	}
	assert_int_equal(xlvs_loader_set_nexthop(d->loader, a, NULL), 0);
	assert_int_equal(d->loader->maps.dests[a].nexthop, 0);
	xlvs_grace_reclaim(d->loader);
	while (xlvs_runs_alloc(&d->loader->nexthops, 1) != XLVS_NONE)
		;
	assert_int_equal(xlvs_loader_set_nexthop(d->loader, a, &nexthop), -ENOSPC);
	assert_int_equal(d->loader->maps.dests[a].nexthop, 0);
}

static void test_the_generation_moves_on(void **state)
{
	struct director *d = *state;
	uint32_t before = d->loader->maps.runtime->generation;

	xlvs_loader_bump_generation(d->loader);
	assert_int_equal(d->loader->maps.runtime->generation, before + 1);
}

static uint64_t seed = 1;

static uint32_t below(uint32_t bound)
{
	seed = seed * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)((seed >> 32) * bound >> 32);
}

static int random_command(struct director *d)
{
	static const char *const schedulers[] = {"rr", "wrr", "lc", "wlc", "sh", "none"};
	const char *scheduler = schedulers[below(6)];
	char vip[32], server[32];
	uint32_t kind = below(40);

	snprintf(vip, sizeof(vip), "192.0.2.%u", 1 + below(20));
	snprintf(server, sizeof(server), "198.51.100.%u", 1 + below(60));
	if (kind < 8)
		return add_service(&d->f, vip, scheduler);
	if (kind < 10)
		return edit_service(&d->f, vip, scheduler);
	if (kind < 11)
		return delete_service(&d->f, vip);
	if (kind < 28)
		return add_dest(&d->f, vip, server);
	if (kind < 31)
		return edit_dest(&d->f, vip, server, (int32_t)below(100));
	if (kind < 35)
		return delete_dest(&d->f, vip, server);
	return xlvs_model_free_dest(d->f.model, below(100), &d->f.plan);
}

static void test_random_commands_and_restarts_keep_the_maps_true(void **state)
{
	struct director *d = *state;

	for (uint32_t i = 0; i < 4000; i++) {
		int r = random_command(d);

		if (r == 0)
			make(d, r);
		d->f.plan.n_ops = 0;
		if (i % 200 == 0)
			expect_all(d);
		else if (i % 20 == 0)
			expect_maps_as_model(d->loader, d->f.model);
	}
}

static void test_damaged_maps_are_refused_in_words(void **state)
{
	struct director *d = *state;
	struct xlvs_model *model = xlvs_model_new();
	struct xlvs_loader *loader;
	uint32_t slot;

	make(d, add_service(&d->f, VIP, "rr"));
	make(d, add_dest(&d->f, VIP, A));
	slot = d->loader->slots.of_service[service_id(d, VIP)];
	d->loader->maps.services[slot].list = XLVS_CHUNKS_MAX;
	loader = loader_over_memory(d->loader->memories);
	assert_int_equal(xlvs_loader_adopt(loader, model, &d->f.error), -EINVAL);
	assert_string_equal(d->f.error.text,
			    "the running packet path's state is damaged: list 131072");
	loader_free(loader);
	xlvs_model_free(model);

	d->loader->private->journal_words = 3;
	d->loader->private->journal[0] = 99;
	model = xlvs_model_new();
	loader = loader_over_memory(d->loader->memories);
	assert_int_equal(xlvs_loader_adopt(loader, model, &d->f.error), -EINVAL);
	assert_string_equal(d->f.error.text,
			    "the running packet path's state is damaged: journal of words 3");
	loader_free(loader);
	xlvs_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		director_test(test_services_and_destinations_come_change_and_go),
		director_test(test_settings_are_written_and_found_again),
		director_test(test_timeouts_are_written_and_found_again),
		director_test(test_every_field_survives_a_restart),
		director_test(test_persistent_services_survive_a_restart),
		director_test(test_overload_ends_when_the_threshold_is_raised_or_gone),
		director_test(test_a_deleted_destination_keeps_its_slot_until_it_is_freed),
		director_test(test_the_scheduler_goes_on_from_the_former_list),
		director_test(test_without_room_for_a_list_nothing_changes),
		director_test(test_room_that_only_rests_is_waited_for),
		director_test(test_without_room_in_the_service_table_nothing_changes),
		director_test(test_the_slot_of_a_deleted_service_rests),
		director_test(test_a_service_may_come_and_go_for_ever),
		director_test(test_next_hops_are_switched_by_one_index_and_rest),
		director_test(test_next_hops_run_out_only_when_all_are_in_use),
		director_test(test_the_generation_moves_on),
		director_test(test_random_commands_and_restarts_keep_the_maps_true),
		director_test(test_damaged_maps_are_refused_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
