/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the subcommands that only ask the director have in common. */
#ifndef XLVS_CLI_QUERY_H
#define XLVS_CLI_QUERY_H

#include "cli/commands.h"
#include "control/client.h"

#include <stdbool.h>

struct xlvs_query {
	const char *name; /* the subcommand */
	const char *usage; /* printed by --help */
	bool json;
};

/* Read the words --json and --help. -1: go on; else the exit code, all being said. */
int xlvs_query_parse(struct xlvs_query *query, int argc, char **argv);

/* Connect; a director that cannot be reached is said so, and XLVS_CLI_AMISS returned. */
int xlvs_query_open(const struct xlvs_query *query, struct xlvs_client **ret_client);

/* Say that the director refused or was lost; returns XLVS_CLI_AMISS. */
int xlvs_query_fail(const struct xlvs_query *query, int code);

/* The whole of a subcommand that shows one document: text, or with --json the document. */
int xlvs_query_document(struct xlvs_query *query, enum xlvs_command command, int argc, char **argv);

#endif
