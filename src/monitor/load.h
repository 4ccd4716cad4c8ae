/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration from its file, with what only the machine and the checks can tell about it:
 * whether files it names can be written, commands run, and checks made as it says. */
#ifndef XLVS_MONITOR_LOAD_H
#define XLVS_MONITOR_LOAD_H

#include "monitor/config.h"

struct xlvs_ld_loaded {
	struct xlvs_ld_config *config; /* NULL: there are errors */
	struct xlvs_ld_problems problems;
	char *text; /* the file's, NULL when it could not be read */
	size_t bytes;
};

/* Read the file. Blocks while names are looked up; may be called from any thread. */
void xlvs_ld_load(const char *file, bool original, struct xlvs_ld_loaded *ret_loaded);
/* Also the configuration, where it was not taken. */
void xlvs_ld_loaded_done(struct xlvs_ld_loaded *loaded);

/* The file's name and contents, or -errno. */
int xlvs_ld_read_file(const char *file, char **ret_text, size_t *ret_bytes);

#endif
