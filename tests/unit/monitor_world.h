/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine with a director made of memory and a clock that stands until it is moved. */
#ifndef XLVS_TESTS_MONITOR_WORLD_H
#define XLVS_TESTS_MONITOR_WORLD_H

#include "monitor/machine.h"

#define WORLD_DESTS 16

struct world {
	struct xlvs_machine *machine;
	struct xlvs_ld_config *config;
	uint64_t now_ms;
	/* The table: of one service, which is all these tests need. */
	bool has_service;
	struct xlvs_service_spec service;
	struct xlvs_dest_spec dests[WORLD_DESTS];
	size_t n_dests;
	int refusal; /* the answer to every request, when set */
	struct xlvs_request asked[64]; /* not answered yet */
	size_t n_asked;
	/* What was said: lines with "log: ", "mail: ", "run: " in front. */
	char said[16384];
};

/* A daemon that starts with this configuration and this table; answers come at once. */
void world_start(struct world *world, const char *config);
void world_end(struct world *world);

/* Another configuration, as at a reload. */
void world_reload(struct world *world, const char *config);

/* The director's table is read after the connection was lost. */
void world_reconnect(struct world *world);

/* Put a server into the table, or out of it, behind the machine's back. */
void world_put(struct world *world, const char *address, unsigned int port, int weight);
void world_take(struct world *world, const char *address);

/* A check of the n-th server ended; the director answers what follows from it. */
void world_check(struct world *world, size_t n, bool up);

/* Time passes in seconds, with a tick at each. */
void world_wait(struct world *world, unsigned int seconds);

/* The table as text: "192.0.2.11:80 3" joined by ", ", in the order of addresses; "-" without a
 * service. */
const char *world_table(struct world *world);

/* What was said since the last call. */
const char *world_said(struct world *world);

#endif
