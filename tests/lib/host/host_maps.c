// SPDX-License-Identifier: GPL-2.0-or-later
#include "host_maps.h"

#include <string.h>

#include "datapath/maps.bpf.h"

volatile __u32 xlvs_lookups;
struct host_locality host_localities[XLVS_LOCALITIES_MAX];
__u32 host_n_localities;
union xlvs_chunk host_chunks[HOST_CHUNKS];
struct xlvs_dest host_dests[HOST_DESTS];
struct xlvs_runtime xlvs_runtime;
struct xlvs_mark_rule host_marks[XLVS_MARK_RULES_MAX];
struct xlvs_service host_services[XLVS_SERVICE_SLOTS];
struct xlvs_nexthop host_nexthops[HOST_DESTS];
struct xlvs_nexthop host_gateways[XLVS_GATEWAYS_MAX];
struct xlvs_traffic host_traffic[HOST_CPUS][HOST_DESTS];
__u64 host_reasons[HOST_CPUS][XLVS_REASONS_MAX];
struct xlvs_conn *host_conns;
struct xlvs_control host_controls[HOST_CONTROLS];
__u32 host_n_conns;
void (*host_interrupt)(void);

static struct xlvs_clock host_clock;

/* Only their addresses matter. */
struct xlvs_conns_map xlvs_conns;
struct xlvs_controls_map xlvs_controls;
struct xlvs_services_map xlvs_services;
struct xlvs_dests_map xlvs_dests;
struct xlvs_chunks_map xlvs_chunks;
struct xlvs_nexthops_map xlvs_nexthops;
struct xlvs_gateways_map xlvs_gateways;
struct xlvs_traffic_map xlvs_traffic;
struct xlvs_reasons_map xlvs_reasons;
struct xlvs_marks_map xlvs_marks;
struct xlvs_events_map xlvs_events;
struct xlvs_localities_map xlvs_localities;
/* No service has a persistence engine. */
struct xlvs_pe_data_map xlvs_pe_data;
struct xlvs_pe_scratch_map xlvs_pe_scratch;
struct xlvs_clock_map xlvs_clock;
/* Nothing is remembered of fragments. */
struct xlvs_fragments_map xlvs_fragments;
struct xlvs_held_map xlvs_held;
struct xlvs_detours_map xlvs_detours;
struct xlvs_by_detour_map xlvs_by_detour; /* empty */

/* The element of a map with a row for each CPU. */
static void *traffic_at(__u32 index)
{
	__u32 cpu = index / XLVS_DESTS_MAX, dest = index % XLVS_DESTS_MAX;

	return cpu < HOST_CPUS && dest < HOST_DESTS ? &host_traffic[cpu][dest] : NULL;
}

static void *reason_at(__u32 index)
{
	__u32 cpu = index / XLVS_REASONS_MAX;

	return cpu < HOST_CPUS ? &host_reasons[cpu][index % XLVS_REASONS_MAX] : NULL;
}

static void *locality_of(const void *key)
{
	for (__u32 i = 0; i < host_n_localities; i++) {
		if (!memcmp(&host_localities[i].key, key, sizeof(host_localities[i].key)))
			return &host_localities[i].locality;
	}
	return NULL;
}

long bpf_map_delete_elem(void *map, const void *key)
{
	(void)map;
	(void)key;
	return -1;
}

long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags)
{
	struct xlvs_locality *locality = locality_of(key);

	if (map != &xlvs_localities || flags != BPF_ANY ||
	    (!locality && host_n_localities == XLVS_LOCALITIES_MAX))
		return -1;
	if (!locality) {
		memcpy(&host_localities[host_n_localities].key, key,
		       sizeof(struct xlvs_locality_key));
		locality = &host_localities[host_n_localities++].locality;
	}
	memcpy(locality, value, sizeof(*locality));
	return 0;
}

void *bpf_map_lookup_elem(void *map, const void *key)
{
	__u32 index;

	if (map == &xlvs_localities)
		return locality_of(key);

	memcpy(&index, key, sizeof(index));
	if (host_interrupt)
		host_interrupt();
	if (map == &xlvs_conns)
		return index < host_n_conns ? &host_conns[index] : NULL;
	if (map == &xlvs_controls)
		return index < HOST_CONTROLS ? &host_controls[index] : NULL;
	if (map == &xlvs_dests)
		return index < HOST_DESTS ? &host_dests[index] : NULL;
	if (map == &xlvs_marks)
		return index < XLVS_MARK_RULES_MAX ? &host_marks[index] : NULL;
	if (map == &xlvs_chunks)
		return index < HOST_CHUNKS ? &host_chunks[index] : NULL;
	if (map == &xlvs_services)
		return index < XLVS_SERVICE_SLOTS ? &host_services[index] : NULL;
	if (map == &xlvs_nexthops)
		return index < HOST_DESTS ? &host_nexthops[index] : NULL;
	if (map == &xlvs_gateways)
		return index < XLVS_GATEWAYS_MAX ? &host_gateways[index] : NULL;
	if (map == &xlvs_traffic)
		return traffic_at(index);
	if (map == &xlvs_reasons)
		return reason_at(index);
	if (map == &xlvs_clock)
		return index < 1 ? &host_clock : NULL;
	return NULL;
}
