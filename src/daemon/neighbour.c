// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/neighbour.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

/* Requests of the packet path: each neighbour once in WANT_PERIOD_MS, all together WANTS_MAX. */
#define WANT_PERIOD_MS 1000
#define WANTS_MAX      1024

struct want {
	struct xlvs_neigh_key key;
	uint64_t at_ms;
};

struct xlvs_neighbours {
	struct xlvs_rtnl *rtnl;
	const struct xlvs_neighbour_handler *handler;
	void *tree; /* of struct xlvs_neighbour, by key */
	struct want wants[WANTS_MAX]; /* [hash of the key] */
	uint64_t wants_since_ms;
	unsigned int n_wants; /* since then */
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct xlvs_neigh_key));
}

int xlvs_neighbours_new(struct xlvs_rtnl *rtnl, const struct xlvs_neighbour_handler *handler,
			struct xlvs_neighbours **ret_neighbours)
{
	struct xlvs_neighbours *neighbours = calloc(1, sizeof(*neighbours));

	if (!neighbours)
		return -ENOMEM;
	neighbours->rtnl = rtnl;
	neighbours->handler = handler;
	*ret_neighbours = neighbours;
	return 0;
}

void xlvs_neighbours_free(struct xlvs_neighbours *neighbours)
{
	if (!neighbours)
		return;
	tdestroy(neighbours->tree, free);
	free(neighbours);
}

static struct xlvs_neighbour *find(const struct xlvs_neighbours *neighbours,
				   const struct xlvs_neigh_key *key)
{
	struct xlvs_neighbour **node = tfind(key, &neighbours->tree, compare);

	return node ? *node : NULL;
}

static struct xlvs_neighbour *find_or_make(struct xlvs_neighbours *neighbours,
					   const struct xlvs_neigh_key *key)
{
	struct xlvs_neighbour *neighbour = find(neighbours, key);

	if (neighbour)
		return neighbour;
	neighbour = calloc(1, sizeof(*neighbour));
	if (!neighbour)
		return NULL;
	neighbour->key = *key;
	LIST_INIT(&neighbour->followers);
	if (!tsearch(neighbour, &neighbours->tree, compare)) {
		free(neighbour);
		return NULL;
	}
	return neighbour;
}

static void free_if_unused(struct xlvs_neighbours *neighbours, struct xlvs_neighbour *neighbour)
{
	if (neighbour->has_mac || !LIST_EMPTY(&neighbour->followers))
		return;
	tdelete(neighbour, &neighbours->tree, compare);
	free(neighbour);
}

static void tell(struct xlvs_neighbours *neighbours, struct xlvs_neighbour *neighbour,
		 void (*what)(void *context, struct xlvs_follower *follower))
{
	struct xlvs_follower *follower;

	LIST_FOREACH(follower, &neighbour->followers, link)
	what(neighbours->handler->context, follower);
}

void xlvs_neighbours_event(struct xlvs_neighbours *neighbours, const struct xlvs_neigh *neigh,
			   bool is_gone)
{
	const struct xlvs_neighbour_handler *handler = neighbours->handler;
	bool has_mac = neigh->has_mac && !is_gone;
	struct xlvs_neighbour *neighbour;
	bool had_mac, is_same, must_keep;

	neighbour = has_mac ? find_or_make(neighbours, &neigh->key) : find(neighbours, &neigh->key);
	if (!neighbour)
		return;
	had_mac = neighbour->has_mac;
	is_same = had_mac == has_mac &&
		  (!has_mac || !memcmp(neighbour->mac, neigh->mac, sizeof(neigh->mac)));
	must_keep = is_gone || (neighbour->settled && !neigh->settled);
	neighbour->seen = true;
	neighbour->settled = neigh->settled && !is_gone;
	neighbour->has_mac = has_mac;
	memcpy(neighbour->mac, neigh->mac, sizeof(neighbour->mac));
	if (!is_same) {
		tell(neighbours, neighbour, handler->moved);
		if (had_mac)
			handler->stale(handler->context);
	}
	if (must_keep) {
		neighbour->kept = false;
		tell(neighbours, neighbour, handler->lost);
	}
	free_if_unused(neighbours, neighbour);
}

static void mark_unseen(const void *node, VISIT visit, void *closure)
{
	(void)closure;
	if (visit == preorder || visit == leaf)
		(*(struct xlvs_neighbour *const *)node)->seen = false;
}

void xlvs_neighbours_before_dump(struct xlvs_neighbours *neighbours)
{
	twalk_r(neighbours->tree, mark_unseen, NULL);
}

static void chain_unseen(const void *node, VISIT visit, void *closure)
{
	struct xlvs_neighbour *neighbour = *(struct xlvs_neighbour *const *)node;
	struct xlvs_neighbour **first = closure;

	if ((visit == preorder || visit == leaf) && !neighbour->seen) {
		neighbour->next_unseen = *first;
		*first = neighbour;
	}
}

void xlvs_neighbours_after_dump(struct xlvs_neighbours *neighbours)
{
	struct xlvs_neighbour *unseen = NULL;

	twalk_r(neighbours->tree, chain_unseen, &unseen);
	while (unseen) {
		struct xlvs_neigh neigh = {.key = unseen->key};

		unseen = unseen->next_unseen;
		xlvs_neighbours_event(neighbours, &neigh, true);
	}
}

int xlvs_neighbours_follow(struct xlvs_neighbours *neighbours, const struct xlvs_neigh_key *key,
			   struct xlvs_follower *follower, struct xlvs_neighbour **ret_neighbour)
{
	struct xlvs_neighbour *neighbour = find_or_make(neighbours, key);

	if (!neighbour)
		return -ENOMEM;
	LIST_INSERT_HEAD(&neighbour->followers, follower, link);
	*ret_neighbour = neighbour;
	return 0;
}

int xlvs_neighbours_keep(struct xlvs_neighbours *neighbours, struct xlvs_neighbour *neighbour)
{
	int r = 0;

	if (!neighbour->settled && !neighbour->kept)
		r = xlvs_rtnl_neigh_keep(neighbours->rtnl, &neighbour->key);
	neighbour->kept = r == 0;
	return r;
}

void xlvs_neighbours_drop(struct xlvs_neighbours *neighbours, struct xlvs_neighbour *neighbour,
			  struct xlvs_follower *follower)
{
	LIST_REMOVE(follower, link);
	if (LIST_EMPTY(&neighbour->followers) && neighbour->kept && !neighbour->settled)
		xlvs_rtnl_neigh_release(neighbours->rtnl, &neighbour->key);
	neighbour->kept = neighbour->kept && !LIST_EMPTY(&neighbour->followers);
	free_if_unused(neighbours, neighbour);
}

static struct want *want_of(struct xlvs_neighbours *neighbours, const struct xlvs_neigh_key *key)
{
	const uint8_t *bytes = (const uint8_t *)key;
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < sizeof(*key); i++)
		hash = (hash ^ bytes[i]) * 16777619U;
	return &neighbours->wants[hash % WANTS_MAX];
}

void xlvs_neighbours_want(struct xlvs_neighbours *neighbours, const struct xlvs_neigh_key *key,
			  uint64_t now_ms)
{
	const struct xlvs_neighbour *neighbour = find(neighbours, key);
	struct want *want = want_of(neighbours, key);

	if (neighbour && (neighbour->has_mac || neighbour->settled))
		return;
	if (!compare(&want->key, key) && now_ms - want->at_ms < WANT_PERIOD_MS)
		return;
	if (now_ms - neighbours->wants_since_ms >= WANT_PERIOD_MS) {
		neighbours->wants_since_ms = now_ms;
		neighbours->n_wants = 0;
	}
	if (neighbours->n_wants == WANTS_MAX)
		return;
	neighbours->n_wants++;
	want->key = *key;
	want->at_ms = now_ms;
	/* A followed one is kept resolved: asking for less would end that. */
	if (neighbour)
		xlvs_rtnl_neigh_keep(neighbours->rtnl, key);
	else
		xlvs_rtnl_neigh_probe(neighbours->rtnl, key);
}
