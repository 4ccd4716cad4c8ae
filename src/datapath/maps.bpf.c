// SPDX-License-Identifier: GPL-2.0-or-later
#include "datapath/maps.bpf.h"

struct xlvs_conns_map xlvs_conns SEC(".maps");
struct xlvs_controls_map xlvs_controls SEC(".maps");
struct xlvs_services_map xlvs_services SEC(".maps");
struct xlvs_dests_map xlvs_dests SEC(".maps");
struct xlvs_chunks_map xlvs_chunks SEC(".maps");
struct xlvs_nexthops_map xlvs_nexthops SEC(".maps");
struct xlvs_gateways_map xlvs_gateways SEC(".maps");
struct xlvs_traffic_map xlvs_traffic SEC(".maps");
struct xlvs_reasons_map xlvs_reasons SEC(".maps");
struct xlvs_dst_ledger_map xlvs_dst_ledger SEC(".maps");
struct xlvs_svc_ledger_map xlvs_svc_ledger SEC(".maps");
struct xlvs_marks_map xlvs_marks SEC(".maps");
struct xlvs_held_map xlvs_held SEC(".maps");
struct xlvs_detours_map xlvs_detours SEC(".maps");
struct xlvs_fragments_map xlvs_fragments SEC(".maps");
struct xlvs_by_detour_map xlvs_by_detour SEC(".maps");
struct xlvs_pe_data_map xlvs_pe_data SEC(".maps");
struct xlvs_pe_scratch_map xlvs_pe_scratch SEC(".maps");
struct xlvs_localities_map xlvs_localities SEC(".maps");
struct xlvs_events_map xlvs_events SEC(".maps");
struct xlvs_clock_map xlvs_clock SEC(".maps");

const volatile struct xlvs_constants xlvs_constants;
struct xlvs_runtime xlvs_runtime SEC(".data.runtime");
volatile __u32 xlvs_lookups;

char xlvs_license[] SEC("license") = "GPL";
