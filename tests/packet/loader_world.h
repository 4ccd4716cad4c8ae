/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network namespace of the test's own, with a veth pair v0 and v1, and directors in it whose maps
 * are the kernel's. */
#ifndef XLVS_TESTS_LOADER_WORLD_H
#define XLVS_TESTS_LOADER_WORLD_H

#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#include "../unit/loader_fixture.h"

enum {
	WORLD_CONNECTIONS = 1000
};

/* A new, empty network namespace for this process; the former one goes with its last process. */
int world_setup(void **state);
int world_teardown(void **state);

#define world_test(function) cmocka_unit_test_setup_teardown(function, world_setup, world_teardown)

/* Start a daemon's work: open, and adopt if there is something to adopt, which must be as said. */
void world_open(struct director *d, bool adopted);
/* The daemon is gone; the packet path stays. */
void world_close(struct director *d);
/* The same with the packet path taken down. */
void world_shutdown(struct director *d);

uint32_t world_ifindex(const char *name);
/* Run a command of the shell, written as for printf(); the test fails if it does. */
#define world_run(...)                                             \
	do {                                                       \
		char command_[256];                                \
		snprintf(command_, sizeof(command_), __VA_ARGS__); \
		world_run_command(command_);                       \
	} while (0)
void world_run_command(const char *command);

/* A child process that runs `work` and then waits to be killed; it has finished the work when this
 * returns. */
pid_t world_child(void (*work)(void *context), void *context);
void world_kill(pid_t pid);

/* Wait until it is so: at most five seconds. */
#define world_wait_for(condition)                                \
	do {                                                     \
		for (int i_ = 0; i_ < 500 && !(condition); i_++) \
			usleep(10000);                           \
		assert_true(condition);                          \
	} while (0)

/* 77 for a test that needs root and is not run as root, else what the tests say. */
#define world_run_tests(tests) (geteuid() ? 77 : cmocka_run_group_tests(tests, NULL, NULL))

#endif
