/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every protocol's step needs: to move a connection's state with the accounting that follows
 * from it. A protocol is one stem in this folder; list.h names them. */
#ifndef XLVS_PROTOCOL_PROTOCOL_BPF_H
#define XLVS_PROTOCOL_PROTOCOL_BPF_H

#include "datapath/connection.bpf.h"

enum xlvs_direction {
	XLVS_INPUT = 0, /* client to virtual address */
	XLVS_OUTPUT = 1, /* a reply seen by the director */
	XLVS_INPUT_ONLY = 2, /* replies bypass the director */
	XLVS_DIRECTIONS,
};

/* Each: advance the state of `conn` (never a reply record) by a packet in `direction` (INPUT or
 * OUTPUT) and set its deadline. Returns 0 or a negative reason. */
int xlvs_tcp_step(struct xlvs_packet *pkt, struct xlvs_conn *conn, __u32 direction);
int xlvs_udp_step(struct xlvs_packet *pkt, struct xlvs_conn *conn, __u32 direction);

/* Replace a connection's meta and settle active, inactive and unproven. Nothing happens when
 * another CPU changed it meanwhile, for its packet was as good as ours, or ended the connection:
 * then all its counts have been settled. */
static __always_inline void xlvs_conn_move(struct xlvs_conn *conn, __u32 old, __u32 new)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_dest *dest = xlvs_dest_at(conn->dest);

	if (old == new || old &(XLVS_META_ENDED | XLVS_META_REPLY) || !runtime || !dest ||
	    __sync_val_compare_and_swap(&conn->meta, old, new) != old)
		return;
	if (new & ~old & XLVS_META_PROVEN)
		__sync_fetch_and_add(&runtime->unproven, -1);
	if (new & ~old & XLVS_META_INACTIVE) {
		__sync_fetch_and_add(&dest->inactive, 1);
		__sync_fetch_and_add(&dest->active, -1);
	} else if (old & ~new &XLVS_META_INACTIVE) {
		__sync_fetch_and_add(&dest->active, 1);
		__sync_fetch_and_add(&dest->inactive, -1);
	}
}

static __always_inline void xlvs_conn_set_deadline(struct xlvs_conn *conn, __u32 now, __u32 timeout)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();

	if (!runtime || timeout >= XLVS_TIMEOUTS)
		return;
	conn->deadline = now + runtime->timeout_ticks[timeout];
	conn->refreshed = now;
}

#endif
