// SPDX-License-Identifier: GPL-2.0-or-later
/* What the director cannot do yet is refused by name, and only after what the kernel checks. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model_fixture.h"

#define VIP "192.0.2.1"
#define A   "198.51.100.1"

static void expect_service_refused(struct fixture *f, const struct xlvs_service_spec *spec,
				   const char *text)
{
	assert_int_equal(xlvs_model_add_service(f->model, spec, &f->plan, &f->error), -EOPNOTSUPP);
	assert_string_equal(f->error.text, text);
	expect_plan(f, "");
	assert_null(xlvs_model_find_service(f->model, &spec->key));
}

static void test_services_of_kinds_to_come_are_refused(void **state)
{
	struct fixture *f = *state;
	struct xlvs_service_spec spec = service_spec(VIP, "rr");

	spec.key.protocol = 99;
	expect_service_refused(f, &spec,
			       "services of protocols other than TCP, UDP and SCTP are not "
			       "supported yet");
	spec.key.protocol = IPPROTO_TCP;
	spec.key.port = 0;
	expect_service_refused(f, &spec,
			       "port 0 (all ports) without persistence is not supported yet");
}

static void test_service_options_to_come_are_refused(void **state)
{
	static const struct {
		uint32_t flags;
		const char *text;
	} rows[] = {
		{0x40, "an unknown service flag is not supported yet"},
	};
	struct fixture *f = *state;
	struct xlvs_service_spec spec = service_spec(VIP, "sh");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		spec.flags = rows[i].flags;
		expect_service_refused(f, &spec, rows[i].text);
	}
	spec.flags = 0;
	snprintf(spec.pe, sizeof(spec.pe), "no-such");
	assert_int_equal(xlvs_model_add_service(f->model, &spec, &f->plan, NULL), -ENOENT);
}

static void test_refused_edit_leaves_the_service_as_it_was(void **state)
{
	struct fixture *f = *state;
	struct xlvs_service_spec spec = service_spec(VIP, "wlc");

	add_service(f, VIP, "rr");
	f->plan.n_ops = 0;
	spec.flags = 0x40;
	assert_int_equal(xlvs_model_edit_service(f->model, &spec, &f->plan, &f->error),
			 -EOPNOTSUPP);
	expect_plan(f, "");
	assert_int_equal(xlvs_model_service(f->model, 0)->scheduler, XLVS_SCHEDULER_rr);
}

static void test_existing_service_is_eexist_before_it_is_unsupported(void **state)
{
	struct fixture *f = *state;
	struct xlvs_service_spec spec = service_spec(VIP, "rr");

	add_service(f, VIP, "rr");
	spec.flags = 0x40;
	assert_int_equal(xlvs_model_add_service(f->model, &spec, &f->plan, NULL), -EEXIST);
}

static void test_destination_options_to_come_are_refused(void **state)
{
	struct fixture *f = *state;
	const struct xlvs_dest_spec plain = dest_spec(A, 1);
	enum {
		N_SPECS = 5
	};
	struct xlvs_dest_spec specs[N_SPECS];
	static const char *const texts[N_SPECS] = {
		"forwarding method local is not supported yet",
		"forwarding method bypass is not supported yet",
		"an unknown forwarding method is not supported yet",
		"an unknown tunnel type is not supported yet",
		"an unknown tunnel flag is not supported yet",
	};
	struct xlvs_service_key key = service_key(VIP);

	for (size_t i = 0; i < N_SPECS; i++)
		specs[i] = plain;
	specs[0].method = XLVS_METHOD_LOCAL;
	specs[1].method = XLVS_METHOD_BYPASS;
	specs[2].method = 6;
	specs[3].tunnel_type = 3;
	specs[4].tunnel_flags = 4;

	add_service(f, VIP, "rr");
	add_dest(f, VIP, A);
	for (size_t i = 0; i < N_SPECS; i++) {
		f->plan.n_ops = 0;
		assert_int_equal(xlvs_model_edit_dest(f->model, &key, &specs[i], &f->plan,
						      &f->error),
				 -EOPNOTSUPP);
		assert_string_equal(f->error.text, texts[i]);
		assert_int_equal(xlvs_model_add_dest(f->model, &key, &specs[i], &f->plan, NULL),
				 -EEXIST);
		specs[i].key = dest_key("198.51.100.2");
		assert_int_equal(xlvs_model_add_dest(f->model, &key, &specs[i], &f->plan,
						     &f->error),
				 -EOPNOTSUPP);
		assert_string_equal(f->error.text, texts[i]);
		expect_plan(f, "");
	}
	expect_list(f, VIP, "0");
}

/* Its replies would go out untranslated. */
static void test_nat_of_one_packet_sessions_is_refused(void **state)
{
	struct fixture *f = *state;
	struct xlvs_service_spec service = service_spec(VIP, "rr");
	struct xlvs_dest_spec dest = dest_spec(A, 1);

	service.key.protocol = IPPROTO_UDP;
	service.flags = XLVS_SERVICE_PERSISTENT | XLVS_SERVICE_ONE_PACKET;
	service.timeout_sec = 60;
	snprintf(service.pe, sizeof(service.pe), "sip");
	assert_int_equal(xlvs_model_add_service(f->model, &service, &f->plan, &f->error), 0);
	dest.method = XLVS_METHOD_NAT;
	assert_int_equal(xlvs_model_add_dest(f->model, &service.key, &dest, &f->plan, &f->error),
			 -EOPNOTSUPP);
	assert_string_equal(f->error.text, "forwarding method masq with one-packet scheduling and "
					   "a persistence engine is not supported yet");
	dest.method = XLVS_METHOD_DR;
	assert_int_equal(xlvs_model_add_dest(f->model, &service.key, &dest, &f->plan, &f->error),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(test_services_of_kinds_to_come_are_refused),
		fixture_test(test_service_options_to_come_are_refused),
		fixture_test(test_refused_edit_leaves_the_service_as_it_was),
		fixture_test(test_existing_service_is_eexist_before_it_is_unsupported),
		fixture_test(test_destination_options_to_come_are_refused),
		fixture_test(test_nat_of_one_packet_sessions_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
