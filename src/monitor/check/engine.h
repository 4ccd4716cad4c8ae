/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What checkers share: one of each per engine, made when the first check needs it. */
#ifndef XLVS_MONITOR_CHECK_ENGINE_H
#define XLVS_MONITOR_CHECK_ENGINE_H

#include "monitor/check/checker.h"

struct xlvs_curl;
struct xlvs_ping;

struct xlvs_check_engine {
	uv_loop_t *loop;
	unsigned int handles; /* attempts, and uv handles of what is shared */
	struct xlvs_curl *curl;
	struct xlvs_ping *ping[2]; /* IPv4, IPv6 */
};

/* What is shared holds the engine while it has uv handles that have not closed. */
void xlvs_engine_hold(struct xlvs_check_engine *engine);
void xlvs_engine_release(struct xlvs_check_engine *engine);

#endif
