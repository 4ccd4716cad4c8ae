/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which elements of an array are taken, in runs of consecutive ones: the chunks of scheduling
 * lists, and next hops one by one. Knows nothing of what stands in them. */
#ifndef XLVS_LOADER_RUNS_H
#define XLVS_LOADER_RUNS_H

#include <stdbool.h>
#include <stdint.h>

struct xlvs_runs {
	uint8_t *taken; /* [n]: 1 or 0 */
	uint32_t n;
	uint32_t cursor; /* the search goes on where it last succeeded */
};

int xlvs_runs_init(struct xlvs_runs *runs, uint32_t n); /* -ENOMEM */
void xlvs_runs_done(struct xlvs_runs *runs);

/* Take a run of `length` > 0. Its first element, XLVS_NONE when no free run is that long. */
uint32_t xlvs_runs_alloc(struct xlvs_runs *runs, uint32_t length);
void xlvs_runs_free(struct xlvs_runs *runs, uint32_t first, uint32_t length);

/* Take this very run; false, and nothing taken, when it is not free or not there. */
bool xlvs_runs_take(struct xlvs_runs *runs, uint32_t first, uint32_t length);

#endif
