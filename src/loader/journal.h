/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All or nothing: what one plan changes in the maps, written down before it is done.
 *
 * Whatever packets or a later daemon could see goes through here, as writes of whole 32-bit words
 * in an order that is safe under traffic. xlvs_journal_commit() first makes the journal valid by
 * one store, then carries it out, then makes it invalid. A process killed before the first store
 * has done nothing; one killed later has left all that xlvs_journal_replay() needs: doing a write
 * twice is the same as doing it once. What nothing points to yet is written directly, before. */
#ifndef XLVS_LOADER_JOURNAL_H
#define XLVS_LOADER_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "loader/memory.h"

struct xlvs_journal {
	const struct xlvs_memory *memories; /* [XLVS_MEMORIES_END] */
	const struct xlvs_maps *maps; /* the same, by their types */
	uint32_t n_words; /* written since xlvs_journal_begin() */
};

void xlvs_journal_begin(struct xlvs_journal *journal);

/* Plan a write of `bytes` (a multiple of 4) to `where`, in one of the maps. -ENOSPC when the
 * journal is full. */
int xlvs_journal_write(struct xlvs_journal *journal, void *where, const void *what, size_t bytes);
int xlvs_journal_store(struct xlvs_journal *journal, uint32_t *where, uint32_t what);

/* Plan to zero the counters of a service and its destinations, XLVS_NONE: of all. */
int xlvs_journal_zero(struct xlvs_journal *journal, uint32_t service);

void xlvs_journal_commit(struct xlvs_journal *journal);

/* Finish what a killed process had committed. -EINVAL: the journal is no journal of ours. */
int xlvs_journal_replay(struct xlvs_journal *journal);

#endif
