// SPDX-License-Identifier: GPL-2.0-or-later
/* xlvs run: start a program whose IPVS messages go to the director, by way of the preload library.
 *
 * The library is found from where this program is: as both are installed, or in a build tree. */
#include "base/cleanup.h"
#include "cli/commands.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#define LIBRARY "libxlvs-ipvs.so"

static const char usage[] =
	"Usage: xlvs run [--] COMMAND [ARGUMENT...]\n"
	"\n"
	"Runs the command with " LIBRARY " preloaded: what it and the programs it\n"
	"starts say to the kernel's IPVS goes to the director of their network namespace.\n"
	"See libxlvs-ipvs(8).\n"
	"\n"
	"  -h, --help    this text\n"
	"\n"
	"Exit code: the command's; 2 when it was not started.\n";

static int refuse(const char *what, const char *why)
{
	fprintf(stderr, "xlvs run: %s: %s\n", what, why);
	return XLVS_CLI_REFUSED;
}

static int find_library(char ret_path[static PATH_MAX])
{
	static const char *const places[] = {XLVS_LIBRARY_FROM_PROGRAM "/" LIBRARY,
					     "../preload/" LIBRARY};
	char program[PATH_MAX], candidate[2 * PATH_MAX];
	ssize_t bytes = readlink("/proc/self/exe", program, sizeof(program) - 1);
	char *name;

	if (bytes < 0)
		return -errno;
	program[bytes] = '\0';
	name = strrchr(program, '/');
	if (!name)
		return -ENOENT;
	*name = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(candidate, sizeof(candidate), "%s/%s", program, places[i]);
		if (realpath(candidate, ret_path))
			return 0;
	}
	return -ENOENT;
}

/* The first library named is the first asked. */
static int put_first(const char *path)
{
	const char *others = getenv("LD_PRELOAD");
	XLVS_AUTO_FREE char *list = NULL;

	if (!others || !*others)
		return setenv("LD_PRELOAD", path, 1);
	if (asprintf(&list, "%s:%s", path, others) < 0)
		return -1;
	return setenv("LD_PRELOAD", list, 1);
}

int xlvs_cli_run(int argc, char **argv)
{
	char library[PATH_MAX];
	int first = 1;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage, stdout);
		return XLVS_CLI_OK;
	}
	if (argc > 1 && !strcmp(argv[1], "--"))
		first = 2;
	else if (argc > 1 && argv[1][0] == '-')
		return refuse(argv[1], "no such option (see xlvs run --help)");
	if (first >= argc) {
		fputs(usage, stderr);
		return XLVS_CLI_REFUSED;
	}
	if (find_library(library) < 0)
		return refuse(LIBRARY, "not found where this program belongs");
	if (strpbrk(library, " :"))
		return refuse(library, "a path with blanks or colons cannot be preloaded");
	if (put_first(library) < 0)
		return refuse("LD_PRELOAD", strerror(errno));
	execvp(argv[first], argv + first);
	return refuse(argv[first], strerror(errno));
}
