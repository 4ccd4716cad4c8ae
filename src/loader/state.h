/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a loader is made of, for the files of this folder alone. */
#ifndef XLVS_LOADER_STATE_H
#define XLVS_LOADER_STATE_H

#include "loader/grace.h"
#include "loader/journal.h"
#include "loader/loader.h"
#include "loader/memory.h"
#include "loader/pins.h"
#include "loader/runs.h"
#include "loader/slots.h"

struct xlvs;

struct xlvs_loader {
	/* The maps, and what is known of them beyond their content. */
	struct xlvs_memory memories[XLVS_MEMORIES_END];
	struct xlvs_maps maps;
	struct xlvs_private *private;
	struct xlvs_journal journal;
	struct xlvs_runs chunks;
	struct xlvs_runs nexthops; /* runs of one */
	struct xlvs_slots slots;

	/* Of the plan under way: what it took, and what it will leave. */
	struct xlvs_items taken;
	struct xlvs_items left;
	/* Left by former plans, not yet free. */
	struct xlvs_items resting;
	size_t n_slots_resting;

	uint32_t *lookups; /* the programs' copy of the runtime's; NULL without programs */

	/* For building scheduling lists. */
	uint32_t mh_slots;
	struct xlvs_schedule_dest schedule_dests[XLVS_DESTS_PER_SERVICE];

	/* Their place in the kernel. */
	struct xlvs *skeleton;
	int private_fd;
	uint32_t private_id; /* of the map: what tells our programs from others */
	struct xlvs_pins pins;
};

/* What the programs are to know of the runtime's settings. */
static inline uint32_t xlvs_loader_lookups(const struct xlvs_runtime *runtime)
{
	return runtime->lookups | (runtime->marks || runtime->mark_ifindex ? XLVS_LOOKUP_MARK : 0);
}

/* Tell them after a plan, which may have changed it. */
static inline void xlvs_loader_tell_lookups(struct xlvs_loader *loader)
{
	if (loader->lookups)
		__atomic_store_n(loader->lookups, xlvs_loader_lookups(loader->maps.runtime),
				 __ATOMIC_RELEASE);
}

/* Over memories that are there: everything but the place in the kernel. -ENOMEM. */
int xlvs_loader_init(struct xlvs_loader *loader);
void xlvs_loader_done(struct xlvs_loader *loader);

#endif
