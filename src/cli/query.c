// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/query.h"

#include "base/cleanup.h"
#include "cli/json_text.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

int xlvs_query_parse(struct xlvs_query *query, int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(query->usage, stdout);
			return XLVS_CLI_OK;
		}
		if (option != 'j')
			return XLVS_CLI_REFUSED;
		query->json = true;
	}
	if (optind < argc) {
		fprintf(stderr, "xlvs %s: unexpected argument %s\n", query->name, argv[optind]);
		return XLVS_CLI_REFUSED;
	}
	return -1;
}

int xlvs_query_fail(const struct xlvs_query *query, int code)
{
	if (code == -ECONNREFUSED)
		fprintf(stderr, "xlvs %s: no director runs in this network namespace\n",
			query->name);
	else if (code == -EPERM)
		fprintf(stderr, "xlvs %s: only root may ask the director\n", query->name);
	else
		fprintf(stderr, "xlvs %s: %s\n", query->name, strerror(-code));
	return XLVS_CLI_AMISS;
}

int xlvs_query_open(const struct xlvs_query *query, struct xlvs_client **ret_client)
{
	int r = xlvs_client_open(NULL, ret_client);

	return r < 0 ? xlvs_query_fail(query, r) : XLVS_CLI_OK;
}

static int print_document(const struct xlvs_query *query, const char *text)
{
	json_t *document = json_loads(text, 0, NULL);

	if (!document)
		return xlvs_query_fail(query, -EPROTO);
	if (query->json)
		puts(text);
	else
		xlvs_json_print_text(stdout, document);
	json_decref(document);
	return fflush(stdout) == 0 ? XLVS_CLI_OK : XLVS_CLI_AMISS;
}

int xlvs_query_document(struct xlvs_query *query, enum xlvs_command command, int argc, char **argv)
{
	XLVS_AUTO_FREE char *text = NULL;
	struct xlvs_client *client;
	int code;
	int r;

	code = xlvs_query_parse(query, argc, argv);
	if (code >= 0)
		return code;
	code = xlvs_query_open(query, &client);
	if (code != XLVS_CLI_OK)
		return code;
	r = xlvs_client_json(client, command, &text);
	xlvs_client_close(client);
	return r < 0 ? xlvs_query_fail(query, r) : print_document(query, text);
}
