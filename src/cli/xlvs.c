// SPDX-License-Identifier: GPL-2.0-or-later
/* The operator's tool: one subcommand, one row of the table, one file. */
#include "cli/commands.h"

#include <stdio.h>
#include <string.h>

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{"status", xlvs_cli_status, "how the director is"},
	{"drops", xlvs_cli_drops, "what it dropped, and why"},
	{"conn", xlvs_cli_conn, "the connections it holds"},
	{"mark", xlvs_cli_mark, "firewall marks given in the packet path"},
	{"loopback", xlvs_cli_loopback, "services for programs on this machine"},
	{"sysctl", xlvs_cli_sysctl, "the settings net.ipv4.vs.*"},
	{"run", xlvs_cli_run, "run a program that knows the kernel's IPVS only"},
	{"rs", xlvs_cli_rs, "prepare this machine as a real server"},
};

enum {
	COMMANDS = sizeof(commands) / sizeof(commands[0]),
};

static void print_usage(FILE *out)
{
	fprintf(out, "Usage: xlvs COMMAND [ARGUMENT...]\n"
		     "       xlvs COMMAND --help\n"
		     "       xlvs --help | --version\n\n"
		     "Commands:\n");
	for (int i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].summary);
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;

	if (!word) {
		print_usage(stderr);
		return XLVS_CLI_REFUSED;
	}
	if (!strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help")) {
		print_usage(stdout);
		return XLVS_CLI_OK;
	}
	if (!strcmp(word, "--version") || !strcmp(word, "-V")) {
		printf("xlvs %s\n", XLVS_VERSION);
		return XLVS_CLI_OK;
	}
	for (int i = 0; i < COMMANDS; i++)
		if (!strcmp(word, commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "xlvs: unknown command '%s' (see xlvs --help)\n", word);
	return XLVS_CLI_REFUSED;
}
