/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rates per second of services and destinations, smoothed as IPVS smooths them: every two seconds
 * a quarter of the difference to what was counted meanwhile is added, in fixed-point numbers.
 *
 * A pass over all of them is spread over XLVS_ESTIMATOR_PARTS ticks; a service is sampled together
 * with its destinations, whose sum it is. */
#ifndef XLVS_DAEMON_ESTIMATOR_H
#define XLVS_DAEMON_ESTIMATOR_H

#include "loader/loader.h"

enum xlvs_estimator_period {
	XLVS_ESTIMATOR_PERIOD_MS = 2000,
	XLVS_ESTIMATOR_PARTS = 20,
};

/* Averages, scaled by 2^10, those of bytes by 2^5. Zeroed: at rest. */
struct xlvs_rate {
	uint64_t conns;
	uint64_t in_packets;
	uint64_t out_packets;
	uint64_t in_bytes;
	uint64_t out_bytes;
};

/* delta: what was counted in the last period. */
void xlvs_rate_add(struct xlvs_rate *rate, const struct xlvs_counters *delta);
/* The rates of *ret_stats; its totals are not touched. */
void xlvs_rate_show(const struct xlvs_rate *rate, struct xlvs_stats *ret_stats);

struct xlvs_estimator;

int xlvs_estimator_new(struct xlvs_estimator **ret_estimator);
void xlvs_estimator_free(struct xlvs_estimator *estimator);

/* To be called every XLVS_ESTIMATOR_PERIOD_MS / XLVS_ESTIMATOR_PARTS. */
void xlvs_estimator_tick(struct xlvs_estimator *estimator, const struct xlvs_model *model,
			 const struct xlvs_loader *loader);

/* Begin at rest: a destination's counters stand at `now` (NULL: at zero). */
void xlvs_estimator_reset_dest(struct xlvs_estimator *estimator, uint32_t dest,
			       const struct xlvs_counters *now);
void xlvs_estimator_reset_service(struct xlvs_estimator *estimator, uint32_t service);

const struct xlvs_rate *xlvs_estimator_dest(const struct xlvs_estimator *estimator, uint32_t dest);
const struct xlvs_rate *xlvs_estimator_service(const struct xlvs_estimator *estimator,
					       uint32_t service);

#endif
