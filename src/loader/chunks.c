// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/chunks.h"

#include <errno.h>

#include "loader/state.h"

uint32_t xlvs_chunks_take(struct xlvs_loader *loader, uint32_t n_chunks, const char *what,
			  struct xlvs_error *reterr)
{
	uint32_t first = xlvs_runs_alloc(&loader->chunks, n_chunks);

	if (first == XLVS_NONE && xlvs_grace_reclaim(loader))
		first = xlvs_runs_alloc(&loader->chunks, n_chunks);
	if (first != XLVS_NONE)
		xlvs_items_add(&loader->taken, (struct xlvs_item){XLVS_ITEM_RUN, first, n_chunks});
	else
		xlvs_refuse(reterr, -ENOSPC,
			    "no room for %s of %zu bytes: all lists together have %zu MB", what,
			    n_chunks * sizeof(union xlvs_chunk),
			    XLVS_CHUNKS_MAX * sizeof(union xlvs_chunk) >> 20);
	return first;
}

void xlvs_chunks_leave(struct xlvs_loader *loader, uint32_t first)
{
	uint32_t n_chunks = loader->maps.chunks[first].head.n_chunks;

	xlvs_items_add(&loader->left, (struct xlvs_item){XLVS_ITEM_RUN, first, n_chunks});
}
