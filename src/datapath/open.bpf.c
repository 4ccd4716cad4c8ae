// SPDX-License-Identifier: GPL-2.0-or-later
/* A connection opens in this order, as in the kernel's ip_vs_sched: may the packet open one at
 * all, is there a service for it, whom does the scheduler name, and is there room for a record.
 * Counting the packet is left to the packet path. */
#include "datapath/open.bpf.h"

#include <linux/in.h>

#include <bpf/bpf_endian.h>

#include "datapath/connection.bpf.h"
#include "datapath/counters.bpf.h"
#include "datapath/persistence.bpf.h"
#include "datapath/port.bpf.h"
#include "datapath/reply.bpf.h"
#include "datapath/route.bpf.h"
#include "datapath/service.bpf.h"
#include "datapath/threshold.bpf.h"
#include "forward/list.h"
#include "forward/mss.bpf.h"
#include "pe/pe.bpf.h"
#include "protocol/list.h"
#include "protocol/protocol.bpf.h"
#include "scheduler/scheduler.bpf.h"

enum open_constant {
	STATELESS_TIMEOUT_SEC = 3,
	HASH_TRIES = 8,
	WITHOUT_RECORD = 1,
};

static __always_inline int schedule(struct xlvs_pick *pick, struct xlvs_tuple *tuple)
{
	switch (pick->scheduler) {
#define SCHEDULE(name, number) \
	case number:           \
		return xlvs_sched_##name(pick, tuple);
		XLVS_SCHEDULERS(SCHEDULE)
#undef SCHEDULE
	default:
		return -XLVS_DROP_NO_DEST;
	}
}

static __always_inline int make_pick(const struct xlvs_service *service, struct xlvs_pick *pick)
{
	union xlvs_chunk *head;

	pick->list = *(volatile __u32 *)&service->list;
	head = xlvs_chunk_at(pick->list);
	if (!head || !head->head.n_dests || head->head.n_dests > XLVS_DESTS_PER_SERVICE)
		return -XLVS_DROP_NO_DEST;
	pick->n_dests = head->head.n_dests;
	pick->scheduler = head->head.scheduler;
	pick->flags = head->head.flags;
	return 0;
}

/* The n-th destination of the list, if it can be served without a record. */
static __noinline int one_way_dest(const struct xlvs_pick *pick, __u32 n)
{
	struct xlvs_cell *cell = xlvs_cell_at(pick, n);
	struct xlvs_dest *dest;

	if (!cell || cell->weight <= 0)
		return -XLVS_DROP_TABLE_FULL;
	dest = xlvs_dest_at(cell->dest);
	if (!dest || dest->overloaded || xlvs_is_two_way(dest->method))
		return -XLVS_DROP_TABLE_FULL;
	return cell->dest;
}

/* With the table full: the same answer for every packet of a flow, as long as the list stays. */
static __always_inline int pick_by_hash(const struct xlvs_pick *pick,
					const struct xlvs_tuple *tuple)
{
	__u32 start = (tuple->hash >> 32) % pick->n_dests;
	int dest;

	for (__u32 i = 0; i < HASH_TRIES; i++) {
		dest = one_way_dest(pick, (start + i) % pick->n_dests);
		if (dest >= 0) {
			xlvs_count_reason(XLVS_EVENT_HASHED);
			return dest | XLVS_OPEN_HASHED;
		}
	}
	return -XLVS_DROP_TABLE_FULL;
}

/* The reply record of NAT, claimed: from the server to the client. */
static __noinline int claim_reply(const struct xlvs_packet *pkt, __u32 dest_index)
{
	const struct xlvs_tuple *request = &pkt->tuple;
	struct xlvs_dest *dest = xlvs_dest_at(dest_index);
	struct xlvs_tuple reply = {.flags = XLVS_TUPLE_REPLY};

	if (!dest)
		return -XLVS_DROP_INTERNAL;
	xlvs_reply_source(pkt, dest, &reply);
	reply.dport = request->sport;
	if (request->family == XLVS_AF_INET)
		reply.key.v4.daddr = request->key.v4.saddr;
	else
		__builtin_memcpy(reply.key.v6.daddr, request->key.v6.saddr,
				 sizeof(reply.key.v6.daddr));
	xlvs_reply_hash(&reply);
	return xlvs_conn_claim(&reply);
}

/* The way back to the client, found while the request is on its way to the server: by the time of
 * the reply a missing neighbour has been resolved. 0 when it has to be found later. */
static __always_inline __u16 gateway_to_client(struct xdp_md *ctx, struct xlvs_tuple *request)
{
	int gateway = xlvs_route_client(ctx, request);

	return gateway >= 0 && gateway < XLVS_GATEWAYS_MAX ? gateway + 1 : 0;
}

/* What the ends of an IPv4 record's packets become: the other record's key, turned round. */
static __always_inline void note_ends(struct xlvs_conn *conn, const struct xlvs_conn *other)
{
	if (conn->family != XLVS_AF_INET || other->family != XLVS_AF_INET)
		return;
	conn->to_saddr4 = other->key.v4.daddr;
	conn->to_daddr4 = other->key.v4.saddr;
	conn->to_sport4 = other->dport;
	conn->to_dport4 = other->sport;
}

/* Fill in the second record of a two-way connection, to be published after the first, whose meta
 * is `meta`. */
static __always_inline void write_reply(const struct xlvs_packet *pkt, struct xlvs_conn *reply,
					__u32 dest_index, __u32 meta)
{
	__u32 shared = XLVS_META_METHOD | XLVS_META_STATE | XLVS_META_PROVEN | XLVS_META_TELLING;
	struct xlvs_runtime *runtime = xlvs_runtime_get();

	if (!runtime)
		return;
	reply->meta = XLVS_META_REPLY | (meta & shared) |
		      runtime->generation << XLVS_META_GENERATION_SHIFT;
	reply->dest = dest_index;
	/* A second ago, so the first reply refreshes the first record. */
	reply->deadline = pkt->now - xlvs_constants.ticks_per_sec;
}

static __always_inline int claim_record(struct xlvs_packet *pkt, __u32 over,
					const struct xlvs_runtime *runtime)
{
	if (over != XLVS_NONE)
		return xlvs_conn_reclaim(&pkt->tuple, over);
	return xlvs_conn_take(&pkt->tuple, xlvs_conns_full(runtime));
}

static __always_inline __u32 begin_state(const struct xlvs_packet *pkt, __u32 meta)
{
	switch (pkt->tuple.protocol) {
#define BEGIN(name, number) \
	case number:        \
		return xlvs_##name##_begin(pkt, meta);
		XLVS_PROTOCOLS(BEGIN)
#undef BEGIN
	default:
		return meta;
	}
}

/* A new connection's first state, which is returned in its meta, and deadline. An ICMP error is no
 * packet of the protocol: the connection it opens is in no state. */
static __always_inline __u32 begin(const struct xlvs_packet *pkt, __u32 meta,
				   const struct xlvs_runtime *runtime, __u32 *ret_deadline)
{
	__u32 timeout;

	*ret_deadline = pkt->now + STATELESS_TIMEOUT_SEC * xlvs_constants.ticks_per_sec;
	if (pkt->tuple.flags & XLVS_TUPLE_QUOTED)
		return meta;
	meta = begin_state(pkt, meta);
	timeout = xlvs_timeout_of(pkt->tuple.protocol, meta & XLVS_META_STATE);
	if (timeout < XLVS_TIMEOUTS)
		*ret_deadline = pkt->now + runtime->timeout_ticks[timeout];
	return meta;
}

/* The turn of the connection that takes over a record. */
static __always_inline __u32 turn_after(const struct xlvs_conn *conn)
{
	return ((conn->meta >> XLVS_META_TURN_SHIFT) + 1) & XLVS_META_TURN;
}

/* What a new connection is counted in. */
static __always_inline void count_conn(struct xlvs_runtime *runtime, struct xlvs_dest *dest,
				       __u32 meta)
{
	__sync_fetch_and_add(meta & XLVS_META_INACTIVE ? &dest->inactive : &dest->active, 1);
	__sync_fetch_and_add(&dest->conns, 1);
	xlvs_dest_bound(dest);
	if (!(meta & XLVS_META_PROVEN))
		__sync_fetch_and_add(&runtime->unproven, 1);
}

/* Fill in and publish the records of a connection: `index`, and `partner`, XLVS_NONE without. */
static __always_inline int open_record(struct xdp_md *ctx, struct xlvs_packet *pkt,
				       __u32 dest_index, __u32 index, __u32 partner)
{
	struct xlvs_conn *reply = partner == XLVS_NONE ? (void *)0 : xlvs_conn_at(partner);
	struct xlvs_conn *conn = xlvs_conn_at(index);
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_dest *dest = xlvs_dest_at(dest_index);
	__u32 meta, deadline;

	if (!runtime || !dest || !conn)
		return -XLVS_DROP_INTERNAL;
	if (pkt->meta & XLVS_META_CONTROLLED)
		xlvs_control_join(index, pkt->template);
	meta = begin(pkt, pkt->meta | XLVS_META_INACTIVE | (reply ? 0 : XLVS_META_NOOUTPUT),
		     runtime, &deadline);
	if (reply) {
		write_reply(pkt, reply, dest_index, meta);
		reply->partner = index;
		note_ends(reply, conn);
		note_ends(conn, reply);
	}
	conn->dest = dest_index;
	conn->partner = partner;
	conn->deadline = deadline;
	conn->refreshed = pkt->now;
	count_conn(runtime, dest, meta);
	xlvs_mss_limit(ctx, pkt, dest, dest_index, meta);
	pkt->turn = turn_after(conn);
	pkt->dest = dest_index;
	pkt->meta = meta | pkt->turn << XLVS_META_TURN_SHIFT;
	conn->meta = pkt->meta;
	xlvs_conn_publish(conn);
	if (reply)
		xlvs_conn_publish(reply);
	return index;
}

/* A connection to the packet's own destination: it has no real server, and counts nowhere. It is
 * two-way for the states that it goes through, as in IPVS, though replies are not seen. */
static __noinline int open_bypass(struct xlvs_packet *pkt, __u32 over)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_conn *conn;
	__u32 meta;
	int index;

	if (!runtime)
		return -XLVS_DROP_INTERNAL;
	index = claim_record(pkt, over, runtime);
	if (index < 0)
		return index;
	conn = xlvs_conn_at(index);
	if (!conn)
		return -XLVS_DROP_INTERNAL;
	meta = begin(pkt,
		     XLVS_FORWARD_BYPASS << XLVS_META_METHOD_SHIFT | XLVS_META_INACTIVE |
			     XLVS_META_REPLIED,
		     runtime, &conn->deadline);
	conn->dest = XLVS_NONE;
	conn->partner = XLVS_NONE;
	conn->refreshed = pkt->now;
	if (!(meta & XLVS_META_PROVEN))
		__sync_fetch_and_add(&runtime->unproven, 1);
	conn->meta = meta | turn_after(conn) << XLVS_META_TURN_SHIFT;
	xlvs_conn_publish(conn);
	return XLVS_NOT_OURS;
}

/* The same of a two-way method, once its second record is claimed. One call after the other: the
 * stack of all this together is more than Linux 6.1 allows. */
static __noinline int open_two_way(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 dest_index,
				   __u32 index, __u32 slot)
{
	__u16 gateway = gateway_to_client(ctx, &pkt->tuple);
	__u32 method = (pkt->meta & XLVS_META_METHOD) >> XLVS_META_METHOD_SHIFT;
	struct xlvs_conn *conn, *reply;
	int partner;

	partner = method == XLVS_FORWARD_nat ? claim_reply(pkt, dest_index)
					     : xlvs_port_claim(pkt, dest_index, slot);
	if (partner < 0) {
		conn = xlvs_conn_at(index);
		if (conn)
			xlvs_conn_abandon(conn);
		return partner;
	}
	reply = xlvs_conn_at(partner);
	if (reply)
		reply->gateway = gateway;
	return open_record(ctx, pkt, dest_index, index, partner);
}

/* The method of a new connection, or a negative reason. The director needs no address of its own
 * towards itself, and its stack no packets of an address family that it has not asked for. */
static __always_inline int method_of(const struct xlvs_dest *dest, const struct xlvs_packet *pkt)
{
	__u32 method = *(volatile __u8 *)&dest->method; /* an edit may come in between */
	bool local = dest->flags & XLVS_DEST_LOCAL;

	if (method != XLVS_FORWARD_fullnat)
		return method;
	if (dest->family == pkt->tuple.family)
		return local ? XLVS_FORWARD_nat : XLVS_FORWARD_fullnat;
	return local ? -XLVS_DROP_OTHER_FAMILY : XLVS_FORWARD_cross;
}

/* Claim the record of a connection, and open it. */
static __always_inline int open_connection(struct xdp_md *ctx, struct xlvs_packet *pkt,
					   __u32 dest_index, __u32 over, __u32 slot)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_dest *dest = xlvs_dest_at(dest_index);
	int method, index;

	if (!runtime || !dest)
		return -XLVS_DROP_INTERNAL;
	method = method_of(dest, pkt);
	if (method < 0)
		return method;
	index = claim_record(pkt, over, runtime);
	if (index < 0)
		return index;
	pkt->meta |= method << XLVS_META_METHOD_SHIFT;
	if (xlvs_is_fullnat(method) && dest->toa_kind && pkt->tuple.protocol == IPPROTO_TCP)
		pkt->meta |= XLVS_META_TELLING;
	if (xlvs_is_two_way(method))
		return open_two_way(ctx, pkt, dest_index, index, slot);
	return open_record(ctx, pkt, dest_index, index, XLVS_NONE);
}

/* A packet that ends a connection opens none. */
static __always_inline bool is_reset(const struct xlvs_packet *pkt)
{
	switch (pkt->tuple.protocol) {
	case IPPROTO_TCP:
		return pkt->tcp_flags & XLVS_TCP_RST;
	case IPPROTO_SCTP:
		return pkt->sctp_chunk == XLVS_SCTP_CHUNK_ABORT;
	default:
		return false;
	}
}

/* Does this packet open a connection? TCP by a SYN, SCTP by an INIT, or by whatever does not end
 * one (sloppy_tcp, sloppy_sctp). */
static __always_inline bool is_opening(const struct xlvs_packet *pkt)
{
	if (xlvs_is_first(pkt))
		return true;
	return pkt->tuple.protocol == IPPROTO_TCP ? xlvs_setting(XLVS_SETTING_sloppy_tcp)
						  : xlvs_setting(XLVS_SETTING_sloppy_sctp);
}

/* May it, at all? 0; WITHOUT_RECORD for what opens none, while the table is full and connections
 * without a record exist; XLVS_NOT_OURS or a negative reason: of new connections one in drop_rate
 * is dropped (drop_packet). */
static __always_inline int admit(const struct xlvs_packet *pkt, __u32 slot)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	__s32 rate;

	if (pkt->tuple.sport == bpf_htons(XLVS_FTP_DATA_PORT) || slot == XLVS_NONE || !runtime ||
	    is_reset(pkt))
		return XLVS_NOT_OURS;
	if (!is_opening(pkt))
		return xlvs_conns_full(runtime) ? WITHOUT_RECORD : XLVS_NOT_OURS;
	rate = *(volatile __s32 *)&runtime->drop_rate;
	if (!rate || (__s32)__sync_fetch_and_add(&runtime->drop_counter, -1) > 1)
		return 0;
	runtime->drop_counter = rate;
	return -XLVS_DROP_CHOSEN;
}

/* The destination of a new connection: its client's, or whom the scheduler names. */
static __always_inline int choose(const struct xlvs_service *service, struct xlvs_packet *pkt,
				  __u32 slot, struct xlvs_pick *pick)
{
	bool persistent = service->flags & XLVS_SVC_PERSISTENT;
	int dest = -XLVS_DROP_NO_DEST;

	if (persistent)
		dest = xlvs_template_find(pkt, slot);
	else if (service->port != pkt->tuple.dport && !service->fwmark)
		return dest; /* FTP's data, or all ports: with persistence alone */
	if (dest >= 0)
		return dest;
	dest = make_pick(service, pick);
	if (dest)
		return dest;
	dest = schedule(pick, &pkt->tuple);
	return dest < 0 || !persistent ? dest : xlvs_template_open(pkt, slot, dest);
}

static __always_inline bool asks_engine(const struct xlvs_service *service)
{
	return service->flags & XLVS_SVC_PERSISTENT && service->pe;
}

static __always_inline bool is_one_packet(const struct xlvs_service *service,
					  const struct xlvs_packet *pkt)
{
	return service->flags & XLVS_SVC_ONE_PACKET && pkt->tuple.protocol == IPPROTO_UDP;
}

/* A connection that ends with the datagram that opened it: it has no record, and replies are not
 * known as such, but it counts against the destination's thresholds while it lasts. */
static __noinline int open_one_packet(struct xlvs_packet *pkt, __u32 dest_index)
{
	struct xlvs_dest *dest = xlvs_dest_at(dest_index);

	if (!dest)
		return -XLVS_DROP_INTERNAL;
	__sync_fetch_and_add(&dest->conns, 1);
	__sync_fetch_and_add(&dest->inactive, 1);
	xlvs_dest_bound(dest);
	__sync_fetch_and_add(&dest->inactive, -1);
	xlvs_dest_unbound(dest);
	xlvs_template_release(pkt);
	return dest_index | XLVS_OPEN_HASHED;
}

/* No destination is available for a mark. */
static __noinline int bypass(struct xdp_md *ctx, const struct xlvs_service *service,
			     struct xlvs_packet *pkt, __u32 over)
{
	if (!xlvs_setting(XLVS_SETTING_cache_bypass) || !xlvs_route_leads_on(ctx, &pkt->tuple))
		return -XLVS_DROP_NO_DEST;
	return is_one_packet(service, pkt) ? XLVS_NOT_OURS : open_bypass(pkt, over);
}

/* What is not FTP's own, but was taken for its data, is the host's when FTP cannot take it. */
static __always_inline bool is_foreign(const struct xlvs_service *service,
				       const struct xlvs_packet *pkt)
{
	return service->port == bpf_htons(XLVS_FTP_PORT) && pkt->tuple.dport != service->port;
}

/* With the table full, and no record for the packet: by its template, or else by its hash. */
static __noinline int open_without_record(const struct xlvs_service *service,
					  struct xlvs_packet *pkt, __u32 slot)
{
	struct xlvs_pick pick = {};
	struct xlvs_dest *dest;
	int r;

	if (service->flags & XLVS_SVC_PERSISTENT) {
		r = xlvs_template_find(pkt, slot);
		dest = xlvs_dest_at(r);
		xlvs_template_release(pkt);
		if (dest)
			return xlvs_is_two_way(dest->method) ? -XLVS_DROP_TABLE_FULL
							     : r | XLVS_OPEN_HASHED;
	}
	r = make_pick(service, &pick);
	return r ? r : pick_by_hash(&pick, &pkt->tuple);
}

int xlvs_open(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 over, __u32 slot)
{
	struct xlvs_service *service;
	struct xlvs_pick pick = {};
	int r;

	if (!pkt)
		return -XLVS_DROP_INTERNAL;
	r = admit(pkt, slot);
	if (r < 0)
		return r;
	service = bpf_map_lookup_elem(&xlvs_services, &slot);
	if (!service)
		return XLVS_NOT_OURS;
	pkt->meta = 0;
	if (asks_engine(service)) {
		int session = xlvs_pe_read(ctx, pkt, service->pe);

		if (session < 0)
			return session;
	}
	if (r == WITHOUT_RECORD) {
		r = open_without_record(service, pkt, slot);
		return r < 0 ? XLVS_NOT_OURS : r;
	}
	r = choose(service, pkt, slot, &pick);
	if (r == -XLVS_DROP_NO_DEST && service->fwmark)
		return bypass(ctx, service, pkt, over);
	if (r >= 0 && is_one_packet(service, pkt))
		return open_one_packet(pkt, r);
	if (r >= 0) {
		r = open_connection(ctx, pkt, r, over, slot);
		if (r < 0)
			xlvs_template_release(pkt);
	}
	if (r == -XLVS_DROP_TABLE_FULL)
		return open_without_record(service, pkt, slot);
	if (r == -XLVS_DROP_NO_DEST && is_foreign(service, pkt))
		return XLVS_NOT_OURS;
	return r;
}
