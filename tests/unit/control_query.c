// SPDX-License-Identifier: GPL-2.0-or-later
/* The director's documents as people and programs see them: aligned text of any JSON, and
 * connections as JSON objects. */
#include "cli/conn_json.h"
#include "cli/json_text.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_text(const char *json, const char *expected)
{
	json_t *document = json_loads(json, JSON_DECODE_ANY, NULL);
	char *text;
	size_t bytes;
	FILE *file = open_memstream(&text, &bytes);

	assert_non_null(document);
	xlvs_json_print_text(file, document);
	fclose(file);
	assert_string_equal(text, expected);
	free(text);
	json_decref(document);
}

static void test_values_stand_in_one_column_behind_their_names(void **state)
{
	(void)state;
	expect_text("{\"version\": \"0.1.0\", \"uptime_sec\": 90, \"adopted\": false,"
		    " \"load\": 0.5, \"last_error\": null}",
		    "version     0.1.0\n"
		    "uptime sec  90\n"
		    "adopted     no\n"
		    "load        0.5\n"
		    "last error  -\n");
}

static void test_objects_within_are_indented(void **state)
{
	(void)state;
	expect_text("{\"a\": 1, \"services\": {\"ipv4\": 2, \"ipv6\": 10}, \"b\": true}",
		    "a  1\n"
		    "services\n"
		    "  ipv4  2\n"
		    "  ipv6  10\n"
		    "b  yes\n");
}

static void test_arrays_of_objects_are_tables_with_numbers_at_the_right(void **state)
{
	(void)state;
	expect_text("{\"drops\": [{\"name\": \"no_dest\", \"count\": 5, \"why\": \"no room\"},"
		    " {\"name\": \"ttl\", \"count\": 1234567}]}",
		    "drops\n"
		    "  name       count  why\n"
		    "  no_dest        5  no room\n"
		    "  ttl      1234567  -\n");
}

static void test_plain_arrays_stand_on_one_line(void **state)
{
	(void)state;
	expect_text("{\"interfaces\": [\"eth0\", \"eth1\"], \"peers\": []}",
		    "interfaces  eth0, eth1\n"
		    "peers       none\n");
	expect_text("[]", "none\n");
	expect_text("[{\"a\": 1}]", "a\n1\n");
}

static void test_overlong_values_are_cut_not_overrun(void **state)
{
	char *json;
	json_t *document;
	json_t *array = json_array();
	FILE *out = fopen("/dev/null", "w");

	(void)state;
	for (int i = 0; i < 1000; i++)
		json_array_append_new(array, json_string("a word that is repeated"));
	document = json_pack("{s:o}", "words", array);
	json = json_dumps(document, 0);
	assert_non_null(json);
	xlvs_json_print_text(out, document);
	fclose(out);
	json_decref(document);
	free(json);
}

static void test_a_connection_is_one_json_object(void **state)
{
	struct xlvs_conn_entry entry = {
		.family = AF_INET,
		.dest_family = AF_INET6,
		.protocol = IPPROTO_TCP,
		.flags = XLVS_CONN_TEMPLATE,
		.client_port = htons(40000),
		.virtual_port = htons(80),
		.dest_port = htons(8080),
		.expires_sec = 898,
		.client = {{198, 51, 100, 2}},
		.virtual_address = {{192, 0, 2, 1}},
		.dest = {{0x20, 0x01, 0x0d, 0xb8, [15] = 7}},
		.state = "EST\"\\\nAB",
	};
	const struct xlvs_conn_pe pe = {.name = "sip", .data = "1{\"@\xe9"};
	char *text;
	size_t bytes;
	FILE *file = open_memstream(&text, &bytes);

	(void)state;
	xlvs_conn_print_json(file, &entry, &pe);
	fclose(file);
	assert_string_equal(text,
			    "{\"protocol\": \"TCP\", \"state\": \"EST\\\"\\\\\\u000aAB\", "
			    "\"expires_sec\": 898, "
			    "\"client\": {\"address\": \"198.51.100.2\", \"port\": 40000}, "
			    "\"virtual\": {\"address\": \"192.0.2.1\", \"port\": 80}, "
			    "\"destination\": {\"address\": \"2001:db8::7\", \"port\": 8080}, "
			    "\"template\": true, "
			    "\"pe\": {\"name\": \"sip\", \"data\": \"1{\\\"@\\u00e9\"}}");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_stand_in_one_column_behind_their_names),
		cmocka_unit_test(test_objects_within_are_indented),
		cmocka_unit_test(test_arrays_of_objects_are_tables_with_numbers_at_the_right),
		cmocka_unit_test(test_plain_arrays_stand_on_one_line),
		cmocka_unit_test(test_overlong_values_are_cut_not_overrun),
		cmocka_unit_test(test_a_connection_is_one_json_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
