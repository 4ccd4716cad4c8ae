/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mark rules compiled into what the packet path searches (abi/mark.h): a pure function, without
 * maps. Which rule holds where several match is decided here, once: for each prefix and protocol
 * the ranges of ports are cut into disjoint cells. */
#ifndef XLVS_LOADER_MARK_IMAGE_H
#define XLVS_LOADER_MARK_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "abi/schedule.h"

struct xlvs_mark_image {
	union xlvs_chunk *chunks; /* heap */
	uint32_t n_chunks; /* 0: there are no rules */
};

/* Compile the rules in use among the `n_rules` elements of xlvs_marks; a cell names its rule by its
 * index there. `seed` is that of the packet path's hashes. -ENOMEM. */
int xlvs_mark_image_build(const struct xlvs_mark_rule *rules, uint32_t n_rules, const __u64 *seed,
			  struct xlvs_mark_image *ret_image);
void xlvs_mark_image_done(struct xlvs_mark_image *image);

#endif
