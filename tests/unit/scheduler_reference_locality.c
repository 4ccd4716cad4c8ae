// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's lblc and lblcr: a list of addresses, each with a list of nodes, the newest first. */
#include <stdlib.h>

#include "scheduler_reference_state.h"

struct member {
	struct member *next;
	struct node *node;
};

struct locality {
	struct locality *next;
	uint32_t address;
	uint64_t used_sec, changed_sec;
	int size;
	struct member *members;
};

static void forget_members(struct locality *locality)
{
	while (locality->members) {
		struct member *member = locality->members;

		locality->members = member->next;
		free(member);
	}
	locality->size = 0;
}

void reference_forget_localities(struct reference *reference)
{
	while (reference->localities) {
		struct locality *locality = reference->localities;

		reference->localities = locality->next;
		forget_members(locality);
		free(locality);
	}
}

/* The locality of an address, emptied when its time is over; made when there is none. */
static struct locality *locality_of(struct reference *reference, const struct arrival *arrival)
{
	struct locality *locality = reference->localities;

	while (locality && locality->address != arrival->address)
		locality = locality->next;
	if (!locality) {
		locality = calloc(1, sizeof(*locality));
		if (!locality)
			abort();
		locality->address = arrival->address;
		locality->next = reference->localities;
		reference->localities = locality;
	} else if (arrival->now_sec - locality->used_sec >= REFERENCE_EXPIRATION_SEC) {
		forget_members(locality);
	}
	locality->used_sec = arrival->now_sec;
	return locality;
}

static void join(struct locality *locality, struct node *node, uint64_t now_sec)
{
	struct member *member = calloc(1, sizeof(*member));

	if (!member)
		abort();
	*member = (struct member){.next = locality->members, .node = node};
	locality->members = member;
	locality->size++;
	locality->changed_sec = now_sec;
}

static bool needs_help(const struct reference *reference, const struct node *node)
{
	if ((int64_t)node->active <= node->weight)
		return false;
	for (const struct node *n = reference->head.next; n != &reference->head; n = n->next) {
		if ((int64_t)n->active * 2 < n->weight)
			return true;
	}
	return false;
}

struct node *reference_pick_lblc(struct reference *reference, const struct arrival *arrival)
{
	struct locality *locality = locality_of(reference, arrival);
	struct node *node = locality->members ? locality->members->node : NULL;

	if (node && !node->deleted && node->weight > 0 && !needs_help(reference, node))
		return node;
	node = reference_pick_least(reference, true);
	if (!node)
		return NULL;
	if (locality->members)
		locality->members->node = node;
	else
		join(locality, node, arrival->now_sec);
	return node;
}

static int64_t load_of(const struct node *node)
{
	return 256 * (int64_t)node->active + node->inactive;
}

static struct node *least_of(const struct locality *locality)
{
	struct node *least = NULL;

	for (const struct member *m = locality->members; m; m = m->next) {
		struct node *n = m->node;

		if (n->deleted || n->overloaded || n->weight <= 0)
			continue;
		if (!least || load_of(least) * n->weight > load_of(n) * least->weight)
			least = n;
	}
	return least;
}

static void drop_most_loaded(struct locality *locality, uint64_t now_sec)
{
	struct member **most = NULL, *dropped;

	for (struct member **m = &locality->members; *m; m = &(*m)->next) {
		struct node *n = (*m)->node;

		if (n->weight > 0 && (!most || load_of((*most)->node) * n->weight <
						       load_of(n) * (*most)->node->weight))
			most = m;
	}
	if (!most)
		return;
	dropped = *most;
	*most = dropped->next;
	free(dropped);
	locality->size--;
	locality->changed_sec = now_sec;
}

struct node *reference_pick_lblcr(struct reference *reference, const struct arrival *arrival)
{
	struct locality *locality = locality_of(reference, arrival);
	struct node *node = least_of(locality);

	if (locality->size > 1 &&
	    arrival->now_sec > locality->changed_sec + REFERENCE_EXPIRATION_SEC)
		drop_most_loaded(locality, arrival->now_sec);
	if (node && !needs_help(reference, node))
		return node;
	node = reference_pick_least(reference, true);
	if (!node)
		return NULL;
	for (const struct member *m = locality->members; m; m = m->next) {
		if (m->node == node)
			return node;
	}
	if (locality->size < REFERENCE_MEMBERS_MAX)
		join(locality, node, arrival->now_sec);
	return node;
}
