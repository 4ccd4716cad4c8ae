/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every protocol's step needs: to move a connection's state with the accounting that follows
 * from it. A protocol is one stem in this folder; list.h names them. */
#ifndef XLVS_PROTOCOL_PROTOCOL_BPF_H
#define XLVS_PROTOCOL_PROTOCOL_BPF_H

#include <linux/in.h>

#include "datapath/connection.bpf.h"

enum xlvs_direction {
	XLVS_INPUT = 0, /* client to virtual address */
	XLVS_OUTPUT = 1, /* a reply seen by the director */
	XLVS_INPUT_ONLY = 2, /* replies bypass the director */
	XLVS_DIRECTIONS,
};

/* Each: the meta of a connection that is opened by this packet of its client, in its first state;
 * `meta` is that of a connection in no state, without a turn. */
int xlvs_tcp_begin(const struct xlvs_packet *pkt, __u32 meta);
int xlvs_udp_begin(const struct xlvs_packet *pkt, __u32 meta);
int xlvs_sctp_begin(const struct xlvs_packet *pkt, __u32 meta);

/* Each: advance the state of `conn` (never a reply record) by a packet in `direction` (INPUT or
 * OUTPUT) and set its deadline. Returns 0 or a negative reason. */
int xlvs_tcp_step(struct xlvs_packet *pkt, struct xlvs_conn *conn, __u32 direction);
int xlvs_udp_step(struct xlvs_packet *pkt, struct xlvs_conn *conn, __u32 direction);
int xlvs_sctp_step(struct xlvs_packet *pkt, struct xlvs_conn *conn, __u32 direction);

/* enum xlvs_timeout of a state. */
static __always_inline __u32 xlvs_timeout_of(__u32 protocol, __u32 state)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return XLVS_TIMEOUT_TCP + state;
	case IPPROTO_SCTP:
		return XLVS_TIMEOUT_SCTP + state;
	default:
		return XLVS_TIMEOUT_UDP;
	}
}

/* What a packet's direction alone says: an OUTPUT packet that replies are seen, and until then a
 * client's packet is INPUT-ONLY. Returns the connection's meta with that noted. */
static __always_inline __u32 xlvs_conn_direct(__u32 meta, __u32 *direction)
{
	if (*direction == XLVS_OUTPUT)
		return (meta & ~XLVS_META_NOOUTPUT) | XLVS_META_REPLIED;
	if (meta & XLVS_META_NOOUTPUT)
		*direction = XLVS_INPUT_ONLY;
	return meta;
}

/* Replace a connection's meta, settle active, inactive and unproven, and set the deadline. Nothing
 * happens when another CPU changed it meanwhile, for its packet was as good as ours, or ended the
 * connection, or even gave its record to another one. */
static __always_inline void xlvs_conn_move(const struct xlvs_packet *pkt, struct xlvs_conn *conn,
					   __u32 old, __u32 new, __u32 timeout)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_dest *dest = xlvs_dest_at(conn->dest);

	if (!runtime || timeout >= XLVS_TIMEOUTS || old & (XLVS_META_ENDED | XLVS_META_REPLY) ||
	    old >> XLVS_META_TURN_SHIFT != pkt->turn)
		return;
	if (old != new &&__sync_val_compare_and_swap(&conn->meta, old, new) != old)
		return;
	conn->deadline = pkt->now + runtime->timeout_ticks[timeout];
	conn->refreshed = pkt->now;
	if (new & ~old & XLVS_META_PROVEN)
		__sync_fetch_and_add(&runtime->unproven, -1);
	if (!dest) /* a bypass */
		return;
	if (new & ~old & XLVS_META_INACTIVE) {
		__sync_fetch_and_add(&dest->inactive, 1);
		__sync_fetch_and_add(&dest->active, -1);
	} else if (old & ~new &XLVS_META_INACTIVE) {
		__sync_fetch_and_add(&dest->active, 1);
		__sync_fetch_and_add(&dest->inactive, -1);
	}
}

/* Defines a protocol's two functions around the file's own
 * __u32 next_meta(const struct xlvs_packet *, __u32 meta, __u32 direction): what a packet in that
 * direction makes of a connection's meta. `number` is the protocol's of IP. */
#define XLVS_PROTOCOL(name, number)                                                              \
	int xlvs_##name##_begin(const struct xlvs_packet *pkt, __u32 meta)                       \
	{                                                                                        \
		return pkt ? next_meta(pkt, meta, XLVS_INPUT) : meta;                            \
	}                                                                                        \
                                                                                                 \
	int xlvs_##name##_step(struct xlvs_packet *pkt, struct xlvs_conn *conn, __u32 direction) \
	{                                                                                        \
		__u32 old, new;                                                                  \
                                                                                                 \
		if (!pkt || !conn)                                                               \
			return -XLVS_DROP_INTERNAL;                                              \
		old = *(volatile __u32 *)&conn->meta;                                            \
		new = next_meta(pkt, old, direction);                                            \
		xlvs_conn_move(pkt, conn, old, new,                                              \
			       xlvs_timeout_of(number, new &XLVS_META_STATE));                   \
		return 0;                                                                        \
	}

#endif
