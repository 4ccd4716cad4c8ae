/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local ports of FULLNAT connections. There is no list of them: a port towards a server is in use
 * as long as the reply record of its connection is in the table; port.bpf.c says why.
 *
 * Invariant: a port is given to one connection per local address, server address and port; and
 * after a TCP connection has ended not before the server has forgotten it. */
#ifndef XLVS_DATAPATH_PORT_BPF_H
#define XLVS_DATAPATH_PORT_BPF_H

#include <linux/in.h>

#include "datapath/connection.bpf.h"
#include "forward/list.h"

enum xlvs_port_constant {
	XLVS_PORT_REST_SEC = 60, /* TIME_WAIT of Linux */
	XLVS_PORT_HALF_OPEN_SEC = 3, /* for so long no half-open connection gives way */
};

/* Claim the reply record of a packet's connection to a destination: from it to a local address of
 * the service in `slot`, and a free port there. Returns the record's index,
 * -XLVS_DROP_PORTS_EXHAUSTED, -XLVS_DROP_NO_ROUTE (no local address is known) or another negative
 * reason. */
int xlvs_port_claim(struct xlvs_packet *pkt, __u32 dest_index, __u32 slot);

/* Free the port of the live record `index`, if its connection holds it for nothing: 1 or 0. */
int xlvs_port_vacate(__u32 index);

/* How long nothing happened to a connection that changes its deadline at least every four minutes.
 */
static __always_inline __u32 xlvs_conn_quiet_ticks(const struct xlvs_conn *conn, __u32 now)
{
	return (__u16)(now - conn->refreshed);
}

/* How long the port of a connection that ends now is to rest; `meta` is the connection's. */
static __always_inline __u32 xlvs_port_rest_ticks(const struct xlvs_conn *conn, __u32 meta,
						  __u32 now)
{
	__u32 rest = XLVS_PORT_REST_SEC * xlvs_constants.ticks_per_sec;
	__u32 quiet = xlvs_conn_quiet_ticks(conn, now);

	if (!xlvs_is_fullnat((meta & XLVS_META_METHOD) >> XLVS_META_METHOD_SHIFT) ||
	    !(meta & XLVS_META_PROVEN) || conn->protocol != IPPROTO_TCP || quiet >= rest)
		return 0;
	return rest - quiet;
}

/* Need a connection not keep its port when ports are scarce? Not if it is half-open, or if both
 * sides have closed it longer ago than the server remembers. */
static __always_inline bool xlvs_port_is_idle(const struct xlvs_conn *conn, __u32 meta, __u32 now)
{
	__u32 quiet = xlvs_conn_quiet_ticks(conn, now);

	if (!(meta & XLVS_META_PROVEN))
		return quiet >= XLVS_PORT_HALF_OPEN_SEC * xlvs_constants.ticks_per_sec;
	return conn->protocol == IPPROTO_TCP && (meta & XLVS_META_STATE) == XLVS_TCP_TIME_WAIT &&
	       quiet >= XLVS_PORT_REST_SEC * xlvs_constants.ticks_per_sec;
}

/* Is this a reply record without a connection, whose port rests? */
static __always_inline bool xlvs_port_rests(const struct xlvs_conn *reply, __u32 now)
{
	return reply->meta & XLVS_META_ENDED && !xlvs_conn_expired(reply, now);
}

#endif
