// SPDX-License-Identifier: GPL-2.0-or-later
/* Local addresses of services, and what FULLNAT does not go with. */
#include "model_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "abi/local.h"

static const char *const VIP = "192.0.2.1", *const VIP6 = "2001:db8::1";

static struct xlvs_local_address local_address(const char *text)
{
	struct xlvs_dest_key key = dest_key(text);

	return (struct xlvs_local_address){.family = key.family, .address = key.address};
}

static int add_local(struct fixture *f, const char *service, const char *address)
{
	struct xlvs_service_key key = service_key(service);
	struct xlvs_local_address local = local_address(address);

	return xlvs_model_add_local(f->model, &key, &local, &f->plan, &f->error);
}

static int delete_local(struct fixture *f, const char *service, const char *address)
{
	struct xlvs_service_key key = service_key(service);
	struct xlvs_local_address local = local_address(address);

	return xlvs_model_delete_local(f->model, &key, &local, &f->plan, &f->error);
}

/* "198.51.100.1 198.51.100.2" */
static void expect_locals(const struct fixture *f, const char *service, const char *expected)
{
	struct xlvs_service_key key = service_key(service);
	const struct xlvs_model_service *found = xlvs_model_find_service(f->model, &key);
	char text[512] = "", address[INET6_ADDRSTRLEN];
	size_t used = 0;

	for (uint32_t i = 0; i < found->n_locals; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", i ? " " : "",
					 inet_ntop(found->locals[i].family,
						   &found->locals[i].address, address,
						   sizeof(address)));
	assert_string_equal(text, expected);
}

static void test_local_addresses_come_and_go_in_order(void **state)
{
	struct fixture *f = *state;

	add_service(f, VIP, "rr");
	add_service(f, VIP6, "rr");
	f->plan.n_ops = 0;
	assert_int_equal(add_local(f, VIP, "198.51.100.1"), 0);
	expect_plan(f, "locals s0");
	assert_int_equal(add_local(f, VIP, "198.51.100.2"), 0);
	assert_int_equal(add_local(f, VIP6, "2001:db8:1::1"), 0);
	expect_plan(f, "locals s0, locals s1");
	expect_locals(f, VIP, "198.51.100.1 198.51.100.2");
	expect_locals(f, VIP6, "2001:db8:1::1");
	assert_int_equal(delete_local(f, VIP, "198.51.100.1"), 0);
	expect_plan(f, "locals s0");
	assert_int_equal(add_local(f, VIP, "198.51.100.1"), 0);
	expect_locals(f, VIP, "198.51.100.2 198.51.100.1");
}

static void test_local_addresses_that_cannot_be_are_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add_local(f, VIP, "198.51.100.1"), -ESRCH);
	assert_int_equal(delete_local(f, VIP, "198.51.100.1"), -ESRCH);
	f->error = (struct xlvs_error){{0}};
	add_service(f, VIP, "rr");
	assert_int_equal(add_local(f, VIP, "198.51.100.1"), 0);
	f->plan.n_ops = 0;
	assert_int_equal(add_local(f, VIP, "198.51.100.1"), -EEXIST);
	assert_string_equal(f->error.text,
			    "local address 198.51.100.1 is in use by the service already");
	assert_int_equal(delete_local(f, VIP, "198.51.100.2"), -ENOENT);
	assert_string_equal(f->error.text, "198.51.100.2 is no local address of the service");
	expect_plan(f, "");
	expect_locals(f, VIP, "198.51.100.1");
}

static void test_a_service_has_so_many_local_addresses(void **state)
{
	struct fixture *f = *state;
	char address[INET_ADDRSTRLEN];

	add_service(f, VIP, "rr");
	for (int i = 0; i <= XLVS_LOCALS_MAX; i++) {
		snprintf(address, sizeof(address), "198.51.%d.%d", i / 256, i % 256);
		assert_int_equal(add_local(f, VIP, address), i < XLVS_LOCALS_MAX ? 0 : -ENOSPC);
	}
}

static int add_fullnat(struct fixture *f, const struct xlvs_service_key *key, const char *address)
{
	struct xlvs_dest_spec spec = dest_spec(address, 1);

	spec.method = XLVS_METHOD_FULLNAT;
	return xlvs_model_add_dest(f->model, key, &spec, &f->plan, &f->error);
}

static void test_fullnat_leads_to_either_family_from_local_addresses_of_both(void **state)
{
	struct fixture *f = *state;
	struct xlvs_service_key key = service_key(VIP);

	add_service(f, VIP, "rr");
	assert_int_equal(add_fullnat(f, &key, "2001:db8::2"), 0);
	assert_int_equal(add_fullnat(f, &key, "198.51.100.2"), 0);
	assert_int_equal(add_local(f, VIP, "2001:db8::3"), 0);
	assert_int_equal(add_local(f, VIP, "198.51.100.3"), 0);
	assert_int_equal(add_local(f, VIP, "2001:db8::4"), 0);
	expect_locals(f, VIP, "198.51.100.3 2001:db8::3 2001:db8::4");
}

/* A datagram without a record has no port of its own to come back to. */
static void test_fullnat_and_one_packet_scheduling_are_refused_in_any_order(void **state)
{
	static const char text[] = "forwarding method fullnat with one-packet scheduling is not "
				   "supported yet";
	struct fixture *f = *state;
	struct xlvs_service_spec spec = service_spec(VIP, "rr");

	spec.key.protocol = IPPROTO_UDP;
	spec.flags = XLVS_SERVICE_ONE_PACKET;
	assert_int_equal(xlvs_model_add_service(f->model, &spec, &f->plan, &f->error), 0);
	assert_int_equal(add_fullnat(f, &spec.key, "198.51.100.2"), -EOPNOTSUPP);
	assert_string_equal(f->error.text, text);
	spec.flags = 0;
	assert_int_equal(xlvs_model_edit_service(f->model, &spec, &f->plan, &f->error), 0);
	assert_int_equal(add_fullnat(f, &spec.key, "198.51.100.2"), 0);
	f->plan.n_ops = 0;
	spec.flags = XLVS_SERVICE_ONE_PACKET;
	assert_int_equal(xlvs_model_edit_service(f->model, &spec, &f->plan, &f->error),
			 -EOPNOTSUPP);
	assert_string_equal(f->error.text, text);
	expect_plan(f, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(test_local_addresses_come_and_go_in_order),
		fixture_test(test_local_addresses_that_cannot_be_are_refused),
		fixture_test(test_a_service_has_so_many_local_addresses),
		fixture_test(test_fullnat_leads_to_either_family_from_local_addresses_of_both),
		fixture_test(test_fullnat_and_one_packet_scheduling_are_refused_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
