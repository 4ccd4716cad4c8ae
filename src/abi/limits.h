/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sizes of the director's tables. Each number is a bound that the verifier, the loader and the
 * model all rely on. */
#ifndef XLVS_ABI_LIMITS_H
#define XLVS_ABI_LIMITS_H

enum xlvs_limit {
	XLVS_SERVICES_MAX = 16384,
	XLVS_SERVICE_SLOTS = 2 * XLVS_SERVICES_MAX, /* the service table is at most half full */
	XLVS_SERVICE_PROBES = 64, /* slots a search of the service table may look at */
	XLVS_DESTS_MAX = 131072,
	XLVS_DESTS_PER_SERVICE = 4096,
	XLVS_MH_SLOTS_MIN = 251, /* of a table of Maglev hashing */
	XLVS_MH_SLOTS_MAX = 131071,
	XLVS_MH_SLOTS_DEFAULT = 4093,
	XLVS_CHUNKS_MAX = 131072, /* of scheduling lists and tables, see schedule.h */
	XLVS_NEXTHOPS_MAX = 2 * XLVS_DESTS_MAX, /* a new one is written before the old is free */
	XLVS_GATEWAYS_MAX = 1024, /* next hops towards clients, see destination.h */
	XLVS_CPUS_MAX = 1024,
	XLVS_PE_SHARE = 4, /* one record in so many may be a persistence engine's template */
	XLVS_CONN_GROUP = 4, /* records a group, see connection.h */
	XLVS_CONN_PROBES = 32, /* records a search of the connection table may look at */
};

#define XLVS_NONE 0xffffffffU /* no index */

#endif
