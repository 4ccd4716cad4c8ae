/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory that is all given back at once: what belongs to one thing with one life, such as the
 * texts of a configuration. Nothing in an arena is freed alone. */
#ifndef XLVS_BASE_ARENA_H
#define XLVS_BASE_ARENA_H

#include <stddef.h>

struct xlvs_arena_block;

/* All zero is an empty arena. */
struct xlvs_arena {
	struct xlvs_arena_block *newest;
};

/* Zeroed memory aligned for anything; NULL when there is none. */
void *xlvs_arena_alloc(struct xlvs_arena *arena, size_t bytes);

/* A NUL-terminated copy of `length` characters; NULL when there is no memory. */
char *xlvs_arena_text(struct xlvs_arena *arena, const char *text, size_t length);

/* Leaves an empty arena. */
void xlvs_arena_free(struct xlvs_arena *arena);

#endif
