// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/trash.h"

#include <errno.h>
#include <stdlib.h>

struct entry {
	uint64_t put_sec; /* 0: by a former daemon */
	uint64_t idle_sec; /* found without connections; 0: not yet */
};

struct xlvs_trash {
	struct xlvs_model *model;
	const struct xlvs_dest *slots;
	struct entry entries[XLVS_DESTS_MAX];
};

int xlvs_trash_new(struct xlvs_model *model, const struct xlvs_dest *slots,
		   struct xlvs_trash **ret_trash)
{
	struct xlvs_trash *trash = calloc(1, sizeof(*trash));

	if (!trash)
		return -ENOMEM;
	trash->model = model;
	trash->slots = slots;
	*ret_trash = trash;
	return 0;
}

void xlvs_trash_free(struct xlvs_trash *trash)
{
	free(trash);
}

void xlvs_trash_put(struct xlvs_trash *trash, uint32_t dest, uint64_t now_sec)
{
	trash->entries[dest] = (struct entry){.put_sec = now_sec};
}

/* The counts are written by the packet path on other CPUs. */
static bool is_idle(const volatile struct xlvs_dest *slot)
{
	return !slot->active && !slot->inactive && !slot->persistent;
}

/* Whether its time is over, by the regular look. */
static bool is_over(struct entry *entry, uint64_t now_sec)
{
	if (!entry->idle_sec)
		entry->idle_sec = now_sec;
	return now_sec - entry->idle_sec >= XLVS_TRASH_KEEP_SEC;
}

static bool may_go(struct entry *entry, uint64_t now_sec)
{
	return now_sec - entry->put_sec >= XLVS_TRASH_GRACE_SEC;
}

static int free_dests(struct xlvs_trash *trash, bool (*is_due)(struct entry *entry, uint64_t now),
		      uint64_t now_sec, struct xlvs_plan *plan)
{
	const struct xlvs_model_dest *dest = xlvs_model_next_dest(trash->model, 0);

	while (dest) {
		uint32_t id = dest->id;
		struct entry *entry = &trash->entries[id];
		int r = 0;

		if (!dest->available && !is_idle(&trash->slots[id]))
			entry->idle_sec = 0;
		else if (!dest->available && is_due(entry, now_sec))
			r = xlvs_model_free_dest(trash->model, id, plan);
		if (r < 0)
			return r;
		dest = xlvs_model_next_dest(trash->model, id + 1);
	}
	return 0;
}

int xlvs_trash_look(struct xlvs_trash *trash, uint64_t now_sec, struct xlvs_plan *plan)
{
	return free_dests(trash, is_over, now_sec, plan);
}

int xlvs_trash_empty(struct xlvs_trash *trash, uint64_t now_sec, struct xlvs_plan *plan)
{
	return free_dests(trash, may_go, now_sec, plan);
}
