/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet path's maps as arrays of this process, for sources compiled for the host. As in the
 * kernel, a look-up beyond the end finds nothing. */
#ifndef XLVS_TESTS_HOST_MAPS_H
#define XLVS_TESTS_HOST_MAPS_H

#include "abi/config.h"
#include "abi/connection.h"
#include "abi/destination.h"
#include "abi/limits.h"
#include "abi/locality.h"
#include "abi/mark.h"
#include "abi/reason.h"
#include "abi/schedule.h"
#include "abi/service.h"

enum host_limit {
	HOST_CHUNKS = 16384,
	HOST_DESTS = 8192,
	HOST_CPUS = 8,
	HOST_CONTROLS = 65536,
};

/* The localities are kept in the order they were made in, and all of them. */
struct host_locality {
	struct xlvs_locality_key key;
	struct xlvs_locality locality;
};

extern struct host_locality host_localities[XLVS_LOCALITIES_MAX];
extern __u32 host_n_localities;
extern union xlvs_chunk host_chunks[HOST_CHUNKS];
extern struct xlvs_dest host_dests[HOST_DESTS];
extern struct xlvs_runtime xlvs_runtime;
extern struct xlvs_mark_rule host_marks[XLVS_MARK_RULES_MAX];
extern struct xlvs_service host_services[XLVS_SERVICE_SLOTS];
extern struct xlvs_nexthop host_nexthops[HOST_DESTS];
extern struct xlvs_nexthop host_gateways[XLVS_GATEWAYS_MAX];
extern struct xlvs_traffic host_traffic[HOST_CPUS][HOST_DESTS];
extern __u64 host_reasons[HOST_CPUS][XLVS_REASONS_MAX];

/* The connection table: none until the test gives it records of its own, as many as its constants
 * say. */
extern struct xlvs_conn *host_conns;
extern __u32 host_n_conns;
extern struct xlvs_control host_controls[HOST_CONTROLS]; /* of the first records */

/* Called at each look-up when it is set: threads that make way there meet in the midst of things.
 */
extern void (*host_interrupt)(void);

#endif
