// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/state.h"

#include <errno.h>

int xlvs_loader_init(struct xlvs_loader *loader)
{
	xlvs_memory_view(loader->memories, &loader->maps);
	loader->private = loader->memories[XLVS_MEMORY_PRIVATE].base;
	loader->journal = (struct xlvs_journal){
		.memories = loader->memories,
		.maps = &loader->maps,
	};
	if (xlvs_runs_init(&loader->chunks, XLVS_CHUNKS_MAX) ||
	    xlvs_runs_init(&loader->nexthops, XLVS_NEXTHOPS_MAX))
		return -ENOMEM;
	/* Number 0 stands for none. */
	xlvs_runs_take(&loader->nexthops, 0, 1);
	xlvs_runs_take(&loader->chunks, 0, 1);
	if (!loader->mh_slots)
		loader->mh_slots = XLVS_MH_SLOTS_DEFAULT;
	xlvs_slots_init(&loader->slots, loader->maps.services,
			loader->maps.runtime->constants.seed);
	return 0;
}

void xlvs_loader_done(struct xlvs_loader *loader)
{
	xlvs_runs_done(&loader->chunks);
	xlvs_runs_done(&loader->nexthops);
	xlvs_items_done(&loader->taken);
	xlvs_items_done(&loader->left);
	xlvs_items_done(&loader->resting);
}

const struct xlvs_maps *xlvs_loader_maps(const struct xlvs_loader *loader)
{
	return &loader->maps;
}
