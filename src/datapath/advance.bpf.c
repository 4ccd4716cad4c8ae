// SPDX-License-Identifier: GPL-2.0-or-later
#include "datapath/advance.bpf.h"

#include <linux/in.h>

#include "datapath/open.bpf.h"
#include "datapath/persistence.bpf.h"
#include "datapath/service.bpf.h"
#include "forward/mss.bpf.h"
#include "protocol/list.h"
#include "protocol/protocol.bpf.h"

enum {
	REUSE_FIN_WAIT = 2, /* a bit of conn_reuse_mode */
};

_Static_assert((int)XLVS_DESTS_MAX <= (int)XLVS_ADVANCE_DEST, "an answer holds any destination");

static __always_inline int step(struct xlvs_packet *pkt, struct xlvs_conn *conn, __u32 direction)
{
	switch (pkt->tuple.protocol) {
#define STEP(name, number) \
	case number:       \
		return xlvs_##name##_step(pkt, conn, direction);
		XLVS_PROTOCOLS(STEP)
#undef STEP
	default:
		return -XLVS_DROP_INTERNAL;
	}
}

/* Both records of a two-way connection show the same state. */
static __always_inline void copy_state(struct xlvs_conn *reply, const struct xlvs_conn *conn)
{
	__u32 shown = XLVS_META_STATE | XLVS_META_PROVEN | XLVS_META_TELLING;

	reply->meta = (reply->meta & ~shown) | (conn->meta & shown);
}

/* Has a connection ended that a packet begins anew which asks for one? A template's does not: that
 * says whose it is. */
static __always_inline bool is_finished(const struct xlvs_conn *conn)
{
	__s32 mode = xlvs_setting(XLVS_SETTING_conn_reuse_mode);
	__u32 meta = conn->meta, state = meta & XLVS_META_STATE;

	if (!mode || meta & XLVS_META_CONTROLLED)
		return false;
	if (conn->protocol == IPPROTO_SCTP)
		return state == XLVS_SCTP_CLOSED;
	return state == XLVS_TCP_TIME_WAIT || state == XLVS_TCP_CLOSE ||
	       (mode & REUSE_FIN_WAIT && state == XLVS_TCP_FIN_WAIT && meta & XLVS_META_NOOUTPUT);
}

/* TCP's and SCTP's; a datagram is not known to be the first. */
static __always_inline bool asks_anew(const struct xlvs_packet *pkt)
{
	return pkt->tuple.protocol != IPPROTO_UDP && xlvs_is_first(pkt);
}

/* Is the connection to end because of its destination (expire_nodest_conn)? One that was deleted,
 * or, for a packet that asks for a connection, one of weight 0. */
static __always_inline bool is_forsaken(const struct xlvs_packet *pkt, const struct xlvs_conn *conn)
{
	struct xlvs_dest *dest = xlvs_dest_at(conn->dest);

	return dest && xlvs_setting(XLVS_SETTING_expire_nodest_conn) &&
	       (!(dest->flags & XLVS_DEST_AVAILABLE) || (asks_anew(pkt) && !dest->weight));
}

/* Is a record of no use to this packet, which then may open another connection over it? */
static __always_inline bool is_over(const struct xlvs_packet *pkt, struct xlvs_conn *conn)
{
	if (xlvs_conn_expired(conn, pkt->now))
		return true;
	if (is_forsaken(pkt, conn)) {
		conn->deadline = pkt->now; /* even if the packet opens none */
		return true;
	}
	return asks_anew(pkt) && is_finished(conn);
}

/* Note the record's turn. False when it has been given to another connection since it was found. */
static __always_inline bool is_still(struct xlvs_packet *pkt, const struct xlvs_conn *conn)
{
	pkt->turn = *(volatile __u32 *)&conn->meta >> XLVS_META_TURN_SHIFT;
	return xlvs_conn_matches(conn, &pkt->tuple, pkt->tuple.family == XLVS_AF_INET);
}

static __always_inline bool is_assured(__u32 protocol, __u32 meta, bool is_reply)
{
	__u32 state = meta & XLVS_META_STATE;

	switch (protocol) {
	case IPPROTO_TCP:
		return state == XLVS_TCP_ESTABLISHED;
	case IPPROTO_SCTP:
		return state == XLVS_SCTP_ESTABLISHED;
	default:
		return is_reply;
	}
}

/* What a template learns from one of its connections (IPVS's ip_vs_control_assure_ct), whose record
 * and meta these are: TCP or SCTP was established, a datagram was answered. */
static __always_inline void tell_template(const struct xlvs_packet *pkt, __u32 index, __u32 meta,
					  bool is_reply)
{
	bool assured;

	if (!(meta & XLVS_META_CONTROLLED))
		return;
	assured = is_assured(pkt->tuple.protocol, meta, is_reply);
	if (assured || meta & XLVS_META_PROVEN)
		xlvs_template_vouch(index, assured);
}

static __always_inline int answer(__u32 dest, __u32 meta)
{
	__u32 told = XLVS_META_METHOD | XLVS_META_KEEP_PORT | XLVS_META_TELLING;

	return dest | (meta & told) << XLVS_ADVANCE_META_SHIFT;
}

static __always_inline int answer_hashed(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 index)
{
	struct xlvs_dest *dest = xlvs_dest_at(index);
	__u32 meta;

	pkt->record = XLVS_NONE;
	if (!dest)
		return -XLVS_DROP_INTERNAL;
	meta = pkt->meta | dest->method << XLVS_META_METHOD_SHIFT;
	xlvs_mss_limit(ctx, pkt, dest, index, meta);
	return answer(index, meta);
}

int xlvs_advance_request(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 index, __u32 service)
{
	struct xlvs_conn *conn = (void *)0, *reply;
	struct xlvs_dest *dest;
	int r;

	if (!pkt)
		return -XLVS_DROP_INTERNAL;
	if (index != XLVS_NONE)
		conn = xlvs_conn_at(index);
	if (conn && !is_still(pkt, conn)) {
		conn = (void *)0;
		index = XLVS_NONE;
	}
	if (!conn || is_over(pkt, conn)) {
		/* Not in xlvs_open: the stacks of both together are more than the kernel allows. */
		if (service == XLVS_NONE)
			service = xlvs_service_seek(ctx, pkt);
		r = xlvs_open(ctx, pkt, index, service);
		if (r < 0)
			return r;
		if (r & XLVS_OPEN_HASHED)
			return answer_hashed(ctx, pkt, r & ~XLVS_OPEN_HASHED);
		pkt->record = r;
		tell_template(pkt, r, pkt->meta, false);
		return answer(pkt->dest, pkt->meta);
	}
	pkt->record = index;
	dest = xlvs_dest_at(conn->dest);
	if (!dest) /* a bypass */
		return step(pkt, conn, XLVS_INPUT) ?: XLVS_NOT_OURS;
	if (!(dest->flags & XLVS_DEST_AVAILABLE)) /* the deadline stays as it is */
		return xlvs_dest_removed(pkt);
	r = step(pkt, conn, XLVS_INPUT);
	if (r)
		return r;
	tell_template(pkt, index, conn->meta, false);
	reply = conn->partner == XLVS_NONE ? (void *)0 : xlvs_conn_partner(conn, index);
	if (reply)
		copy_state(reply, conn);
	xlvs_mss_limit(ctx, pkt, dest, conn->dest, conn->meta);
	return answer(conn->dest, conn->meta);
}

int xlvs_dest_removed(struct xlvs_packet *pkt)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	bool serving;

	if (!pkt || !runtime)
		return -XLVS_DROP_INTERNAL;
	serving = pkt->tuple.family == XLVS_AF_INET ? runtime->n_services4 : runtime->n_services6;
	return serving ? -XLVS_DROP_DEST_REMOVED : XLVS_NOT_OURS;
}

int xlvs_advance_reply(struct xlvs_packet *pkt, __u32 index)
{
	struct xlvs_conn *reply = xlvs_conn_at(index), *conn;
	int r;

	if (!pkt || !reply)
		return -XLVS_DROP_INTERNAL;
	conn = xlvs_conn_partner(reply, index);
	if (!conn || xlvs_conn_expired(conn, pkt->now))
		return XLVS_NOT_OURS;
	pkt->turn = *(volatile __u32 *)&conn->meta >> XLVS_META_TURN_SHIFT;
	if (xlvs_conn_partner(reply, index) != conn)
		return XLVS_NOT_OURS;
	r = step(pkt, conn, XLVS_OUTPUT);
	tell_template(pkt, reply->partner, conn->meta, true);
	copy_state(reply, conn);
	reply->deadline = pkt->now;
	return r;
}

int xlvs_advance_own_reply(struct xlvs_packet *pkt, __u32 index)
{
	struct xlvs_conn *conn = xlvs_conn_at(index);
	int r;

	if (!pkt || !conn || !is_still(pkt, conn) || xlvs_conn_expired(conn, pkt->now))
		return XLVS_NOT_OURS;
	r = step(pkt, conn, XLVS_OUTPUT);
	tell_template(pkt, index, conn->meta, true);
	return r;
}
