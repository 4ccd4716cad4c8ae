/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs of the command line, with ldirectord's exit statuses. */
#ifndef XLVS_MONITOR_VERBS_H
#define XLVS_MONITOR_VERBS_H

#include "monitor/options.h"

enum xlvs_ld_exit {
	XLVS_LD_EXIT_OK = 0,
	XLVS_LD_EXIT_FAILED = 1,
	XLVS_LD_EXIT_CONFIG = 2,
	XLVS_LD_EXIT_STOPPED = 3, /* status: it does not run */
	XLVS_LD_EXIT_USAGE = 255,
};

enum xlvs_ld_exit xlvs_ld_do(const struct xlvs_ld_options *options);

#endif
