// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/trash.h"

#include <errno.h>
#include <stdlib.h>

struct xlvs_trash {
	struct xlvs_model *model;
	const struct xlvs_dest *slots;
	bool has_new;
	uint64_t idle_sec[XLVS_DESTS_MAX]; /* when found without connections; 0: not yet */
};

int xlvs_trash_new(struct xlvs_model *model, const struct xlvs_dest *slots,
		   struct xlvs_trash **ret_trash)
{
	struct xlvs_trash *trash = calloc(1, sizeof(*trash));

	if (!trash)
		return -ENOMEM;
	trash->has_new = true; /* by a former daemon, maybe */
	trash->model = model;
	trash->slots = slots;
	*ret_trash = trash;
	return 0;
}

void xlvs_trash_free(struct xlvs_trash *trash)
{
	free(trash);
}

void xlvs_trash_put(struct xlvs_trash *trash, uint32_t dest)
{
	trash->idle_sec[dest] = 0;
	trash->has_new = true;
}

bool xlvs_trash_has_new(const struct xlvs_trash *trash)
{
	return trash->has_new;
}

/* The counts are written by the packet path on other CPUs. */
static bool is_idle(const volatile struct xlvs_dest *slot)
{
	return !slot->active && !slot->inactive && !slot->persistent;
}

/* Whether it has been without connections for so long, by the looks. */
static bool is_over(struct xlvs_trash *trash, uint32_t dest, uint64_t now_sec)
{
	uint64_t *idle_sec = &trash->idle_sec[dest];

	if (!is_idle(&trash->slots[dest]))
		*idle_sec = 0;
	else if (!*idle_sec)
		*idle_sec = now_sec;
	return *idle_sec && now_sec - *idle_sec >= XLVS_TRASH_KEEP_SEC;
}

int xlvs_trash_look(struct xlvs_trash *trash, uint64_t now_sec, struct xlvs_plan *plan)
{
	const struct xlvs_model_dest *dest = xlvs_model_next_dest(trash->model, 0);
	int r = 0;

	while (dest && r == 0) {
		uint32_t id = dest->id;

		if (!dest->available && is_over(trash, id, now_sec))
			r = xlvs_model_free_dest(trash->model, id, plan);
		dest = xlvs_model_next_dest(trash->model, id + 1);
	}
	return r;
}

int xlvs_trash_empty(struct xlvs_trash *trash, struct xlvs_plan *plan)
{
	const struct xlvs_model_dest *dest = xlvs_model_next_dest(trash->model, 0);
	int r = 0;

	while (dest && r == 0) {
		uint32_t id = dest->id;

		if (!dest->available && is_idle(&trash->slots[id]))
			r = xlvs_model_free_dest(trash->model, id, plan);
		dest = xlvs_model_next_dest(trash->model, id + 1);
	}
	trash->has_new = r < 0;
	return r;
}
