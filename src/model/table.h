/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash table whose nodes live inside what they find. It does not know the keys: a search walks
 * the nodes of a hash and compares for itself. The number of buckets is fixed, so nothing but
 * xlvs_table_init() can fail. */
#ifndef XLVS_MODEL_TABLE_H
#define XLVS_MODEL_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct xlvs_table_node {
	struct xlvs_table_node *next;
	uint64_t hash;
};

struct xlvs_table {
	struct xlvs_table_node **buckets;
	size_t n_buckets;
};

int xlvs_table_init(struct xlvs_table *table, size_t n_buckets); /* a power of two; -ENOMEM */
void xlvs_table_done(struct xlvs_table *table);

void xlvs_table_insert(struct xlvs_table *table, struct xlvs_table_node *node, uint64_t hash);
void xlvs_table_remove(struct xlvs_table *table, struct xlvs_table_node *node);

/* The nodes that have this hash, one after the other; NULL when there are no more. */
struct xlvs_table_node *xlvs_table_first(const struct xlvs_table *table, uint64_t hash);
struct xlvs_table_node *xlvs_table_next(const struct xlvs_table_node *node);

#endif
