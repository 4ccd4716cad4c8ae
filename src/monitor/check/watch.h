/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A library's socket on the loop, for an attempt: the library opens and closes it, tells what to
 * wait for and may come with another one each time. */
#ifndef XLVS_MONITOR_CHECK_WATCH_H
#define XLVS_MONITOR_CHECK_WATCH_H

#include "monitor/check/checker.h"

struct xlvs_watch {
	uv_poll_t poll;
	struct xlvs_attempt *attempt;
	int fd;
	void (*ready)(struct xlvs_watch *watch, int events);
};

/* Wait for UV_READABLE and UV_WRITABLE on the socket; *watch is replaced when it was another one's.
 * NULL for *watch means none yet. False: it went wrong, which is the attempt's result. */
bool xlvs_watch_set(struct xlvs_watch **watch, struct xlvs_attempt *attempt, int fd, int events);
/* Stop waiting, before the library may close the socket. */
void xlvs_watch_pause(struct xlvs_watch *watch);
/* Let go of it, before the socket is closed; *watch is NULL then. */
void xlvs_watch_close(struct xlvs_watch **watch);

#endif
