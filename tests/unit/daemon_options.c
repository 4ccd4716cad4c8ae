// SPDX-License-Identifier: GPL-2.0-or-later
/* xlvsd's command line. */
#include "daemon_fake.h"

#include "daemon/options.h"

#include <errno.h>
#include <string.h>

static int parse(const char *line, struct xlvs_options *options, struct xlvs_error *error)
{
	static char copy[256], program[] = "xlvsd";
	char *argv[32] = {program}, *rest = copy;
	int argc = 1;

	strncpy(copy, line, sizeof(copy) - 1);
	for (char *word; (word = strsep(&rest, " "));)
		argv[argc++] = word;
	return xlvs_options_parse(argc, argv, options, error);
}

static void expect_refusal(const char *line, const char *text)
{
	struct xlvs_options options;
	struct xlvs_error error = {{0}};

	assert_int_equal(parse(line, &options, &error), -EINVAL);
	assert_string_equal(error.text, text);
}

static void test_interfaces_are_named_once_each(void **state)
{
	struct xlvs_options options;

	(void)state;
	assert_int_equal(parse("-i eth1 --interface eth2 -i eth1", &options, NULL), 0);
	assert_int_equal(options.n_interfaces, 2);
	assert_string_equal(options.interfaces[0], "eth1");
	assert_string_equal(options.interfaces[1], "eth2");
	assert_false(options.all);
	assert_int_equal(options.mode, XLVS_MODE_AUTO);
	assert_int_equal(options.loader.connections, 1 << 20);
	assert_int_equal(options.action, XLVS_ACTION_RUN);
	xlvs_options_done(&options);
}

static void test_all_is_not_a_name(void **state)
{
	struct xlvs_options options;

	(void)state;
	assert_int_equal(parse("-i all --mode native --connections 5000 --mh-slots 65537", &options,
			       NULL),
			 0);
	assert_true(options.all);
	assert_int_equal(options.n_interfaces, 0);
	assert_int_equal(options.mode, XLVS_MODE_NATIVE);
	assert_int_equal(options.loader.connections, 5000);
	assert_int_equal(options.loader.mh_slots, 65537);
	xlvs_options_done(&options);
}

static void test_help_and_version_need_no_interface(void **state)
{
	struct xlvs_options options;

	(void)state;
	assert_int_equal(parse("--help", &options, NULL), 0);
	assert_int_equal(options.action, XLVS_ACTION_HELP);
	xlvs_options_done(&options);
	assert_int_equal(parse("-V", &options, NULL), 0);
	assert_int_equal(options.action, XLVS_ACTION_VERSION);
	xlvs_options_done(&options);
}

static void test_what_is_wrong_is_named(void **state)
{
	(void)state;
	expect_refusal("-i eth1 --mode fast", "--mode fast: auto, native or generic");
	expect_refusal("-i eth1 --connections 12k", "--connections 12k: not a number above 0");
	expect_refusal("-i eth1 --mh-slots 4096",
		       "--mh-slots 4096: not a prime from 251 to 131071");
	expect_refusal("-i eth1 --mh-slots 241", "--mh-slots 241: not a prime from 251 to 131071");
	expect_refusal("-i eth1 --mh-slots 131101",
		       "--mh-slots 131101: not a prime from 251 to 131071");
	expect_refusal("-i eth1 --connections -5", "--connections -5: not a number above 0");
	expect_refusal("-i eth1 --connections 0", "--connections 0: not a number above 0");
	expect_refusal("-i an-interface-name",
		       "-i an-interface-name: not the name of an interface");
	expect_refusal("-i", "-i: a value is missing");
	expect_refusal("-i eth1 -z", "-z: no such option");
	expect_refusal("-i eth1 --frobnicate", "--frobnicate: no such option");
	expect_refusal("-i eth1 eth2", "eth2: an unexpected word");
	expect_refusal("--mode auto",
		       "no interface: name those that packets arrive on and leave by "
		       "with -i, or -i all");
	expect_refusal("-i eth1 -c xlvs.conf", "-c xlvs.conf: configuration files are not "
					       "supported yet; use ipvsadm-restore");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interfaces_are_named_once_each),
		cmocka_unit_test(test_all_is_not_a_name),
		cmocka_unit_test(test_help_and_version_need_no_interface),
		cmocka_unit_test(test_what_is_wrong_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
