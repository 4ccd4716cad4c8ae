// SPDX-License-Identifier: GPL-2.0-or-later
/* xlvs drops: what the director dropped, and why. */
#include "cli/query.h"

int xlvs_cli_drops(int argc, char **argv)
{
	struct xlvs_query query = {
		.name = "drops",
		.usage = "Usage: xlvs drops [--json]\n"
			 "\n"
			 "Shows how many packets the director dropped, by reason, and how often "
			 "other\n"
			 "things happened that an operator wants to know of.\n"
			 "\n"
			 "  -j, --json    write JSON\n"
			 "  -h, --help    this text\n"
			 "\n"
			 "Exit code: 0, 1 when no director answers.\n",
	};

	return xlvs_query_document(&query, XLVS_CMD_GET_DROPS, argc, argv);
}
