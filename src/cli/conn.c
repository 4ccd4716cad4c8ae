// SPDX-License-Identifier: GPL-2.0-or-later
/* xlvs conn: the connection table, row by row as it comes. */
#include "cli/conn_json.h"
#include "cli/ipvsadm_conn.h"
#include "cli/query.h"

#include <errno.h>

struct listing {
	FILE *out;
	bool json;
	size_t n;
};

static int print_row(void *context, const struct xlvs_conn_entry *entry,
		     const struct xlvs_conn_pe *pe)
{
	struct listing *listing = context;

	if (listing->json) {
		fputs(listing->n ? ",\n" : "\n", listing->out);
		xlvs_conn_print_json(listing->out, entry, pe);
	} else {
		xlvs_ipvsadm_print_conn(listing->out, true, entry, NULL);
	}
	listing->n++;
	return ferror(listing->out) ? -EIO : 0;
}

int xlvs_cli_conn(int argc, char **argv)
{
	struct xlvs_query query = {
		.name = "conn",
		.usage = "Usage: xlvs conn [--json]\n"
			 "\n"
			 "Lists the director's connections and persistence templates, with "
			 "numbers, in\n"
			 "the order of its table.\n"
			 "\n"
			 "  -j, --json    write an array of JSON objects, one a line\n"
			 "  -h, --help    this text\n"
			 "\n"
			 "Exit code: 0, 1 when no director answers.\n",
	};
	struct listing listing = {.out = stdout};
	struct xlvs_client *client;
	int code;
	int r;

	code = xlvs_query_parse(&query, argc, argv);
	if (code >= 0)
		return code;
	code = xlvs_query_open(&query, &client);
	if (code != XLVS_CLI_OK)
		return code;
	listing.json = query.json;
	if (listing.json)
		fputc('[', listing.out);
	else
		xlvs_ipvsadm_print_conn_title(listing.out, false);
	r = xlvs_client_conns(client, print_row, &listing);
	xlvs_client_close(client);
	if (listing.json)
		fputs(listing.n ? "\n]\n" : "]\n", listing.out);
	if (r < 0)
		return xlvs_query_fail(&query, r);
	return fflush(listing.out) == 0 ? XLVS_CLI_OK : XLVS_CLI_AMISS;
}
