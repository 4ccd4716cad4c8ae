// SPDX-License-Identifier: GPL-2.0-or-later
/* The model filled to its limits. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "abi/limits.h"
#include "model_fixture.h"

static void number_address(struct xlvs_address *address, uint32_t number)
{
	uint32_t network_order = htonl(0x0a000000 + number);

	memcpy(address->bytes, &network_order, sizeof(network_order));
}

static int add_numbered_service(struct fixture *f, uint32_t number)
{
	struct xlvs_service_spec spec = service_spec("192.0.2.1", "wlc");

	number_address(&spec.key.address, number);
	f->plan.n_ops = 0;
	return xlvs_model_add_service(f->model, &spec, &f->plan, NULL);
}

static int add_numbered_dest(struct fixture *f, uint32_t service, uint32_t number)
{
	struct xlvs_service_key key = service_key("192.0.2.1");
	struct xlvs_dest_spec spec = dest_spec("192.0.2.1", 1);

	number_address(&key.address, service);
	number_address(&spec.key.address, number);
	f->plan.n_ops = 0;
	return xlvs_model_add_dest(f->model, &key, &spec, &f->plan, NULL);
}

static void test_ten_thousand_services_with_ten_destinations_each(void **state)
{
	struct fixture *f = *state;
	const struct xlvs_model_service *service;
	uint32_t n_services = 0;

	for (uint32_t i = 0; i < 10000; i++) {
		assert_int_equal(add_numbered_service(f, i), 0);
		for (uint32_t j = 0; j < 10; j++)
			assert_int_equal(add_numbered_dest(f, i, j), 0);
	}
	for (uint32_t id = 0; (service = xlvs_model_next_service(f->model, id));
	     id = service->id + 1) {
		assert_int_equal(service->n_dests, 10);
		for (uint32_t j = 0; j < 10; j++)
			assert_int_equal(service->dests[j], service->id * 10 + 9 - j);
		n_services++;
	}
	assert_int_equal(n_services, 10000);
	f->plan.n_ops = 0;
	assert_int_equal(xlvs_model_flush(f->model, &f->plan), 0);
	assert_int_equal(f->plan.n_ops, 110000);
	for (uint32_t id = 0; id < 100000; id++)
		assert_int_equal(xlvs_model_free_dest(f->model, id, &f->plan), 0);
	assert_null(xlvs_model_next_dest(f->model, 0));
}

static void test_a_service_holds_4096_destinations_and_no_more(void **state)
{
	struct fixture *f = *state;
	const struct xlvs_model_service *service;

	add_numbered_service(f, 0);
	for (uint32_t i = 0; i < XLVS_DESTS_PER_SERVICE; i++)
		assert_int_equal(add_numbered_dest(f, 0, i), 0);
	assert_int_equal(add_numbered_dest(f, 0, XLVS_DESTS_PER_SERVICE), -ENOSPC);
	assert_int_equal(f->plan.n_ops, 0);
	service = xlvs_model_service(f->model, 0);
	for (uint32_t i = 0; i < XLVS_DESTS_PER_SERVICE; i++)
		assert_int_equal(service->dests[i], XLVS_DESTS_PER_SERVICE - 1 - i);
}

static void test_a_director_holds_16384_services_and_no_more(void **state)
{
	struct fixture *f = *state;
	struct xlvs_service_key key = service_key("10.0.0.5");

	for (uint32_t i = 0; i < XLVS_SERVICES_MAX; i++)
		assert_int_equal(add_numbered_service(f, i), 0);
	assert_int_equal(add_numbered_service(f, XLVS_SERVICES_MAX), -ENOSPC);
	assert_int_equal(f->plan.n_ops, 0);
	assert_int_equal(xlvs_model_delete_service(f->model, &key, &f->plan, NULL), 0);
	assert_int_equal(add_numbered_service(f, XLVS_SERVICES_MAX), 0);
	assert_int_equal(f->plan.ops[0].service, 5);
}

static void test_trash_counts_against_the_destinations_of_a_director(void **state)
{
	struct fixture *f = *state;
	struct xlvs_service_key key = service_key("10.0.0.0");

	for (uint32_t i = 0; i < XLVS_DESTS_MAX / XLVS_DESTS_PER_SERVICE; i++) {
		add_numbered_service(f, i);
		for (uint32_t j = 0; j < XLVS_DESTS_PER_SERVICE; j++)
			assert_int_equal(add_numbered_dest(f, i, j), 0);
	}
	add_numbered_service(f, 99);
	assert_int_equal(add_numbered_dest(f, 99, 0), -ENOSPC);
	assert_int_equal(xlvs_model_delete_service(f->model, &key, &f->plan, NULL), 0);
	assert_int_equal(add_numbered_dest(f, 99, 0), -ENOSPC);
	add_numbered_service(f, 0);
	assert_int_equal(add_numbered_dest(f, 0, 17), 0);
	assert_int_equal(xlvs_model_free_dest(f->model, 18, &f->plan), 0);
	assert_int_equal(add_numbered_dest(f, 99, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(test_ten_thousand_services_with_ten_destinations_each),
		fixture_test(test_a_service_holds_4096_destinations_and_no_more),
		fixture_test(test_a_director_holds_16384_services_and_no_more),
		fixture_test(test_trash_counts_against_the_destinations_of_a_director),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
