/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other programs the daemon runs: shell commands one after the other, in the order they were asked
 * for, and mail. Neither is waited for; failures are logged. */
#ifndef XLVS_MONITOR_COMMANDS_H
#define XLVS_MONITOR_COMMANDS_H

#include "monitor/config.h"

#include <uv.h>

struct xlvs_ld_commands;

int xlvs_ld_commands_new(uv_loop_t *loop, struct xlvs_ld_commands **ret_commands);
void xlvs_ld_commands_free(struct xlvs_ld_commands *commands);

/* Run by /bin/sh; ended when it has not ended by itself after a minute. */
void xlvs_ld_commands_run(struct xlvs_ld_commands *commands, const char *command);

/* The mail's sender is empty for user@host. */
void xlvs_ld_commands_mail(struct xlvs_ld_commands *commands, const struct xlvs_ld_virtual *service,
			   const char *from, const char *subject, const char *condition);

/* Nothing runs or waits to be run. */
bool xlvs_ld_commands_are_done(const struct xlvs_ld_commands *commands);

#endif
