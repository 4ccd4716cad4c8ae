// SPDX-License-Identifier: GPL-2.0-or-later
/* Mark rules in the model: what is a rule, which are the same, all of a batch or none of it. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "abi/mark.h"
#include "model_fixture.h"

static struct xlvs_mark_spec rule(const char *address, uint16_t length, uint32_t mark)
{
	struct xlvs_dest_key key = dest_key(address);

	return (struct xlvs_mark_spec){
		.family = key.family,
		.protocol = IPPROTO_UDP,
		.address = key.address,
		.length = length,
		.first_port = 53,
		.last_port = 60,
		.mark = mark,
	};
}

static int add(struct fixture *f, const struct xlvs_mark_spec *specs, size_t n_specs)
{
	f->plan.n_ops = 0;
	f->error.text[0] = '\0';
	return xlvs_model_add_marks(f->model, specs, n_specs, &f->plan, &f->error);
}

static void expect_refused(struct fixture *f, struct xlvs_mark_spec spec, int code,
			   const char *text)
{
	assert_int_equal(add(f, &spec, 1), code);
	assert_string_equal(f->error.text, text);
	assert_int_equal(f->plan.n_ops, 0);
	assert_null(xlvs_model_next_mark(f->model, 0));
}

static void test_what_is_no_rule_is_refused_by_name(void **state)
{
	struct fixture *f = *state;
	struct xlvs_mark_spec spec = rule("192.0.2.0", 24, 0);

	expect_refused(f, spec, -EINVAL, "a mark is 1 to 4294967295, not 0");
	spec = rule("192.0.2.1", 24, 5);
	expect_refused(f, spec, -EINVAL, "the address has bits set past its prefix");
	spec = rule("192.0.2.0", 33, 5);
	expect_refused(f, spec, -EINVAL, "a prefix has at most 32 bits, not 33");
	spec = rule("2001:db8::", 129, 5);
	expect_refused(f, spec, -EINVAL, "a prefix has at most 128 bits, not 129");
	spec = rule("192.0.2.0", 24, 5);
	spec.protocol = IPPROTO_SCTP;
	expect_refused(f, spec, -EINVAL, "a mark rule is for tcp, udp or any, not 132");
	spec = rule("192.0.2.0", 24, 5);
	spec.first_port = 61;
	expect_refused(f, spec, -EINVAL, "a range of ports does not end before it begins");
	spec = rule("192.0.2.0", 24, 5);
	spec.family = AF_UNIX;
	expect_refused(f, spec, -EAFNOSUPPORT, "address family 1 of a mark rule");
}

static void test_one_rule_for_the_same_packets(void **state)
{
	struct fixture *f = *state;
	struct xlvs_mark_spec specs[] = {rule("192.0.2.0", 24, 5), rule("192.0.2.0", 24, 6),
					 rule("192.0.2.0", 25, 5)};

	assert_int_equal(add(f, specs, 2), -EEXIST);
	assert_string_equal(f->error.text, "there is a mark rule for the same packets");
	assert_int_equal(f->plan.n_ops, 0);
	assert_null(xlvs_model_next_mark(f->model, 0));
	assert_int_equal(add(f, &specs[1], 2), 0);
	assert_int_equal(add(f, &specs[0], 1), -EEXIST);
	specs[0].protocol = 0;
	assert_int_equal(add(f, &specs[0], 1), 0);
}

static void test_a_rule_is_deleted_by_its_packets_and_its_mark_if_told(void **state)
{
	struct fixture *f = *state;
	struct xlvs_mark_spec spec = rule("2001:db8::", 32, 5);

	assert_int_equal(add(f, &spec, 1), 0);
	spec.mark = 6;
	assert_int_equal(xlvs_model_delete_mark(f->model, &spec, &f->plan, &f->error), -ESRCH);
	spec.mark = 0;
	assert_int_equal(xlvs_model_delete_mark(f->model, &spec, &f->plan, &f->error), 0);
	assert_int_equal(xlvs_model_delete_mark(f->model, &spec, &f->plan, &f->error), -ESRCH);
	assert_string_equal(f->error.text, "no such mark rule");
}

static void test_there_are_as_many_rules_as_the_limit_says(void **state)
{
	static struct xlvs_mark_spec specs[XLVS_MARK_RULES_MAX + 1];
	struct fixture *f = *state;

	for (uint32_t i = 0; i <= XLVS_MARK_RULES_MAX; i++) {
		specs[i] = rule("192.0.2.0", 24, 5);
		specs[i].first_port = (uint16_t)i;
		specs[i].last_port = (uint16_t)i;
	}
	assert_int_equal(add(f, specs, XLVS_MARK_RULES_MAX + 1), -ENOSPC);
	assert_string_equal(f->error.text, "a director has at most 16384 mark rules");
	assert_null(xlvs_model_next_mark(f->model, 0));
	assert_int_equal(add(f, specs, XLVS_MARK_RULES_MAX), 0);
	assert_int_equal(f->plan.n_ops, XLVS_MARK_RULES_MAX + 1);
	f->plan.n_ops = 0;
	assert_int_equal(xlvs_model_flush_marks(f->model, &f->plan), 0);
	assert_int_equal(f->plan.n_ops, XLVS_MARK_RULES_MAX + 1);
	assert_null(xlvs_model_next_mark(f->model, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(test_what_is_no_rule_is_refused_by_name),
		fixture_test(test_one_rule_for_the_same_packets),
		fixture_test(test_a_rule_is_deleted_by_its_packets_and_its_mark_if_told),
		fixture_test(test_there_are_as_many_rules_as_the_limit_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
