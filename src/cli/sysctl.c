// SPDX-License-Identifier: GPL-2.0-or-later
/* xlvs sysctl: the settings that IPVS has under net.ipv4.vs, in the words of sysctl(8). */
#include "cli/query.h"

#include "base/cleanup.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "net.ipv4.vs."

static struct xlvs_query query = {
	.name = "sysctl",
	.usage = "Usage: xlvs sysctl [--json] [NAME[=VALUE]]...\n"
		 "\n"
		 "Shows or changes the settings that IPVS has in /proc/sys/net/ipv4/vs; NAME with\n"
		 "or without net.ipv4.vs. before it. Without a NAME all of them are shown.\n"
		 "\n"
		 "  -j, --json    write JSON\n"
		 "  -h, --help    this text\n"
		 "\n"
		 "Exit code: 0, 1 when no director answers, 2 refused: what was refused has not\n"
		 "changed.\n",
};

static const char *bare_name(const char *name)
{
	return strncmp(name, PREFIX, strlen(PREFIX)) ? name : name + strlen(PREFIX);
}

static int refuse(const char *name, int code, const struct xlvs_error *error)
{
	if (code == -ENOENT)
		fprintf(stderr, "sysctl: cannot stat /proc/sys/net/ipv4/vs/%s: %s\n", name,
			strerror(ENOENT));
	else if (code == -EINVAL)
		fprintf(stderr, "sysctl: setting key \"" PREFIX "%s\": %s\n", name,
			strerror(EINVAL));
	else if (error && error->text[0])
		fprintf(stderr, "xlvs sysctl: %s\n", error->text);
	else
		return xlvs_query_fail(&query, code);
	return XLVS_CLI_REFUSED;
}

/* A name or value that does not fit is none. */
static int change(struct xlvs_client *client, const char *name, const char *value)
{
	struct xlvs_request request = {
		.family = XLVS_FAMILY_XLVS,
		.command = XLVS_CMD_SET_SETTING,
		.given = XLVS_GIVEN_SETTING,
	};
	struct xlvs_error error = {0};
	int r;

	if (strlen(name) >= sizeof(request.setting))
		return refuse(name, -ENOENT, NULL);
	if (strlen(value) >= sizeof(request.value))
		return refuse(name, -EINVAL, NULL);
	strcpy(request.setting, name);
	strcpy(request.value, value);
	r = xlvs_client_call(client, &request, &error);
	return r < 0 ? refuse(name, r, &error) : XLVS_CLI_OK;
}

static int fetch(struct xlvs_client *client, json_t **ret_document)
{
	XLVS_AUTO_FREE char *text = NULL;
	int r = xlvs_client_json(client, XLVS_CMD_GET_SETTINGS, &text);
	json_t *document = r < 0 ? NULL : json_loads(text, 0, NULL);

	if (!document)
		return xlvs_query_fail(&query, r < 0 ? r : -EPROTO);
	*ret_document = document;
	return XLVS_CLI_OK;
}

/* Take the setting from what is there to what is to be shown. */
static int choose(const char *name, const json_t *settings, json_t *shown)
{
	json_t *value = json_object_get(settings, name);

	if (!value)
		return refuse(name, -ENOENT, NULL);
	return json_object_set(shown, name, value) ? XLVS_CLI_AMISS : XLVS_CLI_OK;
}

static int print(const json_t *shown)
{
	const char *name;
	json_t *value;

	if (query.json) {
		json_dumpf(shown, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		json_object_foreach((json_t *)shown, name, value)
			printf(PREFIX "%s = %s\n", name, json_string_value(value));
	}
	return fflush(stdout) == 0 ? XLVS_CLI_OK : XLVS_CLI_AMISS;
}

/* Each word in its order, and then what all of them have come to. */
static int show(struct xlvs_client *client, int argc, char **argv)
{
	json_t *document = NULL, *settings, *shown;
	int code = XLVS_CLI_OK, last;

	for (int i = 0; i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (!value)
			continue;
		*value++ = '\0';
		last = change(client, bare_name(argv[i]), value);
		if (last != XLVS_CLI_OK) {
			code = last;
			argv[i] = NULL;
		}
	}
	last = fetch(client, &document);
	if (last != XLVS_CLI_OK)
		return last;
	settings = json_object_get(document, "settings");
	shown = argc ? json_object() : json_incref(settings);
	for (int i = 0; i < argc; i++) {
		last = argv[i] ? choose(bare_name(argv[i]), settings, shown) : XLVS_CLI_OK;
		code = last == XLVS_CLI_OK ? code : last;
	}
	if (json_object_size(shown))
		print(shown);
	json_decref(shown);
	json_decref(document);
	return code;
}

int xlvs_cli_sysctl(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct xlvs_client *client;
	int option, code;

	optind = 0;
	while ((option = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(query.usage, stdout);
			return XLVS_CLI_OK;
		}
		if (option != 'j')
			return XLVS_CLI_REFUSED;
		query.json = true;
	}
	code = xlvs_query_open(&query, &client);
	if (code != XLVS_CLI_OK)
		return code;
	code = show(client, argc - optind, argv + optind);
	xlvs_client_close(client);
	return code;
}
