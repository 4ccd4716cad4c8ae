/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection to the director: the table is read in one go, changes go out without waiting.
 *
 * Changes are many at once when a rack dies, and the director may be slow or gone: so requests are
 * sent ahead and answers taken when the socket is readable. Only reading the whole table, at a
 * start, a reload and after a lost connection, waits, and at most some seconds. */
#ifndef XLVS_MONITOR_DIRECTOR_H
#define XLVS_MONITOR_DIRECTOR_H

#include "monitor/machine.h"

#include <uv.h>

struct xlvs_ld_director;

struct xlvs_ld_director_user {
	void *context;
	/* The answer to the oldest request. */
	void (*answer)(void *context, int code, const char *sentence);
	/* The connection is gone: answers will not come. */
	void (*lost)(void *context);
};

/* Connect to the director of the present network namespace. -ECONNREFUSED: there is none. */
int xlvs_ld_director_open(uv_loop_t *loop, const struct xlvs_ld_director_user *user,
			  struct xlvs_ld_director **ret_director);
/* NULL is allowed. */
void xlvs_ld_director_close(struct xlvs_ld_director *director);

/* Take the answers still to come, then read the whole table into the machine. */
int xlvs_ld_director_adopt(struct xlvs_ld_director *director, struct xlvs_machine *machine,
			   enum xlvs_adopt how, struct xlvs_time time);

/* Wait for the answers still to come. */
int xlvs_ld_director_drain(struct xlvs_ld_director *director);

/* As struct xlvs_machine_hooks says. */
int xlvs_ld_director_send(struct xlvs_ld_director *director, const struct xlvs_request *request);
/* Let out what was sent last. */
void xlvs_ld_director_flush(struct xlvs_ld_director *director);

#endif
