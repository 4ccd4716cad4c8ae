// SPDX-License-Identifier: GPL-2.0-or-later
/* Restores of many lines over one connection: everything arrives, in order, and refusals are
 * printed in the order of the lines. */
#include "ipvsadm_fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

enum {
	SERVICES = 1000,
	DESTS = 10,
};

/* What -Sn prints of these services, and therefore what -R reads. */
static char *many_services(void)
{
	char *text;
	size_t bytes;
	FILE *file = open_memstream(&text, &bytes);

	assert_non_null(file);
	for (int i = 0; i < SERVICES; i++) {
		fprintf(file, "-A -t 192.0.2.1:%d -s rr\n", i + 1);
		for (int j = 0; j < DESTS; j++)
			fprintf(file, "-a -t 192.0.2.1:%d -r 203.0.113.%d:8080 -m -w %d\n", i + 1,
				j + 1, j);
	}
	fclose(file);
	return text;
}

static void test_what_is_saved_is_what_was_restored(void **state)
{
	struct ipvsadm_fixture fixture;
	char *text = many_services();
	struct printed printed;

	(void)state;
	fixture_start(&fixture, NULL);
	printed = fixture_run(&fixture, "ipvsadm -R", text);
	assert_int_equal(printed.exit_code, 0);
	assert_string_equal(printed.err, "");
	assert_string_equal(printed.out, "");
	printed_free(&printed);
	fixture_expect(&fixture, "ipvsadm -Sn", 0, text, "");
	fixture_stop(&fixture);
	free(text);
}

/* Every line of the second restore is refused, and each refusal is told once. */
static void test_refusals_of_a_long_restore_are_all_printed(void **state)
{
	struct ipvsadm_fixture fixture;
	char *text = many_services();
	struct printed printed;
	size_t services = 0, dests = 0;

	(void)state;
	fixture_start(&fixture, NULL);
	printed = fixture_run(&fixture, "ipvsadm -R", text);
	printed_free(&printed);
	printed = fixture_run(&fixture, "ipvsadm -R", text);
	for (char *rest = printed.err, *line; (line = strsep(&rest, "\n"));) {
		services += strcmp(line, "Service already exists") == 0;
		dests += strcmp(line, "Destination already exists") == 0;
	}
	assert_int_equal(services, SERVICES);
	assert_int_equal(dests, SERVICES * DESTS);
	assert_int_equal(printed.exit_code, 255);
	printed_free(&printed);
	fixture_stop(&fixture);
	free(text);
}

static void test_output_within_a_restore_follows_the_lines_before_it(void **state)
{
	struct ipvsadm_fixture fixture;
	struct printed printed;

	(void)state;
	fixture_start(&fixture, NULL);
	printed = fixture_run(&fixture, "ipvsadm -R",
			      "-A -t 192.0.2.1:80 -s rr\n"
			      "-a -t 192.0.2.1:80 -r 192.0.2.2 -m\n"
			      "-S -n\n"
			      "-D -t 192.0.2.1:80\n"
			      "-D -t 192.0.2.1:80\n"
			      "-S -n\n"
			      "-A -t 192.0.2.1:80 -s rr\n");
	assert_string_equal(printed.out, "-A -t 192.0.2.1:80 -s rr\n"
					 "-a -t 192.0.2.1:80 -r 192.0.2.2:80 -m -w 1\n");
	assert_string_equal(printed.err, "No such service\n");
	assert_int_equal(printed.exit_code, 0);
	printed_free(&printed);
	fixture_stop(&fixture);
}

static void test_a_director_that_goes_away_ends_a_restore(void **state)
{
	struct ipvsadm_fixture fixture;
	struct printed printed;

	(void)state;
	fixture_start(&fixture, NULL);
	kill(fixture.pid, SIGKILL);
	waitpid(fixture.pid, NULL, 0);
	printed = fixture_run(&fixture, "ipvsadm -R", "-A -t 192.0.2.1:80\n-L\n-C\n");
	assert_int_equal(printed.exit_code, 255);
	assert_string_equal(printed.out, "");
	assert_true(strlen(printed.err) > 0);
	printed_free(&printed);
	xlvs_client_close(fixture.session.client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_saved_is_what_was_restored),
		cmocka_unit_test(test_refusals_of_a_long_restore_are_all_printed),
		cmocka_unit_test(test_output_within_a_restore_follows_the_lines_before_it),
		cmocka_unit_test(test_a_director_that_goes_away_ends_a_restore),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
