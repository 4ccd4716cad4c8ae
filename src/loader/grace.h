/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was taken out of the packet path's sight and waits until no packet can be reading it.
 *
 * A packet is handled inside an RCU read-side section, so after membarrier()'s global command,
 * which waits for all of those under way, whatever was unlinked before is nobody's. That takes
 * some milliseconds and is done rarely: when room runs out or many services were deleted. */
#ifndef XLVS_LOADER_GRACE_H
#define XLVS_LOADER_GRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xlvs_loader;

enum xlvs_item_kind {
	XLVS_ITEM_RUN, /* of chunks: first, how many */
	XLVS_ITEM_SLOT, /* of the service table: index, id of the service */
	XLVS_ITEM_NEXTHOP, /* index */
};

struct xlvs_item {
	enum xlvs_item_kind kind;
	uint32_t index;
	uint32_t extra;
};

struct xlvs_items {
	struct xlvs_item *items; /* heap */
	size_t n;
	size_t capacity;
};

int xlvs_items_reserve(struct xlvs_items *items, size_t n); /* room for n more; -ENOMEM */
void xlvs_items_add(struct xlvs_items *items, struct xlvs_item item); /* room was made */
void xlvs_items_done(struct xlvs_items *items);

/* Wait until every packet under way has been handled. */
void xlvs_grace_wait(void);

/* Wait, and make everything in loader->resting free for use again. False when there was nothing. */
bool xlvs_grace_reclaim(struct xlvs_loader *loader);

#endif
