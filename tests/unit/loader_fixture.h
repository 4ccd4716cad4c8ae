/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A loader over memory that no kernel knows, and a model of its own: everything the loader writes
 * can be tried and looked at, and the memory is shared with child processes, which may be killed.
 */
#ifndef XLVS_TESTS_LOADER_FIXTURE_H
#define XLVS_TESTS_LOADER_FIXTURE_H

#include "loader/state.h"
#include "model_fixture.h"

enum {
	FIXTURE_CPUS = 2,
	FIXTURE_CONNS = 64
};

struct director {
	struct fixture f; /* model, plan and refusal */
	struct xlvs_loader *loader;
};

int director_setup(void **state);
int director_teardown(void **state);

#define director_test(function) \
	cmocka_unit_test_setup_teardown(function, director_setup, director_teardown)

/* A loader and its memories; another loader over memories that are there, as after a restart. */
struct xlvs_loader *loader_over_memory(const struct xlvs_memory *memories);
void loader_free(struct xlvs_loader *loader);
void loader_free_with_memory(struct xlvs_loader *loader);

/* Carry out the plan that a command left, if the command succeeded; either's answer. */
int carry_out(struct director *d, int answer);
/* A command that must succeed, and one that the loader must refuse with these words. */
void make(struct director *d, int answer);
void refuse(struct director *d, int answer, int code, const char *text);

/* A rule for TCP to one address and port. */
struct xlvs_mark_spec mark_spec(const char *address, uint16_t port, uint32_t mark);
int add_mark(struct director *d, const char *address, uint16_t port, uint32_t mark);

/* The same director after a restart of the daemon: loader and model are rebuilt from the maps. */
void restart(struct director *d);

/* The maps say what the model says: as a packet would find it, and with nothing left over. */
void expect_maps_as_model(const struct xlvs_loader *loader, const struct xlvs_model *model);

/* Two models that no command can tell apart. */
bool is_same_model(const struct xlvs_model *a, const struct xlvs_model *b);
struct xlvs_model *copy_of_model(const struct xlvs_model *model);

/* Id of a destination. */
uint32_t dest_id(const struct director *d, const char *service, const char *address);
uint32_t service_id(const struct director *d, const char *service);

#endif
