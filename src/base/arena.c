// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 16384

struct xlvs_arena_block {
	struct xlvs_arena_block *older;
	size_t used, bytes;
	_Alignas(max_align_t) char memory[];
};

void *xlvs_arena_alloc(struct xlvs_arena *arena, size_t bytes)
{
	struct xlvs_arena_block *block = arena->newest;
	size_t rounded = (bytes + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
	void *memory;

	if (rounded < bytes)
		return NULL;
	if (!block || block->bytes - block->used < rounded) {
		size_t room = rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES;

		block = calloc(1, sizeof(*block) + room);
		if (!block)
			return NULL;
		block->bytes = room;
		block->older = arena->newest;
		arena->newest = block;
	}
	memory = block->memory + block->used;
	block->used += rounded;
	return memory;
}

char *xlvs_arena_text(struct xlvs_arena *arena, const char *text, size_t length)
{
	char *copy = xlvs_arena_alloc(arena, length + 1);

	if (copy && length)
		memcpy(copy, text, length);
	return copy;
}

void xlvs_arena_free(struct xlvs_arena *arena)
{
	while (arena->newest) {
		struct xlvs_arena_block *block = arena->newest;

		arena->newest = block->older;
		free(block);
	}
}
