// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/memory.h"

void xlvs_memory_view(const struct xlvs_memory memories[static XLVS_MEMORIES_END],
		      struct xlvs_maps *ret_maps)
{
	const struct xlvs_memory *conns = &memories[XLVS_MEMORY_CONNS];
	const struct xlvs_memory *reasons = &memories[XLVS_MEMORY_REASONS];

	*ret_maps = (struct xlvs_maps){
		.conns = conns->base,
		.n_conns = (uint32_t)(conns->bytes / sizeof(struct xlvs_conn)),
		.n_cpus = (uint32_t)(reasons->bytes / (XLVS_REASONS_MAX * sizeof(uint64_t))),
		.controls = memories[XLVS_MEMORY_CONTROLS].base,
		.services = memories[XLVS_MEMORY_SERVICES].base,
		.dests = memories[XLVS_MEMORY_DESTS].base,
		.chunks = memories[XLVS_MEMORY_CHUNKS].base,
		.nexthops = memories[XLVS_MEMORY_NEXTHOPS].base,
		.gateways = memories[XLVS_MEMORY_GATEWAYS].base,
		.traffic = memories[XLVS_MEMORY_TRAFFIC].base,
		.reasons = reasons->base,
		.dest_ledger = memories[XLVS_MEMORY_DEST_LEDGER].base,
		.service_ledger = memories[XLVS_MEMORY_SERVICE_LEDGER].base,
		.marks = memories[XLVS_MEMORY_MARKS].base,
		.runtime = memories[XLVS_MEMORY_RUNTIME].base,
	};
}
