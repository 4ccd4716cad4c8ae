// SPDX-License-Identifier: GPL-2.0-or-later
/* Local addresses of services in the maps and over a restart. */
#include <stdio.h>

#include "loader_fixture.h"

enum {
	MANY = 40, /* more than two chunks hold */
};

static struct xlvs_local_address local_address(int n)
{
	char text[32];
	struct xlvs_dest_key key;

	snprintf(text, sizeof(text), "198.51.100.%d", n);
	key = dest_key(text);
	return (struct xlvs_local_address){.family = key.family, .address = key.address};
}

static int add_local(struct director *d, const char *service, int n)
{
	struct xlvs_service_key key = service_key(service);
	struct xlvs_local_address local = local_address(n);

	return xlvs_model_add_local(d->f.model, &key, &local, &d->f.plan, &d->f.error);
}

static int delete_local(struct director *d, const char *service, int n)
{
	struct xlvs_service_key key = service_key(service);
	struct xlvs_local_address local = local_address(n);

	return xlvs_model_delete_local(d->f.model, &key, &local, &d->f.plan, &d->f.error);
}

static void test_local_addresses_survive_a_restart(void **state)
{
	struct director *d = *state;
	struct xlvs_model *before;

	make(d, add_service(&d->f, "192.0.2.1", "rr"));
	make(d, add_service(&d->f, "192.0.2.2", "rr"));
	for (int i = 1; i <= MANY; i++) {
		make(d, add_local(d, "192.0.2.1", i));
		expect_maps_as_model(d->loader, d->f.model);
	}
	make(d, add_local(d, "192.0.2.2", 7));
	before = copy_of_model(d->f.model);
	restart(d);
	expect_maps_as_model(d->loader, d->f.model);
	assert_true(is_same_model(d->f.model, before));
	xlvs_model_free(before);
	for (int i = 1; i <= MANY; i++) {
		make(d, delete_local(d, "192.0.2.1", i));
		expect_maps_as_model(d->loader, d->f.model);
	}
}

static void test_local_addresses_go_with_their_service(void **state)
{
	struct director *d = *state;

	make(d, add_service(&d->f, "192.0.2.1", "rr"));
	make(d, add_local(d, "192.0.2.1", 1));
	make(d, edit_service(&d->f, "192.0.2.1", "wrr"));
	expect_maps_as_model(d->loader, d->f.model);
	make(d, delete_service(&d->f, "192.0.2.1"));
	expect_maps_as_model(d->loader, d->f.model);
	make(d, add_service(&d->f, "192.0.2.1", "rr"));
	expect_maps_as_model(d->loader, d->f.model);
	make(d, add_local(d, "192.0.2.1", 2));
	make(d, xlvs_model_flush(d->f.model, &d->f.plan));
	expect_maps_as_model(d->loader, d->f.model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		director_test(test_local_addresses_survive_a_restart),
		director_test(test_local_addresses_go_with_their_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
