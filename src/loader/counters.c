// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/counters.h"

#include <string.h>

#include "loader/state.h"

static struct xlvs_traffic *traffic_of(const struct xlvs_maps *maps, uint32_t cpu, uint32_t dest)
{
	return &maps->traffic[(size_t)cpu * XLVS_DESTS_MAX + dest];
}

void xlvs_counters_counted(const struct xlvs_maps *maps, uint32_t dest,
			   __u64 ret_counts[static XLVS_COUNTS])
{
	__u64 counts[XLVS_COUNTS] = {maps->dests[dest].conns};

	for (uint32_t cpu = 0; cpu < maps->n_cpus; cpu++) {
		const struct xlvs_traffic *traffic = traffic_of(maps, cpu, dest);

		counts[1] += traffic->in_packets;
		counts[2] += traffic->in_bytes;
		counts[3] += traffic->out_packets;
		counts[4] += traffic->out_bytes;
	}
	memcpy(ret_counts, counts, sizeof(counts));
}

static void add(__u64 sum[static XLVS_COUNTS], const __u64 counts[static XLVS_COUNTS])
{
	for (int i = 0; i < XLVS_COUNTS; i++)
		sum[i] += counts[i];
}

static void zero_dest(const struct xlvs_maps *maps, uint32_t dest)
{
	const struct xlvs_ledger *ledger = &maps->dest_ledger[dest];
	__u64 counts[XLVS_COUNTS];

	xlvs_counters_counted(maps, dest, counts);
	add(maps->service_ledger[maps->dests[dest].service].zeroed, counts);
	add(counts, ledger->carried);
	memcpy(maps->dest_ledger[dest].zeroed, counts, sizeof(counts));
}

void xlvs_counters_zero(const struct xlvs_maps *maps, uint32_t service)
{
	for (uint32_t i = 0; i < XLVS_SERVICES_MAX; i++) {
		struct xlvs_ledger *ledger = &maps->service_ledger[i];

		if (service == XLVS_NONE || service == i)
			memcpy(ledger->zeroed, ledger->carried, sizeof(ledger->zeroed));
	}
	for (uint32_t i = 0; i < XLVS_DESTS_MAX; i++) {
		const struct xlvs_dest *dest = &maps->dests[i];

		if (dest->flags & XLVS_DEST_AVAILABLE && dest->service < XLVS_SERVICES_MAX &&
		    (service == XLVS_NONE || service == dest->service))
			zero_dest(maps, i);
	}
}

void xlvs_counters_reset(const struct xlvs_maps *maps, uint32_t dest)
{
	for (uint32_t cpu = 0; cpu < maps->n_cpus; cpu++)
		*traffic_of(maps, cpu, dest) = (struct xlvs_traffic){};
	maps->dest_ledger[dest] = (struct xlvs_ledger){};
}

static void show(const __u64 counts[static XLVS_COUNTS], const struct xlvs_ledger *ledger,
		 struct xlvs_counters *ret_counters)
{
	__u64 shown[XLVS_COUNTS];

	for (int i = 0; i < XLVS_COUNTS; i++)
		shown[i] = ledger->carried[i] + counts[i] - ledger->zeroed[i];
	*ret_counters = (struct xlvs_counters){
		.conns = shown[0],
		.in_packets = shown[1],
		.in_bytes = shown[2],
		.out_packets = shown[3],
		.out_bytes = shown[4],
	};
}

void xlvs_loader_dest_counters(const struct xlvs_loader *loader, uint32_t dest,
			       struct xlvs_counters *ret_counters)
{
	__u64 counts[XLVS_COUNTS];

	xlvs_counters_counted(&loader->maps, dest, counts);
	show(counts, &loader->maps.dest_ledger[dest], ret_counters);
}

void xlvs_loader_service_counters(const struct xlvs_loader *loader, const struct xlvs_model *model,
				  uint32_t service, struct xlvs_counters *ret_counters)
{
	const struct xlvs_model_service *found = xlvs_model_service(model, service);
	__u64 sum[XLVS_COUNTS] = {};

	if (!found) {
		*ret_counters = (struct xlvs_counters){};
		return;
	}
	for (uint32_t i = 0; i < found->n_dests; i++) {
		__u64 counts[XLVS_COUNTS];

		xlvs_counters_counted(&loader->maps, found->dests[i], counts);
		add(sum, counts);
	}
	show(sum, &loader->maps.service_ledger[service], ret_counters);
}

uint64_t xlvs_loader_reason(const struct xlvs_loader *loader, uint32_t reason)
{
	uint64_t sum = 0;

	if (reason >= XLVS_REASONS_MAX)
		return 0;
	for (uint32_t cpu = 0; cpu < loader->maps.n_cpus; cpu++)
		sum += loader->maps.reasons[(size_t)cpu * XLVS_REASONS_MAX + reason];
	return sum;
}
