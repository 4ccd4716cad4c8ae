// SPDX-License-Identifier: GPL-2.0-or-later
/* The packet path, in the order in which a packet travels it. What a packet of an established
 * connection needs is inlined here; everything else is a function in a file of its own, verified
 * by itself and called only when the packet asks for it. */
#include "datapath/advance.bpf.h"
#include "datapath/connection.bpf.h"
#include "datapath/counters.bpf.h"
#include "datapath/follow.bpf.h"
#include "datapath/fragment.bpf.h"
#include "datapath/icmp.bpf.h"
#include "datapath/parse.bpf.h"
#include "datapath/route.bpf.h"
#include "datapath/service.bpf.h"
#include "forward/cross.bpf.h"
#include "forward/dr.bpf.h"
#include "forward/fullnat.bpf.h"
#include "forward/local.bpf.h"
#include "forward/mss.bpf.h"
#include "forward/nat.bpf.h"
#include "forward/toa.bpf.h"
#include "forward/tun.bpf.h"

/* How long a deadline stays as it was set: setting it sooner is not worth a write. */
#define REFRESH_TICKS (xlvs_constants.ticks_per_sec / 4)

/* A packet that can change nothing but a deadline, and needs nothing but to be forwarded: an ACK on
 * an established, proven TCP connection whose server knows its client, any packet of a UDP flow. */
static __always_inline bool is_steady(const struct xlvs_packet *pkt, __u32 meta)
{
	if (pkt->tuple.protocol != IPPROTO_TCP)
		return (meta & XLVS_META_STATE) == XLVS_UDP_NORMAL;
	return (pkt->tcp_flags & XLVS_TCP_FLAGS) == XLVS_TCP_ACK &&
	       (meta & (XLVS_META_STATE | XLVS_META_PROVEN | XLVS_META_TELLING)) ==
		       (XLVS_TCP_ESTABLISHED | XLVS_META_PROVEN);
}

/* Move the deadline of a connection that a steady packet belongs to; false when there is more to
 * do than that. */
static __always_inline bool refresh(const struct xlvs_packet *pkt, struct xlvs_conn *conn)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	__u32 timeout = pkt->tuple.protocol == IPPROTO_TCP ? XLVS_TIMEOUT_TCP + XLVS_TCP_ESTABLISHED
							   : XLVS_TIMEOUT_UDP;

	if (!runtime || !(conn->meta & XLVS_META_PROVEN) || xlvs_conn_expired(conn, pkt->now))
		return false;
	conn->deadline = pkt->now + runtime->timeout_ticks[timeout];
	conn->refreshed = pkt->now;
	return true;
}

/* A client does not keep a connection alive whose destination was deleted. */
static __always_inline bool refresh_request(const struct xlvs_packet *pkt, struct xlvs_conn *conn)
{
	struct xlvs_dest *dest = xlvs_dest_at(conn->dest);

	return dest && dest->flags & XLVS_DEST_AVAILABLE && refresh(pkt, conn);
}

static __always_inline bool refresh_reply(const struct xlvs_packet *pkt, struct xlvs_conn *record,
					  __u32 index)
{
	struct xlvs_conn *first = xlvs_conn_partner(record, index);

	if (!first || !refresh(pkt, first))
		return false;
	record->deadline = pkt->now;
	return true;
}

static __always_inline struct xlvs_dest *available_dest(__u32 index)
{
	struct xlvs_dest *dest = xlvs_dest_at(index);

	return dest && dest->flags & XLVS_DEST_AVAILABLE ? dest : (void *)0;
}

static __always_inline int send_request(struct xdp_md *ctx, struct xlvs_packet *pkt,
					struct xlvs_dest *dest, __u32 meta, bool ipv4)
{
	__u32 method = (meta & XLVS_META_METHOD) >> XLVS_META_METHOD_SHIFT;
	struct xlvs_nexthop *nexthop;
	int r = 0;

	nexthop = xlvs_dest_nexthop(ctx, dest, method, &r);
	if (!nexthop)
		return r == XLVS_TO_HOST ? xlvs_forward_local(ctx, pkt, dest, meta)
		       : r		 ? r
					 : xlvs_drop(XLVS_DROP_INTERNAL);
	switch (method) {
/* Translation alone asks for the connection's meta, and the others do not pay for it. */
#define SEND(name, number)                   \
	case number:                         \
		if (xlvs_is_two_way(number)) \
			pkt->meta = meta;    \
		return xlvs_forward_##name(ctx, pkt, dest, nexthop, ipv4);
		XLVS_FORWARD_METHODS(SEND)
#undef SEND
	default: /* the one that is left */
		return xlvs_cross(ctx, pkt, dest, nexthop);
	}
}

/* The way back to the client as an index in xlvs_gateways: the reply record keeps it while no
 * route changes. */
static __always_inline int client_gateway(struct xdp_md *ctx, const struct xlvs_conn *record,
					  __u32 index)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();

	if (runtime && record->gateway &&
	    record->meta >> XLVS_META_GENERATION_SHIFT == (runtime->generation & 0xffff))
		return record->gateway - 1;
	return xlvs_route_reply(ctx, index);
}

/* A FULLNAT server's reply that is more than translated: what becomes of it, or 0 when it has yet
 * to be. */
static __always_inline int reply_unusual(struct xdp_md *ctx, struct xlvs_packet *pkt,
					 const struct xlvs_conn *record, struct xlvs_dest *dest,
					 struct xlvs_nexthop *nexthop)
{
	if ((record->meta & XLVS_META_METHOD) != XLVS_FORWARD_fullnat << XLVS_META_METHOD_SHIFT)
		return xlvs_cross(ctx, pkt, dest, nexthop);
	return xlvs_toa_reply(ctx, pkt, pkt->record);
}

static __always_inline int send_reply(struct xdp_md *ctx, struct xlvs_packet *pkt,
				      struct xlvs_conn *record, __u32 index, bool ipv4)
{
	struct xlvs_dest *dest = xlvs_dest_at(record->dest);
	struct xlvs_nexthop *nexthop;
	struct xlvs_translation to = {.ends = XLVS_SOURCE};
	struct xlvs_conn *first;
	int r;

	if (!dest)
		return xlvs_drop(XLVS_DROP_INTERNAL);
	if (dest->flags & XLVS_DEST_AVAILABLE)
		xlvs_count_out(record->dest, pkt->length_bytes);
	else if (xlvs_dest_removed(pkt) == XLVS_NOT_OURS)
		return XLVS_NOT_OURS;
	r = client_gateway(ctx, record, index);
	if (r < 0)
		return r;
	nexthop = xlvs_gateway_at(r);
	if (!nexthop)
		return xlvs_drop(XLVS_DROP_INTERNAL);
	if (record->meta & XLVS_META_METHOD) { /* FULLNAT; NAT is number 0 */
		pkt->record = index;
		if ((record->meta & (XLVS_META_METHOD | XLVS_META_TELLING)) !=
		    XLVS_FORWARD_fullnat << XLVS_META_METHOD_SHIFT) {
			r = reply_unusual(ctx, pkt, record, dest, nexthop);
			if (r)
				return r;
		}
		return xlvs_fullnat_send(ctx, pkt, record, nexthop, ipv4);
	}
	if (ipv4) {
		to.saddr = &record->to_saddr4;
		to.sport = record->to_sport4;
		return xlvs_translate(ctx, pkt, &to, nexthop, true);
	}
	first = xlvs_conn_partner(record, index);
	if (!first)
		return XLVS_NOT_OURS;
	to.saddr = first->key.v6.daddr;
	to.sport = first->dport;
	return xlvs_translate(ctx, pkt, &to, nexthop, false);
}

static __always_inline int advance_reply(struct xdp_md *ctx, struct xlvs_packet *pkt,
					 const struct xlvs_conn *record, __u32 index)
{
	int r = xlvs_advance_reply(pkt, index);

	if (!r && pkt->tcp_flags & XLVS_TCP_SYN)
		xlvs_mss_clamp(ctx, pkt, record->dest, record->meta);
	return r;
}

static __always_inline int travel_back(struct xdp_md *ctx, struct xlvs_packet *pkt,
				       struct xlvs_conn *record, __u32 index, bool ipv4)
{
	int r;

	if (!is_steady(pkt, record->meta) ||
	    (pkt->now - record->deadline >= REFRESH_TICKS && !refresh_reply(pkt, record, index))) {
		r = advance_reply(ctx, pkt, record, index);
		if (r)
			return r;
	}
	return send_reply(ctx, pkt, record, index, ipv4);
}

/* The journey of a packet that has been parsed: an XDP action, XLVS_NOT_OURS or a negative reason.
 */
static __always_inline int travel(struct xdp_md *ctx, struct xlvs_packet *pkt, bool ipv4)
{
	__u32 index = XLVS_NONE, service = XLVS_NONE, meta, dest_index;
	struct xlvs_dest *dest = (void *)0;
	struct xlvs_conn *conn;
	int r;

	pkt->now = xlvs_now();
	conn = xlvs_conn_find(&pkt->tuple, ipv4, &index);
	if (!conn) {
		service = xlvs_service_of(ctx, pkt, ipv4);
		if (service == XLVS_NONE)
			return XLVS_NOT_OURS;
	} else {
		meta = conn->meta;
		if (meta & XLVS_META_REPLY)
			return travel_back(ctx, pkt, conn, index, ipv4);
		dest_index = conn->dest;
		if (is_steady(pkt, meta) && ((__u16)(pkt->now - conn->refreshed) < REFRESH_TICKS ||
					     refresh_request(pkt, conn)))
			dest = available_dest(dest_index);
		pkt->record = index;
	}
	if (!dest) {
		r = xlvs_advance_request(ctx, pkt, index, service);
		if (r < 0)
			return r;
		dest_index = r & XLVS_ADVANCE_DEST;
		meta = r >> XLVS_ADVANCE_META_SHIFT;
		dest = available_dest(dest_index);
		if (!dest)
			return xlvs_dest_removed(pkt);
	}
	xlvs_count_in(dest_index, pkt->length_bytes);
	return send_request(ctx, pkt, dest, meta, ipv4);
}

/* The same for the first fragment of a datagram, seldom met: it takes no short cut. */
static __always_inline int travel_first(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	bool ipv4 = pkt->tuple.family == XLVS_AF_INET;
	__u32 index = XLVS_NONE, service = XLVS_NONE;
	struct xlvs_conn *conn;
	int r;

	conn = xlvs_conn_find(&pkt->tuple, ipv4, &index);
	if (!conn) {
		service = xlvs_service_seek(ctx, pkt);
		if (service == XLVS_NONE)
			return XLVS_NOT_OURS;
	} else if (conn->meta & XLVS_META_REPLY) {
		r = advance_reply(ctx, pkt, conn, index);
		return r ? r : xlvs_follow(ctx, pkt, XLVS_FATE_REPLY, true);
	}
	r = xlvs_advance_request(ctx, pkt, index, service);
	if (r < 0)
		return r;
	pkt->dest = r & XLVS_ADVANCE_DEST;
	pkt->meta = r >> XLVS_ADVANCE_META_SHIFT;
	return xlvs_follow(ctx, pkt, XLVS_FATE_REQUEST, true);
}

/* Is there a connection or a service for it? */
static __always_inline bool is_ours(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	__u32 index;

	return xlvs_conn_find(&pkt->tuple, pkt->tuple.family == XLVS_AF_INET, &index) ||
	       (__u32)xlvs_service_seek(ctx, pkt) != XLVS_NONE;
}

static __always_inline int depart_fragment(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	int r = xlvs_fragment_enter(ctx, pkt);

	switch (r) {
	case XLVS_FRAGMENT_FIRST:
		r = travel_first(ctx, pkt);
		return r < 0 && r != -XLVS_DROP_TOO_BIG ? xlvs_follow_not(ctx, pkt, r) : r;
	case XLVS_FRAGMENT_REQUEST:
		return xlvs_follow(ctx, pkt, XLVS_FATE_REQUEST, false);
	case XLVS_FRAGMENT_REPLY:
		return xlvs_follow(ctx, pkt, XLVS_FATE_REPLY, false);
	case XLVS_FRAGMENT_TINY:
		return is_ours(ctx, pkt) ? -XLVS_DROP_FRAGMENT_TINY : XLVS_NOT_OURS;
	default:
		return r;
	}
}

static __always_inline int depart_icmp(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	int r = xlvs_icmp_error(ctx, pkt), tunnel;

	if (r == XLVS_NOT_OURS || r == XLVS_ICMP_UNKNOWN) {
		tunnel = xlvs_icmp_tunnel(ctx, pkt);
		if (tunnel != XLVS_NOT_OURS || r != XLVS_ICMP_UNKNOWN)
			return tunnel;
		r = xlvs_icmp_schedule(ctx, pkt);
	}
	return r == XLVS_ICMP_CROSS ? xlvs_icmp_cross(ctx, pkt) : r;
}

/* What is no whole TCP or UDP packet, or does not look like most of them. */
static __always_inline int depart_unusual(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	int r;

	if (!xlvs_parse_unusual(ctx, pkt))
		return pkt->tuple.family == XLVS_AF_INET ? travel(ctx, pkt, true)
							 : travel(ctx, pkt, false);
	pkt->l4_offset = 0;
	r = depart_fragment(ctx, pkt);
	return r == XLVS_NOT_OURS ? depart_icmp(ctx, pkt) : r;
}

static __always_inline int depart(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	/* A TCP packet is no shorter, and what is shorter takes a longer way. */
	void *frame;
	__be16 type;

	if (!xlvs_frame(ctx, XLVS_PARSE_BYTES, &frame))
		return depart_unusual(ctx, pkt);
	if (*(const __u8 *)frame & 1) /* broadcast, multicast */
		return XLVS_NOT_OURS;
	type = *(const __be16 *)(frame + offsetof(struct ethhdr, h_proto));
	if (type == bpf_htons(ETH_P_IP) && !xlvs_parse_ipv4(ctx, frame, pkt))
		return travel(ctx, pkt, true);
	if (type == bpf_htons(ETH_P_IPV6) && !xlvs_parse_ipv6(ctx, pkt))
		return travel(ctx, pkt, false);
	return depart_unusual(ctx, pkt);
}

/* The last of a packet that is dropped. Nobody is told of what has no transport header: a later
 * fragment, or an error. */
static __always_inline int tell_sender(struct xdp_md *ctx, struct xlvs_packet *pkt, int r)
{
	if ((r != -XLVS_DROP_NO_DEST && r != -XLVS_DROP_TTL_EXCEEDED && r != -XLVS_DROP_TOO_BIG) ||
	    !pkt->l4_offset)
		return XDP_DROP;
	r = xlvs_icmp_answer(ctx, pkt, -r);
	return r < 0 ? XDP_DROP : r;
}

int xlvs_main(struct xdp_md *ctx);

SEC("xdp")
int xlvs_main(struct xdp_md *ctx)
{
	struct xlvs_packet pkt;
	int r = depart(ctx, &pkt);

	if (r >= 0)
		return r;
	if (r == XLVS_NOT_OURS) {
		/* A block of its own, or each of the checks above sets the answer before it looks.
		 */
		asm volatile("");
		return XDP_PASS;
	}
	if (r == -XLVS_DROP_TOO_BIG) {
		r = xlvs_follow_cut(ctx, &pkt);
		if (r >= 0)
			return r;
	}
	xlvs_count_reason(-r);
	return tell_sender(ctx, &pkt, r);
}
