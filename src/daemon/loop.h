/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event loop: every descriptor, timer and signal of the daemon, one thread. */
#ifndef XLVS_DAEMON_LOOP_H
#define XLVS_DAEMON_LOOP_H

#include "daemon/director.h"

struct xlvs_loop;

/* From here on SIGTERM and SIGINT (stop), SIGQUIT (leave) and SIGHUP are kept until the loop
 * runs. */
int xlvs_loop_new(struct xlvs_loop **ret_loop);
void xlvs_loop_free(struct xlvs_loop *loop);

/* Serve the director until a signal ends it; *ret_end says how. */
int xlvs_loop_start(struct xlvs_loop *loop, struct xlvs_director *director);
enum xlvs_director_end xlvs_loop_run(struct xlvs_loop *loop);

#endif
