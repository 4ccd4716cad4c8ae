// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/estimator.h"

#include <errno.h>
#include <stdlib.h>

enum scale {
	COUNT_BITS = 10,
	BYTES_BITS = 5,
	/* A sample is of two seconds, and a quarter of it counts. */
	PERIOD_BITS = 1,
	WEIGHT_BITS = 2,
};

struct dest_rate {
	struct xlvs_rate rate;
	struct xlvs_counters last;
};

struct xlvs_estimator {
	struct xlvs_rate services[XLVS_SERVICES_MAX];
	struct dest_rate dests[XLVS_DESTS_MAX];
	unsigned int part; /* whose turn it is */
};

static void add(uint64_t *average, uint64_t delta, int bits)
{
	uint64_t sample = delta << (bits - PERIOD_BITS);

	/* An arithmetic shift of the difference, as the kernel's, which rounds down. */
	*average += (uint64_t)(((int64_t)sample - (int64_t)*average) >> WEIGHT_BITS);
}

void xlvs_rate_add(struct xlvs_rate *rate, const struct xlvs_counters *delta)
{
	add(&rate->conns, delta->conns, COUNT_BITS);
	add(&rate->in_packets, delta->in_packets, COUNT_BITS);
	add(&rate->out_packets, delta->out_packets, COUNT_BITS);
	add(&rate->in_bytes, delta->in_bytes, BYTES_BITS);
	add(&rate->out_bytes, delta->out_bytes, BYTES_BITS);
}

static uint64_t show(uint64_t average, int bits)
{
	return (average + (1U << (bits - 1)) - 1) >> bits;
}

void xlvs_rate_show(const struct xlvs_rate *rate, struct xlvs_stats *ret_stats)
{
	ret_stats->conns_per_sec = show(rate->conns, COUNT_BITS);
	ret_stats->in_packets_per_sec = show(rate->in_packets, COUNT_BITS);
	ret_stats->out_packets_per_sec = show(rate->out_packets, COUNT_BITS);
	ret_stats->in_bytes_per_sec = show(rate->in_bytes, BYTES_BITS);
	ret_stats->out_bytes_per_sec = show(rate->out_bytes, BYTES_BITS);
}

int xlvs_estimator_new(struct xlvs_estimator **ret_estimator)
{
	struct xlvs_estimator *estimator = calloc(1, sizeof(*estimator));

	if (!estimator)
		return -ENOMEM;
	*ret_estimator = estimator;
	return 0;
}

void xlvs_estimator_free(struct xlvs_estimator *estimator)
{
	free(estimator);
}

/* Counters go back when they are zeroed between two samples. */
static uint64_t since(uint64_t now, uint64_t last)
{
	return now > last ? now - last : 0;
}

static void sample_dest(struct dest_rate *dest, const struct xlvs_counters *now,
			struct xlvs_counters *sum)
{
	const struct xlvs_counters delta = {
		.conns = since(now->conns, dest->last.conns),
		.in_packets = since(now->in_packets, dest->last.in_packets),
		.out_packets = since(now->out_packets, dest->last.out_packets),
		.in_bytes = since(now->in_bytes, dest->last.in_bytes),
		.out_bytes = since(now->out_bytes, dest->last.out_bytes),
	};

	dest->last = *now;
	xlvs_rate_add(&dest->rate, &delta);
	sum->conns += delta.conns;
	sum->in_packets += delta.in_packets;
	sum->out_packets += delta.out_packets;
	sum->in_bytes += delta.in_bytes;
	sum->out_bytes += delta.out_bytes;
}

void xlvs_estimator_tick(struct xlvs_estimator *estimator, const struct xlvs_model *model,
			 const struct xlvs_loader *loader)
{
	const struct xlvs_model_service *service;

	for (service = xlvs_model_next_service(model, 0); service;
	     service = xlvs_model_next_service(model, service->id + 1)) {
		struct xlvs_counters sum = {0};

		if (service->id % XLVS_ESTIMATOR_PARTS != estimator->part)
			continue;
		for (uint32_t i = 0; i < service->n_dests; i++) {
			struct xlvs_counters now;

			xlvs_loader_dest_counters(loader, service->dests[i], &now);
			sample_dest(&estimator->dests[service->dests[i]], &now, &sum);
		}
		xlvs_rate_add(&estimator->services[service->id], &sum);
	}
	estimator->part = (estimator->part + 1) % XLVS_ESTIMATOR_PARTS;
}

void xlvs_estimator_reset_dest(struct xlvs_estimator *estimator, uint32_t dest,
			       const struct xlvs_counters *now)
{
	estimator->dests[dest] = (struct dest_rate){0};
	if (now)
		estimator->dests[dest].last = *now;
}

void xlvs_estimator_reset_service(struct xlvs_estimator *estimator, uint32_t service)
{
	estimator->services[service] = (struct xlvs_rate){0};
}

const struct xlvs_rate *xlvs_estimator_dest(const struct xlvs_estimator *estimator, uint32_t dest)
{
	return &estimator->dests[dest].rate;
}

const struct xlvs_rate *xlvs_estimator_service(const struct xlvs_estimator *estimator,
					       uint32_t service)
{
	return &estimator->services[service];
}
