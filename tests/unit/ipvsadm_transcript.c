// SPDX-License-Identifier: GPL-2.0-or-later
/* ipvsadm says, byte for byte, what Debian's ipvsadm 1.31 was recorded to say: every option and
 * refusal, listings, saving and restoring. */
#include "ipvsadm_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *transcript_folder;

/* One recorded command with its input and all that came of it. */
struct record {
	char *line;
	char *input;
	char *out;
	char *err;
	int exit_code;
};

static void append(char **text, const char *line)
{
	char *longer;

	if (asprintf(&longer, "%s%s", *text ? *text : "", line) < 0)
		abort();
	free(*text);
	*text = longer;
}

/* Read the next record; false at the end. A record ends with its "[rc N]" line. */
static bool read_record(FILE *file, struct record *record)
{
	char *line = NULL;
	size_t bytes = 0;

	*record = (struct record){.exit_code = -1};
	while (record->exit_code < 0 && getline(&line, &bytes, file) >= 0) {
		if (line[0] == '$') {
			line[strcspn(line, "\n")] = '\0';
			record->line = strdup(line + 2);
		} else if (line[0] == '<') {
			append(&record->input, line + 2);
		} else if (strncmp(line, "[err] ", 6) == 0) {
			append(&record->err, line + 6);
		} else if (strncmp(line, "[rc ", 4) == 0) {
			record->exit_code = atoi(line + 4);
		} else if (record->line) {
			append(&record->out, line);
		}
	}
	free(line);
	return record->exit_code >= 0;
}

static void free_record(struct record *record)
{
	free(record->line);
	free(record->input);
	free(record->out);
	free(record->err);
}

static void replay(const char *name, int expected_records)
{
	struct ipvsadm_fixture fixture;
	struct record record;
	char path[512];
	int n_records = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", transcript_folder, name);
	file = fopen(path, "r");
	assert_non_null(file);
	fixture_start(&fixture, NULL);
	for (; read_record(file, &record); n_records++) {
		const char *out = record.out ? record.out : "";
		const char *err = record.err ? record.err : "";
		struct printed printed = fixture_run(&fixture, record.line, record.input);

		if (strcmp(printed.out, out) != 0 || strcmp(printed.err, err) != 0 ||
		    printed.exit_code != record.exit_code)
			fail_msg("%s\n%s\nprinted:\n%s%s[rc %d]\nnot:\n%s%s[rc %d]", record.line,
				 record.input ? record.input : "", printed.out, printed.err,
				 printed.exit_code, out, err, record.exit_code);
		printed_free(&printed);
		free_record(&record);
	}
	assert_int_equal(n_records, expected_records);
	fixture_stop(&fixture);
	fclose(file);
}

static void test_services_and_their_options(void **state)
{
	(void)state;
	replay("ipvsadm_services.txt", 131);
}

static void test_dests_listings_and_restore(void **state)
{
	(void)state;
	replay("ipvsadm_dests.txt", 194);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_services_and_their_options),
		cmocka_unit_test(test_dests_listings_and_restore),
	};

	if (argc != 2)
		return 1;
	transcript_folder = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
