// SPDX-License-Identifier: GPL-2.0-or-later
#include "host_maps.h"

#include <string.h>

#include "datapath/maps.bpf.h"

union xlvs_chunk host_chunks[HOST_CHUNKS];
struct xlvs_dest host_dests[HOST_DESTS];
struct xlvs_runtime host_runtime;

/* Only their addresses matter. */
struct xlvs_chunks_map xlvs_chunks;
struct xlvs_dests_map xlvs_dests;
struct xlvs_runtime_map xlvs_runtime;

void *bpf_map_lookup_elem(void *map, const void *key)
{
	__u32 index;

	memcpy(&index, key, sizeof(index));
	if (map == &xlvs_chunks)
		return index < HOST_CHUNKS ? &host_chunks[index] : NULL;
	if (map == &xlvs_dests)
		return index < HOST_DESTS ? &host_dests[index] : NULL;
	if (map == &xlvs_runtime)
		return index < 1 ? &host_runtime : NULL;
	return NULL;
}

long bpf_loop(__u32 n_loops, void *callback, void *context, __u64 flags)
{
	long (*step)(__u32 i, void *context);
	__u32 i;

	(void)flags;
	memcpy(&step, &callback, sizeof(step));
	for (i = 0; i < n_loops; i++) {
		if (step(i, context))
			return i + 1;
	}
	return i;
}
