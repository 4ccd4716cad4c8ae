/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon*.c files share; of use to nobody else. */
#ifndef XLVS_MONITOR_DAEMON_INSIDE_H
#define XLVS_MONITOR_DAEMON_INSIDE_H

#include "checkpath/checkpath.h"
#include "monitor/commands.h"
#include "monitor/daemon.h"
#include "monitor/director.h"
#include "monitor/maintenance.h"
#include "monitor/prober.h"
#include "monitor/status.h"

#include <time.h>

struct xlvs_ld_monitor {
	uv_loop_t loop;
	const struct xlvs_ld_options *options;
	struct xlvs_ld_loaded loaded; /* what runs */
	struct timespec file_changed;
	struct xlvs_check_engine *engine;
	struct xlvs_machine *machine;
	struct xlvs_prober *prober;
	struct xlvs_checkpath *path; /* NULL: nothing has asked for it */
	struct xlvs_ld_director *director; /* NULL: not connected */
	struct xlvs_ld_commands *commands;
	struct xlvs_ld_maintenance *maintenance;
	struct xlvs_ld_status *status;
	uv_signal_t terminate, interrupt, quit, hangup;
	uv_timer_t tick, stop_limit;
	uv_prepare_t prepare;
	enum xlvs_adopt how; /* at the next connection */
	bool stops;
	bool reload_runs, reload_again;
	uint64_t complained_ms; /* of checks that could not be made */
};

struct xlvs_time xlvs_ld_now(struct xlvs_ld_monitor *monitor);

/* daemon.c */

void xlvs_ld_on_lost(struct xlvs_ld_monitor *monitor);
/* Read the table and go on from there; without success the connection is closed. */
int xlvs_ld_adopt(struct xlvs_ld_monitor *monitor);
void xlvs_ld_on_result(void *context, struct xlvs_server *server,
		       const struct xlvs_check_result *result);

/* daemon_reload.c */

void xlvs_ld_open_log(const struct xlvs_ld_monitor *monitor);
/* Let the checks of the present configuration begin. 0 or -ENOMEM. */
int xlvs_ld_begin_checks(struct xlvs_ld_monitor *monitor);
/* A verb for the daemons that are started along, but those of `without` (may be NULL). */
void xlvs_ld_command_others(struct xlvs_ld_monitor *monitor, const struct xlvs_ld_config *config,
			    const struct xlvs_ld_config *without, const char *verb);
void xlvs_ld_start_reload(struct xlvs_ld_monitor *monitor);
/* autoreload and callback: whether the file has changed. */
void xlvs_ld_look_at_file(struct xlvs_ld_monitor *monitor);

/* path.c */

/* Make ready for what the configuration's checks need. 0, or -errno and why; what the present ones
 * need stays. */
int xlvs_ld_prepare_path(struct xlvs_ld_monitor *monitor, const struct xlvs_ld_config *config,
			 struct xlvs_error *reterr);
/* For the loaded configuration, between the last check of the former and the first of this one. */
void xlvs_ld_set_path(struct xlvs_ld_monitor *monitor);

#endif
