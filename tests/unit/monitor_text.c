// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor_text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int address(const char *name, int family, struct xlvs_address *ret_address)
{
	static const char *const known[][2] = {
		{"web1", "192.0.2.11"}, {"web9", "192.0.2.19"}, {"web6", "2001:db8::6"}};
	struct xlvs_address found = {0};

	for (size_t i = 0; i < 3; i++)
		if (strcmp(name, known[i][0]) == 0)
			name = known[i][1];
	if (inet_pton(family, name, found.bytes) != 1)
		return -ENOENT;
	*ret_address = found;
	return 0;
}

static int port(const char *name, const char *protocol, uint16_t *ret_port)
{
	unsigned long number = strtoul(name, NULL, 10);

	if (*name && strspn(name, "0123456789") == strlen(name)) {
		*ret_port = (uint16_t)number;
		return number > 65535 ? -ERANGE : 0;
	}
	if (strcmp(name, "www") == 0 && (!protocol || strcmp(protocol, "tcp") == 0))
		*ret_port = 80;
	else if (strcmp(name, "domain") == 0)
		*ret_port = 53;
	else
		return -ENOENT;
	return 0;
}

const struct xlvs_ld_resolver monitor_names = {address, port};

struct xlvs_ld_config *monitor_read(const char *text, bool original, char **ret_problems)
{
	const struct xlvs_ld_reading reading = {&monitor_names, "director", original, NULL};
	struct xlvs_ld_problems problems = {0};
	struct xlvs_ld_config *config = NULL;
	size_t bytes;
	FILE *out = open_memstream(ret_problems, &bytes);

	xlvs_ld_config_read(text, strlen(text), &reading, &problems, &config);
	for (size_t i = 0; i < problems.n; i++)
		fprintf(out, "%u:%u: %s: %s\n", problems.list[i].place.line,
			problems.list[i].place.column,
			problems.list[i].is_error ? "error" : "warning", problems.list[i].text);
	fclose(out);
	xlvs_ld_problems_free(&problems);
	return config;
}

struct xlvs_ld_config *monitor_config(const char *text)
{
	char *problems;
	struct xlvs_ld_config *config = monitor_read(text, false, &problems);

	if (!config) {
		fprintf(stderr, "%s", problems);
		abort();
	}
	free(problems);
	return config;
}
