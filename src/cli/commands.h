/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The subcommands of `xlvs`. Each takes the words from its own name on, prints, and returns the
 * exit code: 0 all is well, 1 something is amiss or missing, 2 refused and nothing changed. */
#ifndef XLVS_CLI_COMMANDS_H
#define XLVS_CLI_COMMANDS_H

enum xlvs_cli_exit {
	XLVS_CLI_OK = 0,
	XLVS_CLI_AMISS = 1,
	XLVS_CLI_REFUSED = 2,
};

int xlvs_cli_rs(int argc, char **argv);
int xlvs_cli_status(int argc, char **argv);
int xlvs_cli_drops(int argc, char **argv);
int xlvs_cli_conn(int argc, char **argv);
int xlvs_cli_mark(int argc, char **argv);
int xlvs_cli_loopback(int argc, char **argv);
int xlvs_cli_sysctl(int argc, char **argv);
int xlvs_cli_run(int argc, char **argv);

#endif
