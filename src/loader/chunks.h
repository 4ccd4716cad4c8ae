/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs of chunks for the plan under way: scheduling lists and mark rules. What is taken is free
 * again if the plan fails; what is left rests when it has been carried out. */
#ifndef XLVS_LOADER_CHUNKS_H
#define XLVS_LOADER_CHUNKS_H

#include <stdint.h>

#include "base/error.h"

struct xlvs_loader;

/* The first chunk of a run of `n_chunks` for `what`; XLVS_NONE, with a refusal, when there is no
 * room. Room for one item more in `taken` was made. */
uint32_t xlvs_chunks_take(struct xlvs_loader *loader, uint32_t n_chunks, const char *what,
			  struct xlvs_error *reterr);

/* The run that starts here, for which room in `left` was made. */
void xlvs_chunks_leave(struct xlvs_loader *loader, uint32_t first);

#endif
