/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A model under test, with the plan and the refusal of the last call: few words to configure it
 * and to say what is expected. Services are TCP on port 80 and destinations NAT on port 80 unless
 * a test writes something else into the spec. */
#ifndef XLVS_TESTS_MODEL_FIXTURE_H
#define XLVS_TESTS_MODEL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/model.h"

struct fixture {
	struct xlvs_model *model;
	struct xlvs_plan plan;
	struct xlvs_error error;
};

int fixture_setup(void **state);
int fixture_teardown(void **state);

#define fixture_test(function) \
	cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

struct xlvs_service_key service_key(const char *address);
struct xlvs_service_spec service_spec(const char *address, const char *scheduler);
struct xlvs_dest_key dest_key(const char *address);
struct xlvs_dest_spec dest_spec(const char *address, int32_t weight);

/* The call's answer; a refusal is only accepted with a text. */
int add_service(struct fixture *f, const char *address, const char *scheduler);
int edit_service(struct fixture *f, const char *address, const char *scheduler);
int delete_service(struct fixture *f, const char *address);
int add_dest(struct fixture *f, const char *service, const char *address);
int edit_dest(struct fixture *f, const char *service, const char *address, int32_t weight);
int delete_dest(struct fixture *f, const char *service, const char *address);

/* What the plan says, which is then emptied: operations in a row, as in
 * "put d3, schedule s0 added, service s0". */
void expect_plan(struct fixture *f, const char *expected);

/* Ids of the service's destinations in list order: "2 0 1". */
void expect_list(const struct fixture *f, const char *service, const char *expected);

#endif
