/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The maps, declared for every stage and defined once in maps.bpf.c. Sizes that depend on the
 * machine or on the command line (connections, traffic) are set by the loader. */
#ifndef XLVS_DATAPATH_MAPS_BPF_H
#define XLVS_DATAPATH_MAPS_BPF_H

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "abi/config.h"
#include "abi/connection.h"
#include "abi/destination.h"
#include "abi/detour.h"
#include "abi/fragment.h"
#include "abi/limits.h"
#include "abi/locality.h"
#include "abi/mark.h"
#include "abi/pe.h"
#include "abi/reason.h"
#include "abi/schedule.h"
#include "abi/service.h"

#define XLVS_ARRAY(map_name, element, entries)     \
	struct map_name##_map {                    \
		__uint(type, BPF_MAP_TYPE_ARRAY);  \
		__uint(map_flags, BPF_F_MMAPABLE); \
		__uint(max_entries, entries);      \
		__type(key, __u32);                \
		__type(value, element);            \
	};                                         \
	extern struct map_name##_map map_name SEC(".maps")

XLVS_ARRAY(xlvs_conns, struct xlvs_conn, 1);
XLVS_ARRAY(xlvs_controls, struct xlvs_control, 1); /* as many as xlvs_conns */
XLVS_ARRAY(xlvs_services, struct xlvs_service, XLVS_SERVICE_SLOTS);
XLVS_ARRAY(xlvs_dests, struct xlvs_dest, XLVS_DESTS_MAX);
XLVS_ARRAY(xlvs_chunks, union xlvs_chunk, XLVS_CHUNKS_MAX);
XLVS_ARRAY(xlvs_nexthops, struct xlvs_nexthop, XLVS_NEXTHOPS_MAX);
/* The last XLVS_CPUS_MAX are one per CPU, for a next hop that found no room. */
XLVS_ARRAY(xlvs_gateways, struct xlvs_nexthop, XLVS_GATEWAYS_MAX + XLVS_CPUS_MAX);
XLVS_ARRAY(xlvs_traffic, struct xlvs_traffic, 1); /* [cpu][dest] */
XLVS_ARRAY(xlvs_reasons, __u64, 1); /* [cpu][enum xlvs_reason] */
XLVS_ARRAY(xlvs_dst_ledger, struct xlvs_ledger, XLVS_DESTS_MAX); /* the daemon's alone */
XLVS_ARRAY(xlvs_svc_ledger, struct xlvs_ledger, XLVS_SERVICES_MAX); /* the daemon's alone */
XLVS_ARRAY(xlvs_marks, struct xlvs_mark_rule, XLVS_MARK_RULES_MAX);
XLVS_ARRAY(xlvs_held, struct xlvs_held, XLVS_HELD_MAX);
XLVS_ARRAY(xlvs_detours, struct xlvs_nexthop, XLVS_DETOURS_MAX); /* tickets, see detour.h */

struct xlvs_fragments_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, XLVS_FRAGMENTS_MAX);
	__type(key, struct xlvs_fragment_key);
	__type(value, struct xlvs_fragments);
};
extern struct xlvs_fragments_map xlvs_fragments SEC(".maps");

/* The interfaces that cannot send what comes from native XDP: the loader's to write. */
struct xlvs_by_detour_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, XLVS_BY_DETOUR_MAX);
	__type(key, __u32); /* ifindex */
	__type(value, __u32);
};
extern struct xlvs_by_detour_map xlvs_by_detour SEC(".maps");

/* Of templates that a persistence engine found; its size, too, depends on the connections'. */
struct xlvs_pe_data_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, __u32); /* index in xlvs_conns */
	__type(value, struct xlvs_pe_data);
};
extern struct xlvs_pe_data_map xlvs_pe_data SEC(".maps");

struct xlvs_pe_scratch_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xlvs_pe_scratch);
};
extern struct xlvs_pe_scratch_map xlvs_pe_scratch SEC(".maps");

struct xlvs_localities_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, XLVS_LOCALITIES_MAX);
	__type(key, struct xlvs_locality_key);
	__type(value, struct xlvs_locality);
};
extern struct xlvs_localities_map xlvs_localities SEC(".maps");

struct xlvs_events_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
};
extern struct xlvs_events_map xlvs_events SEC(".maps");

struct xlvs_clock {
	struct bpf_timer timer;
};

/* The expiry's timer: a map with a timer cannot be memory-mapped. */
struct xlvs_clock_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct xlvs_clock);
};
extern struct xlvs_clock_map xlvs_clock SEC(".maps");

extern const volatile struct xlvs_constants xlvs_constants;

/* A variable, and so a map of its own: reading it costs no look-up. */
extern struct xlvs_runtime xlvs_runtime;

/* enum xlvs_lookup: how services are found beyond the exact address. The truth stands in
 * xlvs_runtime. */
extern volatile __u32 xlvs_lookups;

#endif
