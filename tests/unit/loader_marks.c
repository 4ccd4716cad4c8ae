// SPDX-License-Identifier: GPL-2.0-or-later
/* Services for firewall marks, and mark rules, in the maps and over a restart. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "loader_fixture.h"

enum {
	MARK = 0x80000005,
	RULES = 3000,
};

static struct xlvs_service_spec mark_service(uint16_t family, uint32_t mark)
{
	struct xlvs_service_spec spec = {
		.key = {.family = family, .protocol = IPPROTO_TCP, .fwmark = mark},
		.scheduler = "rr",
		.flags_mask = ~0U,
		.netmask = family == AF_INET ? ~0U : 128,
	};

	return spec;
}

static void test_services_for_a_mark_come_go_and_survive_a_restart(void **state)
{
	struct director *d = *state;
	struct xlvs_service_spec ipv4 = mark_service(AF_INET, MARK);
	struct xlvs_service_spec ipv6 = mark_service(AF_INET6, MARK);
	struct xlvs_dest_spec dest = dest_spec("198.51.100.1", 1);
	struct xlvs_model *before;

	make(d, xlvs_model_add_service(d->f.model, &ipv4, &d->f.plan, &d->f.error));
	make(d, xlvs_model_add_service(d->f.model, &ipv6, &d->f.plan, &d->f.error));
	make(d, add_service(&d->f, "192.0.2.1", "rr"));
	make(d, xlvs_model_add_dest(d->f.model, &ipv4.key, &dest, &d->f.plan, &d->f.error));
	expect_maps_as_model(d->loader, d->f.model);
	assert_int_equal(xlvs_model_add_service(d->f.model, &ipv4, &d->f.plan, &d->f.error),
			 -EEXIST);
	before = copy_of_model(d->f.model);
	restart(d);
	expect_maps_as_model(d->loader, d->f.model);
	assert_true(is_same_model(d->f.model, before));
	xlvs_model_free(before);
	make(d, xlvs_model_delete_service(d->f.model, &ipv4.key, &d->f.plan, &d->f.error));
	assert_non_null(xlvs_model_find_service(d->f.model, &ipv6.key));
	expect_maps_as_model(d->loader, d->f.model);
}

static void test_rules_come_go_and_survive_a_restart_with_their_counters(void **state)
{
	struct director *d = *state;
	struct xlvs_mark_spec spec = mark_spec("192.0.2.1", 80, 0);
	struct xlvs_model *before;

	make(d, add_mark(d, "192.0.2.1", 80, 5));
	make(d, add_mark(d, "2001:db8::1", 80, 6));
	make(d, add_mark(d, "192.0.2.1", 443, MARK));
	expect_maps_as_model(d->loader, d->f.model);
	d->loader->maps.marks[2].packets = 12345;
	before = copy_of_model(d->f.model);
	restart(d);
	expect_maps_as_model(d->loader, d->f.model);
	assert_true(is_same_model(d->f.model, before));
	xlvs_model_free(before);
	assert_int_equal(d->loader->maps.marks[2].packets, 12345);

	make(d, xlvs_model_delete_mark(d->f.model, &spec, &d->f.plan, &d->f.error));
	expect_maps_as_model(d->loader, d->f.model);
	make(d, add_mark(d, "192.0.2.7", 80, 7));
	expect_maps_as_model(d->loader, d->f.model);
	make(d, xlvs_model_flush_marks(d->f.model, &d->f.plan));
	expect_maps_as_model(d->loader, d->f.model);
	make(d, add_mark(d, "192.0.2.9", 443, 9));
	assert_int_equal(d->loader->maps.marks[xlvs_model_next_mark(d->f.model, 0)->id].packets, 0);
}

static void test_thousands_of_rules_are_one_change(void **state)
{
	static struct xlvs_mark_spec specs[RULES];
	struct director *d = *state;

	for (uint32_t i = 0; i < RULES; i++)
		specs[i] = mark_spec("192.0.2.1", (uint16_t)(i + 1), i + 1);
	make(d, xlvs_model_add_marks(d->f.model, specs, RULES, &d->f.plan, &d->f.error));
	expect_maps_as_model(d->loader, d->f.model);
	for (int i = 0; i < 100; i++) {
		make(d, xlvs_model_delete_mark(d->f.model, &specs[i], &d->f.plan, &d->f.error));
		make(d, add_mark(d, "192.0.2.2", (uint16_t)i, 5));
	}
	expect_maps_as_model(d->loader, d->f.model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		director_test(test_services_for_a_mark_come_go_and_survive_a_restart),
		director_test(test_rules_come_go_and_survive_a_restart_with_their_counters),
		director_test(test_thousands_of_rules_are_one_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
