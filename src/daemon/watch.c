// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/watch.h"

#include "daemon/log.h"
#include "loader/loader.h"

#include <inttypes.h>

uint32_t xlvs_watch_fill_percent(const struct xlvs_watch_sample *sample)
{
	return sample->record_limit
		       ? (uint32_t)((uint64_t)sample->records * 100 / sample->record_limit)
		       : 0;
}

bool xlvs_watch_expiry_is_alive(const struct xlvs_watch *watch)
{
	return watch->periods_still < XLVS_WATCH_STILL_PERIODS;
}

static void look_at_fill(struct xlvs_watch *watch, const struct xlvs_watch_sample *sample)
{
	uint32_t percent = xlvs_watch_fill_percent(sample);

	if (percent < XLVS_WATCH_RELAXED_PERCENT)
		watch->said_full = false;
	if (percent < XLVS_WATCH_FULL_PERCENT || watch->said_full)
		return;
	watch->said_full = true;
	xlvs_log(LOG_WARNING,
		 "connection table %" PRIu32 " %% full: %" PRIu32 " of %" PRIu32
		 " records, %" PRIu32 " of them not proven; stop and start with more "
		 "--connections",
		 percent, sample->records, sample->record_limit, sample->unproven);
}

static void look_at_failures(struct xlvs_watch *watch, const struct xlvs_watch_sample *sample)
{
	watch->periods_since_failed++;
	if (sample->failed == watch->failed_said ||
	    watch->periods_since_failed < XLVS_WATCH_FAILED_PERIODS)
		return;
	xlvs_log(LOG_WARNING,
		 "connection table: %" PRIu64 " packets of new connections found no room in it",
		 sample->failed - watch->failed_said);
	watch->failed_said = sample->failed;
	watch->periods_since_failed = 0;
}

static void look_at_ports(struct xlvs_watch *watch, const struct xlvs_watch_sample *sample)
{
	uint64_t scarce = sample->ports_scarce - watch->ports_scarce_then;
	uint64_t exhausted = sample->ports_exhausted - watch->ports_exhausted_then;

	if (++watch->periods_since_ports < XLVS_WATCH_PORTS_PERIODS)
		return;
	if (exhausted)
		xlvs_log(LOG_WARNING,
			 "local ports of fullnat: %" PRIu64
			 " packets of new connections found none "
			 "free; give the services more local addresses",
			 exhausted);
	else if (scarce >= XLVS_WATCH_PORTS_SCARCE)
		xlvs_log(LOG_WARNING,
			 "local ports of fullnat run short: %" PRIu64 " new connections found a "
			 "free one only after many tries; give the services more local addresses",
			 scarce);
	watch->ports_scarce_then = sample->ports_scarce;
	watch->ports_exhausted_then = sample->ports_exhausted;
	watch->periods_since_ports = 0;
}

static void look_at_expiry(struct xlvs_watch *watch, const struct xlvs_watch_sample *sample)
{
	bool has_moved = sample->hand != watch->last.hand || sample->sweeps != watch->last.sweeps;

	if (has_moved && !xlvs_watch_expiry_is_alive(watch))
		xlvs_log(LOG_NOTICE, "the expiry of connections goes on");
	if (has_moved)
		watch->periods_still = 0;
	else if (++watch->periods_still == XLVS_WATCH_STILL_PERIODS)
		xlvs_log(LOG_ERR, "the expiry of connections stands still");
}

void xlvs_watch_look(struct xlvs_watch *watch, const struct xlvs_watch_sample *sample)
{
	if (!watch->is_seen) {
		/* What failed before this daemon came was said, or missed, by another. */
		watch->is_seen = true;
		watch->failed_said = sample->failed;
		watch->periods_since_failed = XLVS_WATCH_FAILED_PERIODS;
		watch->ports_scarce_then = sample->ports_scarce;
		watch->ports_exhausted_then = sample->ports_exhausted;
		watch->last = *sample;
	} else {
		look_at_expiry(watch, sample);
	}
	look_at_fill(watch, sample);
	look_at_failures(watch, sample);
	look_at_ports(watch, sample);
	watch->last = *sample;
}

struct xlvs_watch_sample xlvs_watch_take_sample(const struct xlvs_loader *loader)
{
	const volatile struct xlvs_runtime *runtime = xlvs_loader_maps(loader)->runtime;

	return (struct xlvs_watch_sample){
		.records = runtime->records,
		.record_limit = runtime->conn_limit,
		.unproven = runtime->unproven,
		.failed = xlvs_loader_reason(loader, XLVS_DROP_TABLE_FULL) +
			  xlvs_loader_reason(loader, XLVS_EVENT_HASHED),
		.ports_scarce = xlvs_loader_reason(loader, XLVS_EVENT_PORTS_SCARCE),
		.ports_exhausted = xlvs_loader_reason(loader, XLVS_DROP_PORTS_EXHAUSTED),
		.hand = runtime->sweep_hand,
		.sweeps = runtime->sweeps,
	};
}
