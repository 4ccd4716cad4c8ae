// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/table.h"

#include <errno.h>
#include <stdlib.h>

int xlvs_table_init(struct xlvs_table *table, size_t n_buckets)
{
	struct xlvs_table_node **buckets = calloc(n_buckets, sizeof(struct xlvs_table_node *));

	if (!buckets)
		return -ENOMEM;
	*table = (struct xlvs_table){.buckets = buckets, .n_buckets = n_buckets};
	return 0;
}

void xlvs_table_done(struct xlvs_table *table)
{
	free(table->buckets);
}

static struct xlvs_table_node **bucket_of(const struct xlvs_table *table, uint64_t hash)
{
	return &table->buckets[hash & (table->n_buckets - 1)];
}

static struct xlvs_table_node *same_hash(struct xlvs_table_node *node, uint64_t hash)
{
	while (node && node->hash != hash)
		node = node->next;
	return node;
}

void xlvs_table_insert(struct xlvs_table *table, struct xlvs_table_node *node, uint64_t hash)
{
	struct xlvs_table_node **bucket = bucket_of(table, hash);

	node->hash = hash;
	node->next = *bucket;
	*bucket = node;
}

void xlvs_table_remove(struct xlvs_table *table, struct xlvs_table_node *node)
{
	struct xlvs_table_node **at = bucket_of(table, node->hash);

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
}

struct xlvs_table_node *xlvs_table_first(const struct xlvs_table *table, uint64_t hash)
{
	return same_hash(*bucket_of(table, hash), hash);
}

struct xlvs_table_node *xlvs_table_next(const struct xlvs_table_node *node)
{
	return same_hash(node->next, node->hash);
}
