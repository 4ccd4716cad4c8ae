// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/grace.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "loader/state.h"

int xlvs_items_reserve(struct xlvs_items *items, size_t n)
{
	size_t capacity = items->capacity ? items->capacity : 64;
	struct xlvs_item *grown;

	while (capacity < items->n + n)
		capacity *= 2;
	if (capacity == items->capacity)
		return 0;
	grown = reallocarray(items->items, capacity, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	items->items = grown;
	items->capacity = capacity;
	return 0;
}

void xlvs_items_add(struct xlvs_items *items, struct xlvs_item item)
{
	items->items[items->n++] = item;
}

void xlvs_items_done(struct xlvs_items *items)
{
	free(items->items);
}

void xlvs_grace_wait(void)
{
	const struct timespec long_enough = {.tv_nsec = 100000000};

	/* Refused on kernels that keep CPUs free of interruptions (nohz_full). */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		nanosleep(&long_enough, NULL);
}

static void reclaim(struct xlvs_loader *loader, const struct xlvs_item *item)
{
	switch (item->kind) {
	case XLVS_ITEM_RUN:
		loader->maps.chunks[item->index].head.magic = 0;
		xlvs_runs_free(&loader->chunks, item->index, item->extra);
		break;
	case XLVS_ITEM_SLOT:
		xlvs_slots_rested(&loader->slots, item->index);
		break;
	case XLVS_ITEM_NEXTHOP:
		loader->maps.nexthops[item->index].state = XLVS_NEXTHOP_FREE;
		xlvs_runs_free(&loader->nexthops, item->index, 1);
		break;
	}
}

bool xlvs_grace_reclaim(struct xlvs_loader *loader)
{
	struct xlvs_items *resting = &loader->resting;

	if (!resting->n)
		return false;
	xlvs_grace_wait();
	for (size_t i = 0; i < resting->n; i++)
		reclaim(loader, &resting->items[i]);
	resting->n = 0;
	loader->n_slots_resting = 0;
	return true;
}
