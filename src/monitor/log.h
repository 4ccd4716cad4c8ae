/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's log, in the form of ldirectord's: a file opened for each line, so that it can be
 * rotated at any time, a syslog facility, or the terminal. Used by what runs as the daemon only. */
#ifndef XLVS_MONITOR_LOG_H
#define XLVS_MONITOR_LOG_H

#include <stdbool.h>

enum xlvs_ld_log_where {
	XLVS_LD_LOG_CONFIGURED,
	XLVS_LD_LOG_STDOUT, /* supervised */
	XLVS_LD_LOG_STDERR, /* -d */
};

/* `logfile` is a path or a syslog facility, `name` the configuration's name in each line; both are
 * copied. -errno when the file cannot be written: the log goes on as it was. */
int xlvs_ld_log_open(enum xlvs_ld_log_where where, const char *logfile, const char *name);

void xlvs_ld_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* -EINVAL: no facility of this name. */
int xlvs_ld_log_facility(const char *name, int *ret_facility);

#endif
