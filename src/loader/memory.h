/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The maps as the loader sees them: memory it shares with the packet path, and one map of its own
 * that no program reads. */
#ifndef XLVS_LOADER_MEMORY_H
#define XLVS_LOADER_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "abi/limits.h"
#include "loader/loader.h"

/* Raise it with every change of a struct in abi/ or of one below: what maps of another layout hold
 * is not understood. */
enum {
	XLVS_LAYOUT = 18
};

/* X(symbol, name): the maps that are memory-mapped. The numbers stand in the journal. */
#define XLVS_MEMORIES(X)                     \
	X(CONNS, "xlvs_conns")               \
	X(CONTROLS, "xlvs_controls")         \
	X(SERVICES, "xlvs_services")         \
	X(DESTS, "xlvs_dests")               \
	X(CHUNKS, "xlvs_chunks")             \
	X(NEXTHOPS, "xlvs_nexthops")         \
	X(GATEWAYS, "xlvs_gateways")         \
	X(TRAFFIC, "xlvs_traffic")           \
	X(REASONS, "xlvs_reasons")           \
	X(DEST_LEDGER, "xlvs_dst_ledger")    \
	X(SERVICE_LEDGER, "xlvs_svc_ledger") \
	X(MARKS, "xlvs_marks")               \
	X(RUNTIME, ".data.runtime")          \
	X(PRIVATE, "xlvs_private")

enum xlvs_memory_number {
#define XLVS_MEMORY_ENUM(symbol, name) XLVS_MEMORY_##symbol,
	XLVS_MEMORIES(XLVS_MEMORY_ENUM)
#undef XLVS_MEMORY_ENUM
	XLVS_MEMORIES_END
};

struct xlvs_memory {
	void *base;
	size_t bytes;
};

enum {
	/* Flushing a director that is full is the longest plan. */
	XLVS_JOURNAL_WORDS = 4 * (XLVS_DESTS_MAX + 3 * XLVS_SERVICES_MAX) + 4096,
	XLVS_PRIVATE_ELEMENT_BYTES = 4096,
};

/* What every layout begins with. */
struct xlvs_identity {
	uint32_t layout; /* XLVS_LAYOUT of who loaded the packet path */
	uint32_t unused;
	uint64_t netns_cookie; /* whose packet path this is: an interface can be moved */
};

/* xlvs_private, cut into elements of XLVS_PRIVATE_ELEMENT_BYTES. */
struct xlvs_private {
	struct xlvs_identity identity;
	uint32_t journal_words; /* in use; not 0: an operation was interrupted, see journal.h */
	uint32_t journal[XLVS_JOURNAL_WORDS];
	struct xlvs_service_key dest_owners[XLVS_DESTS_MAX]; /* of the destinations in use */
};

enum {
	XLVS_PRIVATE_ELEMENTS = (sizeof(struct xlvs_private) + XLVS_PRIVATE_ELEMENT_BYTES - 1) /
				XLVS_PRIVATE_ELEMENT_BYTES,
};

/* The memories by their types: n_conns and n_cpus from their sizes. */
void xlvs_memory_view(const struct xlvs_memory memories[static XLVS_MEMORIES_END],
		      struct xlvs_maps *ret_maps);

#endif
