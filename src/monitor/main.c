// SPDX-License-Identifier: GPL-2.0-or-later
/* xlvs-ldirectord: health checks of real servers from an ldirectord.cf. */
#include "monitor/verbs.h"

#include <errno.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct xlvs_ld_options options;
	struct xlvs_error error;
	int r = xlvs_ld_options_parse(argc, argv, &options, &error);

	if (r < 0) {
		fprintf(stderr, "%s\n", error.text);
		if (r == -ENOENT)
			return XLVS_LD_EXIT_FAILED;
		fputs(xlvs_ld_help, stderr);
		return XLVS_LD_EXIT_USAGE;
	}
	if (options.verb == XLVS_LD_VERB_HELP) {
		fputs(xlvs_ld_help, stdout);
		return XLVS_LD_EXIT_OK;
	}
	if (options.verb == XLVS_LD_VERB_VERSION) {
		puts("xlvs-ldirectord " XLVS_VERSION);
		return XLVS_LD_EXIT_OK;
	}
	return xlvs_ld_do(&options);
}
