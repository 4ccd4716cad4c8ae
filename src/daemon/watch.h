/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an operator should hear of without asking: the connection table fills, connections find no
 * room in it, local ports run short, expiry stands still. Each is said when it begins, not as long
 * as it lasts. */
#ifndef XLVS_DAEMON_WATCH_H
#define XLVS_DAEMON_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct xlvs_loader;

enum xlvs_watch_limit {
	XLVS_WATCH_PERIOD_MS = 1000,
	XLVS_WATCH_FULL_PERCENT = 75,
	XLVS_WATCH_RELAXED_PERCENT = 65, /* below it the next warning is due again */
	XLVS_WATCH_FAILED_PERIODS = 10, /* between two lines about failed inserts */
	XLVS_WATCH_PORTS_PERIODS = 10, /* between two looks at local ports */
	XLVS_WATCH_PORTS_SCARCE = 5, /* hard to find in that time: with half of them in use one of
				      * 65,000 new connections finds it so, with nine tenths one of
				      * five */
	XLVS_WATCH_STILL_PERIODS = 3, /* without a move of the expiry's hand */
};

/* What is looked at. */
struct xlvs_watch_sample {
	uint32_t records;
	uint32_t record_limit;
	uint32_t unproven;
	uint64_t failed; /* packets of new connections without room, so far */
	uint64_t ports_scarce; /* new connections that found a local port late, so far */
	uint64_t ports_exhausted; /* packets of new ones that found none */
	uint32_t hand;
	uint32_t sweeps;
};

/* Zeroed: nothing seen yet. */
struct xlvs_watch {
	struct xlvs_watch_sample last;
	bool is_seen;
	bool said_full;
	uint64_t failed_said; /* of `failed` */
	uint32_t periods_since_failed;
	uint64_t ports_scarce_then, ports_exhausted_then; /* at the last look at them */
	uint32_t periods_since_ports;
	uint32_t periods_still;
};

/* To be called every XLVS_WATCH_PERIOD_MS: writes to the log. */
void xlvs_watch_look(struct xlvs_watch *watch, const struct xlvs_watch_sample *sample);

struct xlvs_watch_sample xlvs_watch_take_sample(const struct xlvs_loader *loader);
bool xlvs_watch_expiry_is_alive(const struct xlvs_watch *watch);
uint32_t xlvs_watch_fill_percent(const struct xlvs_watch_sample *sample);

#endif
