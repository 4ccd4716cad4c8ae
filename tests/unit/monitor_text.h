/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Configurations from texts, with a resolver that knows a few names and asks nobody. */
#ifndef XLVS_TESTS_MONITOR_TEXT_H
#define XLVS_TESTS_MONITOR_TEXT_H

#include "monitor/config.h"

/* web1 and web9 are 192.0.2.11 and .19, web6 is 2001:db8::6; www is port 80 of tcp, domain 53. */
extern const struct xlvs_ld_resolver monitor_names;

/* Read with the default reading (or the original's); *ret_problems is the problems' list as lines
 * "LINE:COLUMN: error|warning: TEXT", which the caller frees. NULL when refused. */
struct xlvs_ld_config *monitor_read(const char *text, bool original, char **ret_problems);

/* Read what must be right; the caller frees it. */
struct xlvs_ld_config *monitor_config(const char *text);

#endif
