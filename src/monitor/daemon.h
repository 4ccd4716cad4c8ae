/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The health-checking daemon: one event loop around the machine. */
#ifndef XLVS_MONITOR_DAEMON_H
#define XLVS_MONITOR_DAEMON_H

#include "monitor/load.h"
#include "monitor/options.h"

/* Run until a signal ends it. Takes the loaded configuration. `ready` is called once, when the
 * table is read and checks begin; when it returns an error the daemon ends, without having changed
 * anything. Returns the exit status; what kept it from starting was
 * printed on stderr. */
int xlvs_ld_daemon_run(const struct xlvs_ld_options *options, struct xlvs_ld_loaded *loaded,
		       int (*ready)(void *context), void *context);

/* Every problem on a line, as ldirectord words it, by the given function. */
void xlvs_ld_report(const char *file, const struct xlvs_ld_problems *problems,
		    void (*say)(const char *format, ...) __attribute__((format(printf, 1, 2))));

#endif
