// SPDX-License-Identifier: GPL-2.0-or-later
/* A connection opens in this order, as in the kernel's ip_vs_sched: may the packet open one at
 * all, is there a service for it, whom does the scheduler name, and is there room for a record.
 * Counting and state are left to the packet path, which goes on with the new record as with any
 * other. */
#include "datapath/service.bpf.h"

#include <linux/in.h>

#include <bpf/bpf_endian.h>

#include "datapath/connection.bpf.h"
#include "datapath/counters.bpf.h"
#include "datapath/mark.bpf.h"
#include "datapath/persistence.bpf.h"
#include "datapath/port.bpf.h"
#include "datapath/reply.bpf.h"
#include "datapath/route.bpf.h"
#include "datapath/threshold.bpf.h"
#include "forward/list.h"
#include "pe/pe.bpf.h"
#include "scheduler/scheduler.bpf.h"

enum open_constant {
	FTP_DATA_PORT = 20, /* active FTP's data connections are never scheduled */
	FIRST_TIMEOUT_SEC = 3,
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

/* Fill in the second record of a two-way connection, to be published after the first. */
static __always_inline void write_reply(const struct xlvs_packet *pkt, struct xlvs_conn *reply,
					__u32 dest_index, __u16 gateway)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();

	if (!runtime)
		return;
	reply->gateway = gateway;
	reply->meta = XLVS_META_REPLY | (pkt->meta & XLVS_META_METHOD) |
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

/* Fill in and publish the records of a connection: `index`, and `partner`, XLVS_NONE without. */
static __noinline int open_record(struct xlvs_packet *pkt, __u32 dest_index, __u32 index,
				  __u32 partner, __u16 gateway)
{
	struct xlvs_conn *conn = xlvs_conn_at(index), *reply = xlvs_conn_at(partner);
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_dest *dest = xlvs_dest_at(dest_index);

	if (!runtime || !dest || !conn)
		return -XLVS_DROP_INTERNAL;
	if (pkt->meta & XLVS_META_CONTROLLED)
		xlvs_control_join(index, pkt->template);
	if (reply) {
		write_reply(pkt, reply, dest_index, gateway);
		reply->partner = index;
		note_ends(reply, conn);
		note_ends(conn, reply);
	}
	conn->dest = dest_index;
	conn->partner = partner;
	conn->deadline = pkt->now + FIRST_TIMEOUT_SEC * xlvs_constants.ticks_per_sec;
	__sync_fetch_and_add(&dest->inactive, 1);
	__sync_fetch_and_add(&dest->conns, 1);
	xlvs_dest_bound(dest);
	__sync_fetch_and_add(&runtime->unproven, 1);
	pkt->turn = ((conn->meta >> XLVS_META_TURN_SHIFT) + 1) & XLVS_META_TURN;
	conn->meta = pkt->meta | pkt->turn << XLVS_META_TURN_SHIFT | XLVS_META_INACTIVE |
		     (reply ? 0 : XLVS_META_NOOUTPUT);
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
	int index;

	if (!runtime)
		return -XLVS_DROP_INTERNAL;
	index = claim_record(pkt, over, runtime);
	if (index < 0)
		return index;
	conn = xlvs_conn_at(index);
	if (!conn)
		return -XLVS_DROP_INTERNAL;
	conn->dest = XLVS_NONE;
	conn->partner = XLVS_NONE;
	conn->deadline = pkt->now + FIRST_TIMEOUT_SEC * xlvs_constants.ticks_per_sec;
	__sync_fetch_and_add(&runtime->unproven, 1);
	pkt->turn = ((conn->meta >> XLVS_META_TURN_SHIFT) + 1) & XLVS_META_TURN;
	conn->meta = pkt->turn << XLVS_META_TURN_SHIFT |
		     XLVS_FORWARD_BYPASS << XLVS_META_METHOD_SHIFT | XLVS_META_INACTIVE |
		     XLVS_META_REPLIED;
	xlvs_conn_publish(conn);
	return index;
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

/* Claim the records of a connection, and open it. One call after the other: the stack of all this
 * together is more than Linux 6.1 allows. */
static __always_inline int open_connection(struct xdp_md *ctx, struct xlvs_packet *pkt,
					   __u32 dest_index, __u32 over, __u32 slot)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_dest *dest = xlvs_dest_at(dest_index);
	int index, method, r;
	__u32 partner = XLVS_NONE;
	struct xlvs_conn *conn;
	__u16 gateway = 0;

	if (!runtime || !dest)
		return -XLVS_DROP_INTERNAL;
	method = method_of(dest, pkt);
	if (method < 0)
		return method;
	if (xlvs_is_two_way(method))
		gateway = gateway_to_client(ctx, &pkt->tuple);
	index = claim_record(pkt, over, runtime);
	if (index < 0)
		return index;
	if (xlvs_is_two_way(method)) {
		r = method == XLVS_FORWARD_nat ? claim_reply(pkt, dest_index)
					       : xlvs_port_claim(pkt, dest_index, slot);
		if (r < 0) {
			conn = xlvs_conn_at(index);
			if (conn)
				xlvs_conn_abandon(conn);
			return r;
		}
		partner = r;
	}
	pkt->meta |= method << XLVS_META_METHOD_SHIFT;
	if (xlvs_is_fullnat(method) && dest->toa_kind && pkt->tuple.protocol == IPPROTO_TCP)
		pkt->meta |= XLVS_META_TELLING;
	return open_record(pkt, dest_index, index, partner, gateway);
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
 * is dropped (drop_packet). Called, for the stack of xlvs_open is full. */
static __noinline int admit(const struct xlvs_packet *pkt, __u32 slot)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	__s32 rate;

	if (pkt->tuple.sport == bpf_htons(FTP_DATA_PORT) || slot == XLVS_NONE || !runtime ||
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

/* Slot of the service for a mark: it stands in the table under the mark as an address. */
static __noinline __u32 find_by_mark(__u32 family, __u32 mark)
{
	struct xlvs_tuple tuple = {};

	tuple.family = family;
	tuple.key.v4.daddr = bpf_htonl(mark);
	return xlvs_service_find(&tuple, 0, true);
}

/* A service that is found though the packet's own port has none: FTP's, for the data of its
 * connections, or one for all ports. */
static __noinline __u32 find_wide(struct xlvs_tuple *tuple)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	__u32 slot = XLVS_NONE, port = bpf_ntohs(tuple->dport);
	bool ipv4 = tuple->family == XLVS_AF_INET;

	if (xlvs_lookups & XLVS_LOOKUP_FTP && tuple->protocol == IPPROTO_TCP && runtime &&
	    (port == FTP_DATA_PORT || port >= runtime->unprivileged_port))
		slot = xlvs_service_find(tuple, bpf_htons(XLVS_FTP_PORT), ipv4);
	if (slot == XLVS_NONE && xlvs_lookups & XLVS_LOOKUP_PORT0)
		slot = xlvs_service_find(tuple, 0, ipv4);
	return slot;
}

/* The mark that netfilter gave the packet before it came to the packet path. */
static __always_inline __u32 carried_mark(struct xdp_md *ctx)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	const struct xlvs_mark_source *source;
	void *frame;

	if (!runtime || ctx->ingress_ifindex != runtime->mark_ifindex ||
	    !xlvs_frame(ctx, sizeof(struct ethhdr), &frame))
		return 0;
	source = frame + offsetof(struct ethhdr, h_source);
	return source->prefix == XLVS_MARK_SOURCE ? source->mark : 0;
}

static __always_inline int seek(struct xlvs_packet *pkt, __u32 mark)
{
	__u32 slot;

	if (!mark && xlvs_lookups & XLVS_LOOKUP_MARK)
		mark = xlvs_mark_give(&pkt->tuple);
	if (mark) {
		slot = find_by_mark(pkt->tuple.family, mark);
		if (slot != XLVS_NONE)
			return slot;
	}
	slot = xlvs_service_find(&pkt->tuple, pkt->tuple.dport, pkt->tuple.family == XLVS_AF_INET);
	return slot == XLVS_NONE ? find_wide(&pkt->tuple) : slot;
}

int xlvs_service_seek(struct xdp_md *ctx, struct xlvs_packet *pkt)
{
	return pkt ? seek(pkt, carried_mark(ctx)) : (int)XLVS_NONE;
}

int xlvs_service_seek_marked(struct xlvs_packet *pkt, __u32 mark)
{
	return pkt ? seek(pkt, mark) : (int)XLVS_NONE;
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
	return service->pe && service->flags & XLVS_SVC_PERSISTENT;
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
