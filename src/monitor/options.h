/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line, and what follows from a configuration's name. */
#ifndef XLVS_MONITOR_OPTIONS_H
#define XLVS_MONITOR_OPTIONS_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

enum xlvs_ld_verb {
	XLVS_LD_VERB_START,
	XLVS_LD_VERB_STOP,
	XLVS_LD_VERB_RESTART,
	XLVS_LD_VERB_TRY_RESTART,
	XLVS_LD_VERB_RELOAD,
	XLVS_LD_VERB_FORCE_RELOAD,
	XLVS_LD_VERB_STATUS,
	XLVS_LD_VERB_CHECK,
	XLVS_LD_VERB_HELP,
	XLVS_LD_VERB_VERSION,
};

struct xlvs_ld_options {
	enum xlvs_ld_verb verb;
	const char *verb_word;
	bool debug, foreground, original, json;
	char file[4096]; /* where the configuration was found */
	char name[256]; /* its last part; "ldirectord" for the default one */
	char pidfile[300];
};

extern const char xlvs_ld_help[];

/* 0, -EINVAL for a wrong command line, -ENOENT for a configuration that is not there. */
int xlvs_ld_options_parse(int argc, char **argv, struct xlvs_ld_options *ret_options,
			  struct xlvs_error *reterr);

/* The process the pid file names, if it is alive and one of ours (or an original ldirectord). 0:
 * none; *ret_stale says whether there is a file nevertheless. */
pid_t xlvs_ld_pidfile_read(const char *pidfile, bool *ret_stale);
/* For this process. 0 or -errno. */
int xlvs_ld_pidfile_write(const char *pidfile);

#endif
