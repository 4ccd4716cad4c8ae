/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of services and destinations, which are indexes in the maps: dense, and of those given
 * back the one given back longest ago is used first, so that whatever still remembers a number has
 * time to forget it. Every operation takes constant time but for the gaps an adoption leaves. */
#ifndef XLVS_MODEL_IDS_H
#define XLVS_MODEL_IDS_H

#include <stdint.h>

struct xlvs_ids {
	uint32_t capacity;
	uint32_t high; /* numbers from here on were never used */
	uint32_t first, last; /* of the queue of free numbers below high; XLVS_NONE when empty */
	uint32_t *next, *prev; /* [capacity]; meaningful for queued numbers */
};

int xlvs_ids_init(struct xlvs_ids *ids, uint32_t capacity); /* -ENOMEM */
void xlvs_ids_done(struct xlvs_ids *ids);

/* The number to use next, XLVS_NONE when all are in use. It is not taken yet. */
uint32_t xlvs_ids_next(const struct xlvs_ids *ids);

/* Take a number that is free and below capacity. */
void xlvs_ids_take(struct xlvs_ids *ids, uint32_t id);

/* Give back a number that is in use. */
void xlvs_ids_give(struct xlvs_ids *ids, uint32_t id);

#endif
