// SPDX-License-Identifier: GPL-2.0-or-later
/* What a daemon leaves behind however it ends, and what the next one makes of it. */
#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "loader/program.h"
#include "loader_world.h"

enum {
	KILLS = 10,
	MANY_SERVICES = 10000,
	DESTS_EACH = 10,
	NS_PER_SEC = 1000000000,
	CONNECTIONS_MAX = 402653184,
};

#define VIP "192.0.2.1"
#define A   "198.51.100.1"
#define B   "198.51.100.2"

static bool exists(const char *path)
{
	struct stat st;

	return !stat(path, &st);
}

static void attach(struct director *d, const char *interface)
{
	bool native;

	if (xlvs_loader_attach(d->loader, world_ifindex(interface), XLVS_MODE_AUTO, &native,
			       &d->f.error))
		fail_msg("%s", d->f.error.text);
}

static void configure(struct director *d)
{
	make(d, add_service(&d->f, VIP, "wrr"));
	make(d, add_dest(&d->f, VIP, A));
	make(d, add_dest(&d->f, VIP, B));
	make(d, delete_dest(&d->f, VIP, B));
}

static void open_and_configure(void *context)
{
	struct director *d = context;

	world_open(d, false);
	configure(d);
}

static void test_a_killed_daemons_maps_are_adopted_by_their_pins(void **state)
{
	struct director *d = *state;
	struct director killed = {};

	world_kill(world_child(open_and_configure, &killed));
	world_open(d, true);
	expect_maps_as_model(d->loader, d->f.model);
	assert_int_equal(dest_id(d, VIP, A), 0);
	assert_int_equal(dest_id(d, VIP, B), 1);
	assert_false(xlvs_model_dest(d->f.model, 1)->available);
}

static void open_configure_and_attach(void *context)
{
	open_and_configure(context);
	attach(context, "v0");
}

/* As when they were on a bpffs that died with `ip netns exec`. */
static void remove_pins(const struct xlvs_loader *loader)
{
	assert_true(exists(loader->pins.directory));
	xlvs_pins_remove(&loader->pins);
	assert_false(exists(loader->pins.directory));
}

static void open_attach_and_unpin(void *context)
{
	const struct director *d = context;

	open_configure_and_attach(context);
	remove_pins(d->loader);
}

static bool expiry_moves(const struct director *d)
{
	uint32_t before = d->loader->maps.runtime->sweeps;

	for (int i = 0; i < 100 && d->loader->maps.runtime->sweeps == before; i++)
		usleep(20000);
	return d->loader->maps.runtime->sweeps != before;
}

static void test_without_pins_they_are_found_by_the_interface(void **state)
{
	struct director *d = *state;
	struct director killed = {};

	world_kill(world_child(open_attach_and_unpin, &killed));
	world_open(d, true);
	expect_maps_as_model(d->loader, d->f.model);
	assert_int_equal(dest_id(d, VIP, A), 0);
	assert_true(expiry_moves(d));
	assert_true(exists(d->loader->pins.directory));
	world_close(d);
	world_run("ip link del v0");
	world_open(d, true);
}

static void test_without_pins_and_interfaces_nothing_is_left(void **state)
{
	struct director *d = *state;

	world_open(d, false);
	remove_pins(d->loader);
	world_close(d);
	world_open(d, false);
}

static void test_the_expiry_goes_on_after_a_kill(void **state)
{
	struct director *d = *state;
	struct director killed = {};
	uint32_t *sweeps;
	uint32_t at_kill;
	int fd, map;
	struct xlvs_runtime runtime;
	uint32_t zero = 0;
	pid_t pid = world_child(open_and_configure, &killed);

	world_kill(pid);
	world_open(d, true);
	sweeps = &d->loader->maps.runtime->sweeps;
	assert_true(expiry_moves(d));
	at_kill = *sweeps;
	fd = xlvs_pins_program(&d->loader->pins);
	world_close(d);
	/* A process that holds a map by its id would keep the timer: look only now and then. */
	close(fd);
	for (int i = 0; i < 100; i++) {
		struct xlvs_pins pins;

		usleep(20000);
		assert_int_equal(xlvs_pins_open(&pins), 0);
		fd = xlvs_pins_program(&pins);
		map = xlvs_program_map(fd, ".data.runtime");
		assert_int_equal(bpf_map_lookup_elem(map, &zero, &runtime), 0);
		close(map);
		close(fd);
		if (runtime.sweeps > at_kill + 1)
			break;
	}
	assert_true(runtime.sweeps > at_kill + 1);
	world_open(d, true);
}

static void open_in_own_world(void *context)
{
	struct director *d = context;

	if (unshare(CLONE_NEWNET))
		_exit(1);
	world_open(d, false);
}

struct shared_path {
	struct director d;
	char *directory; /* shared memory */
};

static void open_and_tell(void *context)
{
	struct shared_path *shared = context;

	open_in_own_world(&shared->d);
	snprintf(shared->directory, 4096, "%s", shared->d.loader->pins.directory);
}

static bool is_swept(const char *directory)
{
	struct xlvs_pins pins;

	assert_int_equal(xlvs_pins_open(&pins), 0);
	return !exists(directory);
}

static void test_what_a_vanished_network_namespace_left_is_swept(void **state)
{
	struct director *d = *state;
	struct shared_path shared = {
		.directory =
			mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
	};
	pid_t pid = world_child(open_and_tell, &shared);

	world_open(d, false);
	assert_true(exists(shared.directory));
	assert_true(exists(d->loader->pins.directory));
	world_kill(pid);
	world_wait_for(is_swept(shared.directory));
	assert_true(exists(d->loader->pins.directory));
}

static void test_another_layout_is_refused_in_one_line(void **state)
{
	struct director *d = *state;
	struct xlvs_loader_options options = {.connections = WORLD_CONNECTIONS};
	struct xlvs_loader *loader;
	struct xlvs_error error;
	char expected[160];
	bool adopted;

	world_open(d, false);
	d->loader->private->identity.layout = 4711;
	assert_int_equal(xlvs_loader_open(&options, &loader, &adopted, &error), -EPROTONOSUPPORT);
	snprintf(expected, sizeof(expected),
		 "the running packet path has layout 4711, this xlvsd works with %d: stop that "
		 "director with the xlvsd that started it",
		 XLVS_LAYOUT);
	assert_string_equal(error.text, expected);
}

static void open_as_nobody(void *context)
{
	struct xlvs_loader_options options = {.connections = WORLD_CONNECTIONS};
	struct xlvs_loader *loader;
	struct xlvs_error error;
	bool adopted;

	(void)context;
	if (setuid(65534) || xlvs_loader_open(&options, &loader, &adopted, &error) != -EPERM ||
	    strcmp(error.text, "loading the packet path needs root") != 0)
		_exit(1);
}

static void test_without_root_it_is_refused(void **state)
{
	(void)state;
	world_kill(world_child(open_as_nobody, NULL));
}

static void test_a_table_beyond_all_bounds_is_refused(void **state)
{
	uint64_t memory_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	struct xlvs_loader_options options = {.connections = 1ULL << 40};
	struct xlvs_loader *loader;
	struct xlvs_error error;
	bool adopted;

	(void)state;
	assert_int_equal(xlvs_loader_open(&options, &loader, &adopted, &error), -EINVAL);
	assert_non_null(strstr(error.text, "1099511627776"));
	/* More than there is, by half; a machine that large would have room for any table. */
	options.connections = memory_bytes / 64 * 3 / 8 * 3 / 2;
	if (options.connections > CONNECTIONS_MAX)
		return;
	assert_int_equal(xlvs_loader_open(&options, &loader, &adopted, &error), -ENOMEM);
	assert_non_null(strstr(error.text, "not enough memory for a table of "));
}

/* Numbered commands: the same number is the same command for whoever carries it out. */
static int numbered_command(struct director *d, uint32_t number)
{
	uint32_t random = (uint32_t)((number * 0x9e3779b97f4a7c15ULL) >> 32);
	char vip[32], server[32];

	snprintf(vip, sizeof(vip), "192.0.2.%u", 1 + random % 5);
	snprintf(server, sizeof(server), "198.51.100.%u", 1 + random / 5 % 20);
	switch (random / 100 % 16) {
	case 0:
	case 1:
	case 2:
		return add_service(&d->f, vip, random & 64 ? "sh" : "wrr");
	case 3:
		return edit_service(&d->f, vip, random & 64 ? "rr" : "lc");
	case 4:
		return delete_service(&d->f, vip);
	case 5:
		return random % 7 ? 0 : xlvs_model_flush(d->f.model, &d->f.plan);
	case 6:
	case 7:
		return delete_dest(&d->f, vip, server);
	case 8:
	case 9:
		return edit_dest(&d->f, vip, server, (int32_t)(random % 50));
	default:
		return add_dest(&d->f, vip, server);
	}
}

/* The child: command after command. *acknowledged is the number of the next one. */
static void __attribute__((noreturn)) storm(struct director *d, volatile uint32_t *acknowledged)
{
	for (uint32_t number = *acknowledged;; number++) {
		if (carry_out(d, numbered_command(d, number)) == -ENOSPC)
			_exit(1);
		*acknowledged = number + 1;
	}
}

/* What a command does to a model, no maps touched. */
static void command_to(struct xlvs_model *model, uint32_t number)
{
	struct director d = {.f = {.model = model}};

	numbered_command(&d, number);
	xlvs_plan_done(&d.f.plan);
}

static void kill_in_the_middle(struct director *d, volatile uint32_t *acknowledged)
{
	struct xlvs_model *replay = copy_of_model(d->f.model);
	uint32_t first = *acknowledged;
	pid_t pid = fork();

	if (pid == 0)
		storm(d, acknowledged);
	world_wait_for(*acknowledged > first);
	usleep((useconds_t)(random() % 3000));
	world_kill(pid);
	for (uint32_t number = first; number < *acknowledged; number++)
		command_to(replay, number);

	world_close(d);
	world_open(d, true);
	expect_maps_as_model(d->loader, d->f.model);
	if (!is_same_model(d->f.model, replay)) {
		command_to(replay, *acknowledged);
		*acknowledged += 1;
		assert_true(is_same_model(d->f.model, replay));
	}
	xlvs_model_free(replay);
}

static void test_kills_in_a_storm_of_commands_lose_none_of_them(void **state)
{
	struct director *d = *state;
	volatile uint32_t *acknowledged =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	srandom(1);
	world_open(d, false);
	for (int i = 0; i < KILLS; i++)
		kill_in_the_middle(d, acknowledged);
	print_message("%u commands acknowledged between %d kills\n", *acknowledged, KILLS);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_SEC + (uint64_t)now.tv_nsec;
}

/* One command, and what of it was spent in the loader. */
static uint64_t timed(struct director *d, int answer)
{
	uint64_t start;

	assert_int_equal(answer, 0);
	start = now_ns(CLOCK_MONOTONIC);
	make(d, answer);
	return now_ns(CLOCK_MONOTONIC) - start;
}

static void test_a_hundred_thousand_destinations_are_written_adopted_and_flushed(void **state)
{
	struct director *d = *state;
	uint64_t apply_ns = 0, adopt_ns;
	char vip[32], server[32];

	world_open(d, false);
	for (uint32_t i = 0; i < MANY_SERVICES; i++) {
		snprintf(vip, sizeof(vip), "203.0.%u.%u", i / 250, i % 250);
		apply_ns += timed(d, add_service(&d->f, vip, "wrr"));
		for (uint32_t j = 0; j < DESTS_EACH; j++) {
			snprintf(server, sizeof(server), "198.51.%u.%u", i % 250, j + 1);
			apply_ns += timed(d, add_dest(&d->f, vip, server));
		}
	}
	expect_maps_as_model(d->loader, d->f.model);
	world_close(d);
	adopt_ns = now_ns(CLOCK_MONOTONIC);
	world_open(d, true);
	adopt_ns = now_ns(CLOCK_MONOTONIC) - adopt_ns;
	expect_maps_as_model(d->loader, d->f.model);
	print_message("%d services with %d destinations each: written in %.3f s, loaded and "
		      "adopted in %.3f s\n",
		      MANY_SERVICES, DESTS_EACH, (double)apply_ns / NS_PER_SEC,
		      (double)adopt_ns / NS_PER_SEC);
	apply_ns = timed(d, xlvs_model_flush(d->f.model, &d->f.plan));
	print_message("flushed in %.3f s\n", (double)apply_ns / NS_PER_SEC);
	expect_maps_as_model(d->loader, d->f.model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_a_killed_daemons_maps_are_adopted_by_their_pins),
		world_test(test_without_pins_they_are_found_by_the_interface),
		world_test(test_without_pins_and_interfaces_nothing_is_left),
		world_test(test_the_expiry_goes_on_after_a_kill),
		world_test(test_what_a_vanished_network_namespace_left_is_swept),
		world_test(test_another_layout_is_refused_in_one_line),
		world_test(test_without_root_it_is_refused),
		world_test(test_a_table_beyond_all_bounds_is_refused),
		world_test(test_kills_in_a_storm_of_commands_lose_none_of_them),
		world_test(test_a_hundred_thousand_destinations_are_written_adopted_and_flushed),
	};

	return world_run_tests(tests);
}
