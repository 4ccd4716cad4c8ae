// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/ids.h"

#include <errno.h>
#include <stdlib.h>

#include "abi/limits.h"

int xlvs_ids_init(struct xlvs_ids *ids, uint32_t capacity)
{
	uint32_t *next = calloc(capacity, sizeof(*next));
	uint32_t *prev = calloc(capacity, sizeof(*prev));

	if (!next || !prev) {
		free(next);
		free(prev);
		return -ENOMEM;
	}
	*ids = (struct xlvs_ids){
		.capacity = capacity,
		.first = XLVS_NONE,
		.last = XLVS_NONE,
		.next = next,
		.prev = prev,
	};
	return 0;
}

void xlvs_ids_done(struct xlvs_ids *ids)
{
	free(ids->next);
	free(ids->prev);
}

uint32_t xlvs_ids_next(const struct xlvs_ids *ids)
{
	if (ids->first != XLVS_NONE)
		return ids->first;
	return ids->high < ids->capacity ? ids->high : XLVS_NONE;
}

static void unqueue(struct xlvs_ids *ids, uint32_t id)
{
	uint32_t next = ids->next[id];
	uint32_t prev = ids->prev[id];

	if (prev == XLVS_NONE)
		ids->first = next;
	else
		ids->next[prev] = next;
	if (next == XLVS_NONE)
		ids->last = prev;
	else
		ids->prev[next] = prev;
}

void xlvs_ids_take(struct xlvs_ids *ids, uint32_t id)
{
	if (id < ids->high) {
		unqueue(ids, id);
		return;
	}
	while (ids->high < id)
		xlvs_ids_give(ids, ids->high++);
	ids->high = id + 1;
}

void xlvs_ids_give(struct xlvs_ids *ids, uint32_t id)
{
	ids->next[id] = XLVS_NONE;
	ids->prev[id] = ids->last;
	if (ids->last == XLVS_NONE)
		ids->first = id;
	else
		ids->next[ids->last] = id;
	ids->last = id;
}
