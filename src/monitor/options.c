// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/options.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_FILE "ldirectord.cf"
#define DEFAULT_NAME "ldirectord"

const char xlvs_ld_help[] =
	"usage: xlvs-ldirectord [options] [CONFIGURATION] VERB\n"
	"       xlvs-ldirectord [options] check CONFIGURATION\n"
	"verbs: start stop restart try-restart reload force-reload status check\n"
	"  -d, --debug        stay in the foreground, log to stderr, write no pid file\n"
	"  -f, --foreground   stay in the foreground, log to stdout\n"
	"  -o, --original     read the configuration as ldirectord does, quirks included\n"
	"  -j, --json         status: what is known of every real server\n"
	"  -h, --help         this text\n"
	"  -v, --version      the version\n";

static const struct option long_options[] = {
	{"debug", no_argument, NULL, 'd'},
	{"foreground", no_argument, NULL, 'f'},
	{"original", no_argument, NULL, 'o'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'v'},
	{NULL, 0, NULL, 0},
};

static int take_option(struct xlvs_ld_options *options, int option, const char *word,
		       struct xlvs_error *reterr)
{
	switch (option) {
	case 'd':
		options->debug = true;
		return 0;
	case 'f':
		options->foreground = true;
		return 0;
	case 'o':
		options->original = true;
		return 0;
	case 'j':
		options->json = true;
		return 0;
	case 'h':
		options->verb = XLVS_LD_VERB_HELP;
		return 0;
	case 'v':
		options->verb = XLVS_LD_VERB_VERSION;
		return 0;
	default:
		if (optopt != '?')
			return xlvs_refuse(reterr, -EINVAL, "%s: no such option", word);
		options->verb = XLVS_LD_VERB_HELP;
		return 0;
	}
}

static int take_verb(struct xlvs_ld_options *options, const char *word, struct xlvs_error *reterr)
{
	static const char *const verbs[] = {
		[XLVS_LD_VERB_START] = "start",	    [XLVS_LD_VERB_STOP] = "stop",
		[XLVS_LD_VERB_RESTART] = "restart", [XLVS_LD_VERB_TRY_RESTART] = "try-restart",
		[XLVS_LD_VERB_RELOAD] = "reload",   [XLVS_LD_VERB_FORCE_RELOAD] = "force-reload",
		[XLVS_LD_VERB_STATUS] = "status",   [XLVS_LD_VERB_CHECK] = "check",
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(word, verbs[i]) == 0) {
			options->verb = (enum xlvs_ld_verb)i;
			options->verb_word = verbs[i];
			return 0;
		}
	}
	return xlvs_refuse(reterr, -EINVAL,
			   "%s: not one of start, stop, restart, try-restart, reload, "
			   "force-reload, status, check",
			   word);
}

static bool is_file(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && !S_ISDIR(status.st_mode);
}

static int find_file(struct xlvs_ld_options *options, const char *config, struct xlvs_error *reterr)
{
	static const char *const places[] = {"/etc/ha.d/", "/etc/ha.d/conf/", ""};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char path[sizeof(options->file)];

		if (snprintf(path, sizeof(path), "%s%s", places[i], config) >= (int)sizeof(path) ||
		    !is_file(path))
			continue;
		/* The daemon will stand elsewhere. */
		if (*path == '/' || !realpath(path, options->file))
			snprintf(options->file, sizeof(options->file), "%s", path);
		return 0;
	}
	return xlvs_refuse(reterr, -ENOENT, "Config file %s not found", config);
}

static int take_config(struct xlvs_ld_options *options, const char *config,
		       struct xlvs_error *reterr)
{
	const char *slash = config ? strrchr(config, '/') : NULL;
	const char *name = DEFAULT_NAME;

	if (config)
		name = slash ? slash + 1 : config;
	if (!*name || strlen(name) >= sizeof(options->name) - 1)
		return xlvs_refuse(reterr, -EINVAL, "%s: not the name of a file", config);
	snprintf(options->name, sizeof(options->name), "%s", name);
	snprintf(options->pidfile, sizeof(options->pidfile), "/var/run/ldirectord.%s.pid", name);
	return find_file(options, config ? config : DEFAULT_FILE, reterr);
}

int xlvs_ld_options_parse(int argc, char **argv, struct xlvs_ld_options *ret_options,
			  struct xlvs_error *reterr)
{
	struct xlvs_ld_options *options = ret_options;
	const char *config = NULL;
	int option, n_words, r;
	char **words;

	*options = (struct xlvs_ld_options){.verb = XLVS_LD_VERB_START};
	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "dfojhv", long_options, NULL)) != -1) {
		r = take_option(options, option, argv[optind - 1], reterr);
		if (r < 0)
			return r;
	}
	if (options->verb == XLVS_LD_VERB_HELP || options->verb == XLVS_LD_VERB_VERSION)
		return 0;
	words = argv + optind;
	n_words = argc - optind;
	if (n_words < 1 || n_words > 2)
		return xlvs_refuse(reterr, -EINVAL, "expected [CONFIGURATION] VERB");
	if (n_words == 2 && strcmp(words[0], "check") == 0) {
		config = words[1];
		words[1] = words[0];
	} else if (n_words == 2) {
		config = words[0];
	}
	r = take_verb(options, words[n_words - 1], reterr);
	if (r == 0 && options->json && options->verb != XLVS_LD_VERB_STATUS)
		r = xlvs_refuse(reterr, -EINVAL, "--json goes with status");
	return r < 0 ? r : take_config(options, config, reterr);
}

/* As the original looks: its name is in the process's command line. */
static bool is_ldirectord(pid_t pid)
{
	char path[64], line[4096] = "";
	XLVS_AUTO_CLOSE int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, line, sizeof(line) - 1);
	return n > 0 && memmem(line, (size_t)n, "ldirectord", strlen("ldirectord"));
}

pid_t xlvs_ld_pidfile_read(const char *pidfile, bool *ret_stale)
{
	XLVS_AUTO_FCLOSE FILE *in = fopen(pidfile, "re");
	char line[32] = "";
	long pid;

	*ret_stale = in != NULL;
	if (!in || !fgets(line, sizeof(line), in))
		return 0;
	pid = strtol(line, NULL, 10);
	if (pid <= 1 || !is_ldirectord((pid_t)pid))
		return 0;
	*ret_stale = false;
	return (pid_t)pid;
}

int xlvs_ld_pidfile_write(const char *pidfile)
{
	FILE *out = fopen(pidfile, "we");

	if (!out)
		return -errno;
	fprintf(out, "%d\n", (int)getpid());
	return fclose(out) == 0 ? 0 : -errno;
}
