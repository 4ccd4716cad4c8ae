/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shipped connection table and expiry, compiled for the host, against a model that keeps every
 * place of the table in plain words: each operation is done to both, and both must agree. One
 * model at a time, one thread. A disagreement is told on stderr and makes the call return false. */
#ifndef XLVS_TESTS_CONNECTION_MODEL_H
#define XLVS_TESTS_CONNECTION_MODEL_H

#include <stdbool.h>
#include <stdint.h>

enum model_limit {
	MODEL_KEYS = 64, /* of both families */
	MODEL_GROUPS_MIN = 8,
	MODEL_GROUPS_MAX = 64,
	MODEL_DESTS = 3,
	MODEL_GRACE_TICKS = 2,
};

enum model_operation {
	MODEL_OPEN, /* a one-way connection with `key` */
	MODEL_OPEN_PAIR, /* a two-way one, its reply key `other` */
	MODEL_OPEN_REPLY, /* a reply record whose first record is gone */
	MODEL_DISPLACE, /* a one-way connection in the place of another */
	MODEL_DISPLACE_PAIR,
	MODEL_RECLAIM, /* a new connection on the record of the old one; whatever is at place
			* `other` when there is none */
	MODEL_PROVE,
	MODEL_AGE, /* `key` has `other` ticks left */
	MODEL_FREE, /* whatever is at place `other` */
	MODEL_SWEEP, /* the expiry comes by every place */
	MODEL_WAIT, /* `other` ticks */
	MODEL_OPERATIONS,
};

struct model_step {
	uint8_t operation; /* each number is taken modulo what there is */
	uint8_t key;
	uint8_t other;
};

/* An empty table. */
void model_begin(uint32_t n_groups, uint64_t seed);

/* Do a step to both, then find its keys in both. */
bool model_apply(struct model_step step);

/* Compare place by place and key by key, and see that the table does not contradict itself. */
bool model_check(void);

/* Let everything end and be freed: nothing may be left. */
bool model_drain(void);

#endif
