// SPDX-License-Identifier: GPL-2.0-or-later
/* xlvs status: how the director is. */
#include "cli/query.h"

int xlvs_cli_status(int argc, char **argv)
{
	struct xlvs_query query = {
		.name = "status",
		.usage = "Usage: xlvs status [--json]\n"
			 "\n"
			 "Shows the director of this network namespace: its version, the "
			 "interfaces it is\n"
			 "attached to, its services and destinations, and how full its connection "
			 "table\n"
			 "is.\n"
			 "\n"
			 "  -j, --json    write JSON\n"
			 "  -h, --help    this text\n"
			 "\n"
			 "Exit code: 0, 1 when no director answers.\n",
	};

	return xlvs_query_document(&query, XLVS_CMD_GET_STATUS, argc, argv);
}
