/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection table seen whole: whether its records, their passes and everything that is
 * counted about them agree. Reads; never while packets are on their way. */
#ifndef XLVS_TESTS_TABLE_H
#define XLVS_TESTS_TABLE_H

#include <stdint.h>

#include "abi/config.h"
#include "abi/connection.h"
#include "abi/destination.h"

struct table {
	struct xlvs_conn *conns;
	uint32_t n_conns;
	struct xlvs_dest *dests;
	uint32_t n_dests;
	struct xlvs_runtime *runtime;
	struct xlvs_control *controls; /* NULL: nothing has a template */
};

struct table_census {
	uint32_t live; /* first records */
	uint32_t replies; /* live reply records */
	uint32_t orphans; /* of these, without a first record */
	uint32_t busy;
	uint32_t zombies;
	uint32_t unproven; /* live first records */
	uint64_t passes;
};

/* Count the records, and print each contradiction to stderr: a word with other passes than the
 * records behind it left, a live record that a search does not find, two live ones with one key,
 * counts of records, unproven connections and activity that are not what the table holds.
 * xlvs_constants must be those of the table. Returns the number of contradictions. */
uint32_t table_audit(const struct table *table, struct table_census *ret_census);

#endif
