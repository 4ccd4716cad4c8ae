/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet path's maps as arrays of this process, for sources compiled for the host. As in the
 * kernel, a look-up beyond the end finds nothing. */
#ifndef XLVS_TESTS_HOST_MAPS_H
#define XLVS_TESTS_HOST_MAPS_H

#include "abi/config.h"
#include "abi/destination.h"
#include "abi/schedule.h"

enum host_limit {
	HOST_CHUNKS = 512,
	HOST_DESTS = 8192,
};

extern union xlvs_chunk host_chunks[HOST_CHUNKS];
extern struct xlvs_dest host_dests[HOST_DESTS];
extern struct xlvs_runtime host_runtime;

#endif
