/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The listing of connections, read from the packet path's table in memory: no system call a
 * connection, and no more memory for a million of them than for one. */
#ifndef XLVS_DAEMON_CONNECTIONS_H
#define XLVS_DAEMON_CONNECTIONS_H

#include "control/reply.h"
#include "loader/loader.h"

/* The persistence engine of the template in record `index`; false when none found it. */
bool xlvs_connection_pe(const struct xlvs_maps *maps, uint32_t index, struct xlvs_conn_pe *ret_pe);

/* The connection in record `index` as it is listed at `now_ticks`; false when there is none: a free
 * record, a reply record, one that is over. */
bool xlvs_connection_entry(const struct xlvs_maps *maps, uint32_t index, __u32 now_ticks,
			   struct xlvs_conn_entry *ret_entry);

/* Answer GET_CONNS: the listing goes on in portions. */
int xlvs_connections_dump(const struct xlvs_maps *maps, struct xlvs_reply *reply,
			  struct xlvs_error *reterr);

#endif
