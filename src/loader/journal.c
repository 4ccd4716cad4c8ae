// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/journal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "loader/counters.h"

/* An entry: what it is about, how many words follow, where they go in that map (or which service
 * is zeroed), the words. */
enum {
	ENTRY_HEAD_WORDS = 2,
	ENTRY_ZERO = XLVS_MEMORIES_END,
	ENTRY_LENGTH_SHIFT = 8,
	ENTRY_ABOUT = (1 << ENTRY_LENGTH_SHIFT) - 1,
};

static struct xlvs_private *private_of(const struct xlvs_journal *journal)
{
	return journal->memories[XLVS_MEMORY_PRIVATE].base;
}

void xlvs_journal_begin(struct xlvs_journal *journal)
{
	journal->n_words = 0;
}

static int add_entry(struct xlvs_journal *journal, uint32_t about, uint32_t where, const void *what,
		     uint32_t n_words)
{
	uint32_t *entry = private_of(journal)->journal + journal->n_words;

	if (ENTRY_HEAD_WORDS + n_words > XLVS_JOURNAL_WORDS - journal->n_words)
		return -ENOSPC;
	entry[0] = about | n_words << ENTRY_LENGTH_SHIFT;
	entry[1] = where;
	if (n_words)
		memcpy(entry + ENTRY_HEAD_WORDS, what, n_words * sizeof(uint32_t));
	journal->n_words += ENTRY_HEAD_WORDS + n_words;
	return 0;
}

int xlvs_journal_write(struct xlvs_journal *journal, void *where, const void *what, size_t bytes)
{
	for (uint32_t i = 0; i < XLVS_MEMORIES_END; i++) {
		const struct xlvs_memory *memory = &journal->memories[i];
		size_t offset = (uintptr_t)where - (uintptr_t)memory->base;

		if (offset < memory->bytes)
			return add_entry(journal, i, (uint32_t)offset, what,
					 (uint32_t)(bytes / sizeof(uint32_t)));
	}
	assert(!"a write to a map");
	return -EFAULT;
}

int xlvs_journal_store(struct xlvs_journal *journal, uint32_t *where, uint32_t what)
{
	return xlvs_journal_write(journal, where, &what, sizeof(what));
}

int xlvs_journal_zero(struct xlvs_journal *journal, uint32_t service)
{
	return add_entry(journal, ENTRY_ZERO, service, NULL, 0);
}

static bool entry_fits(const struct xlvs_journal *journal, uint32_t at, uint32_t n_words)
{
	const uint32_t *entry = private_of(journal)->journal + at;
	uint32_t about = entry[0] & ENTRY_ABOUT;
	size_t bytes = (entry[0] >> ENTRY_LENGTH_SHIFT) * sizeof(uint32_t);

	if (at + ENTRY_HEAD_WORDS + bytes / sizeof(uint32_t) > n_words)
		return false;
	if (about == ENTRY_ZERO)
		return bytes == 0 && (entry[1] == XLVS_NONE || entry[1] < XLVS_SERVICES_MAX);
	return about < XLVS_MEMORY_PRIVATE && entry[1] % sizeof(uint32_t) == 0 &&
	       entry[1] + bytes <= journal->memories[about].bytes;
}

static uint32_t carry_out_entry(const struct xlvs_journal *journal, const uint32_t *entry)
{
	uint32_t about = entry[0] & ENTRY_ABOUT;
	uint32_t n_words = entry[0] >> ENTRY_LENGTH_SHIFT;
	uint32_t *where;

	if (about == ENTRY_ZERO) {
		xlvs_counters_zero(journal->maps, entry[1]);
		return ENTRY_HEAD_WORDS;
	}
	where = (uint32_t *)journal->memories[about].base + entry[1] / sizeof(uint32_t);
	for (uint32_t i = 0; i < n_words; i++)
		__atomic_store_n(where + i, entry[ENTRY_HEAD_WORDS + i], __ATOMIC_RELEASE);
	return ENTRY_HEAD_WORDS + n_words;
}

/* The fences keep the compiler from moving writes to the other side of a store that says how far
 * the journal counts: a kill falls between two instructions. */
static void carry_out(const struct xlvs_journal *journal, uint32_t n_words)
{
	struct xlvs_private *private = private_of(journal);

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (uint32_t at = 0; at < n_words;)
		at += carry_out_entry(journal, private->journal + at);
	__atomic_store_n(&private->journal_words, 0, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void xlvs_journal_commit(struct xlvs_journal *journal)
{
	__atomic_store_n(&private_of(journal)->journal_words, journal->n_words, __ATOMIC_RELEASE);
	carry_out(journal, journal->n_words);
	journal->n_words = 0;
}

int xlvs_journal_replay(struct xlvs_journal *journal)
{
	const struct xlvs_private *private = private_of(journal);
	uint32_t n_words = private->journal_words;

	if (n_words > XLVS_JOURNAL_WORDS)
		return -EINVAL;
	for (uint32_t at = 0; at < n_words;) {
		if (at + ENTRY_HEAD_WORDS > n_words || !entry_fits(journal, at, n_words))
			return -EINVAL;
		at += ENTRY_HEAD_WORDS + (private->journal[at] >> ENTRY_LENGTH_SHIFT);
	}
	carry_out(journal, n_words);
	return 0;
}
