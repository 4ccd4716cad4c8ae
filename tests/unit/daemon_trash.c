// SPDX-License-Identifier: GPL-2.0-or-later
/* When deleted destinations are freed: IPVS's trash, and room made under pressure. */
#include "daemon_fake.h"

#include "daemon/trash.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define VIP "203.0.113.80"

struct fixture {
	struct xlvs_loader *loader;
	struct xlvs_model *model;
	struct xlvs_trash *trash;
	struct xlvs_service_key service;
	struct xlvs_plan plan;
};

/* A service with destinations 0 and 1. */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct xlvs_service_spec spec = {.scheduler = "rr", .netmask = ~0U};
	struct xlvs_dest_spec dest = {.key = {.family = AF_INET, .port = htons(80)}, .weight = 1};

	f->loader = fake_loader_new();
	f->model = xlvs_model_new();
	assert_int_equal(xlvs_trash_new(f->model, f->loader->maps.dests, &f->trash), 0);
	f->service = (struct xlvs_service_key){
		.family = AF_INET,
		.protocol = IPPROTO_TCP,
		.address = fake_address(VIP),
		.port = htons(80),
	};
	spec.key = f->service;
	assert_int_equal(xlvs_model_add_service(f->model, &spec, &f->plan, NULL), 0);
	dest.key.address = fake_address("192.0.2.10");
	assert_int_equal(xlvs_model_add_dest(f->model, &f->service, &dest, &f->plan, NULL), 0);
	dest.key.address = fake_address("192.0.2.11");
	assert_int_equal(xlvs_model_add_dest(f->model, &f->service, &dest, &f->plan, NULL), 0);
	f->plan.n_ops = 0;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	xlvs_plan_done(&f->plan);
	xlvs_trash_free(f->trash);
	xlvs_model_free(f->model);
	fake_loader_free(f->loader);
	free(f);
	return 0;
}

static void delete_dest(struct fixture *f, const char *address)
{
	struct xlvs_dest_key key = {
		.family = AF_INET,
		.address = fake_address(address),
		.port = htons(80),
	};
	uint32_t id = address[strlen(address) - 1] - '0';

	assert_int_equal(xlvs_model_delete_dest(f->model, &f->service, &key, &f->plan, NULL), 0);
	xlvs_trash_put(f->trash, id);
	f->plan.n_ops = 0;
}

/* The number of destinations freed. */
static size_t look(struct fixture *f, uint64_t now_sec)
{
	f->plan.n_ops = 0;
	assert_int_equal(xlvs_trash_look(f->trash, now_sec, &f->plan), 0);
	for (size_t i = 0; i < f->plan.n_ops; i++)
		assert_int_equal(f->plan.ops[i].kind, XLVS_OP_DEST_FREE);
	return f->plan.n_ops;
}

static size_t empty(struct fixture *f)
{
	f->plan.n_ops = 0;
	assert_int_equal(xlvs_trash_empty(f->trash, &f->plan), 0);
	return f->plan.n_ops;
}

static void test_unused_destination_is_freed_120_seconds_after_it_was_found_so(void **state)
{
	struct fixture *f = *state;

	delete_dest(f, "192.0.2.10");
	assert_int_equal(look(f, 1060), 0);
	assert_int_equal(look(f, 1120), 0);
	assert_int_equal(look(f, 1179), 0);
	assert_int_equal(look(f, 1180), 1);
	assert_int_equal(f->plan.ops[0].dest, 0);
	assert_null(xlvs_model_dest(f->model, 0));
	assert_non_null(xlvs_model_dest(f->model, 1));
	assert_int_equal(look(f, 9999), 0);
}

static void test_connections_keep_a_destination(void **state)
{
	struct fixture *f = *state;

	f->loader->maps.dests[0].inactive = 1;
	delete_dest(f, "192.0.2.10");
	assert_int_equal(look(f, 1060), 0);
	assert_int_equal(look(f, 9060), 0);
	assert_int_equal(empty(f), 0);
	f->loader->maps.dests[0].inactive = 0;
	assert_int_equal(look(f, 9120), 0);
	assert_int_equal(look(f, 9240), 1);
}

static void test_available_destinations_are_never_freed(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(look(f, 1000), 0);
	assert_int_equal(look(f, 9000), 0);
	assert_int_equal(empty(f), 0);
}

static void test_second_deletion_counts_afresh(void **state)
{
	struct xlvs_dest_spec dest = {
		.key = {.family = AF_INET,
			.address = fake_address("192.0.2.10"),
			.port = htons(80)},
		.weight = 1,
	};
	struct fixture *f = *state;

	delete_dest(f, "192.0.2.10");
	assert_int_equal(look(f, 1060), 0);
	assert_int_equal(xlvs_model_add_dest(f->model, &f->service, &dest, &f->plan, NULL), 0);
	delete_dest(f, "192.0.2.10");
	assert_int_equal(look(f, 1180), 0);
	assert_int_equal(look(f, 1240), 0);
	assert_int_equal(look(f, 1300), 1);
}

static void test_room_is_made_of_what_has_no_connections(void **state)
{
	struct fixture *f = *state;

	delete_dest(f, "192.0.2.10");
	delete_dest(f, "192.0.2.11");
	f->loader->maps.dests[1].active = 1;
	assert_true(xlvs_trash_has_new(f->trash));
	assert_int_equal(empty(f), 1);
	assert_int_equal(f->plan.ops[0].dest, 0);
	assert_false(xlvs_trash_has_new(f->trash));
	f->loader->maps.dests[1].active = 0;
	assert_int_equal(empty(f), 1);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_unused_destination_is_freed_120_seconds_after_it_was_found_so),
		TEST(test_connections_keep_a_destination),
		TEST(test_available_destinations_are_never_freed),
		TEST(test_second_deletion_counts_afresh),
		TEST(test_room_is_made_of_what_has_no_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
