/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Full translation: a request leaves from a local address and port of the director to the real
 * server's, a reply from the virtual ones to the client's; so a server may be anywhere. What the
 * ends become stands in the connection's records. */
#ifndef XLVS_FORWARD_FULLNAT_BPF_H
#define XLVS_FORWARD_FULLNAT_BPF_H

#include "datapath/connection.bpf.h"
#include "forward/nat.bpf.h"
#include "forward/toa.bpf.h"

/* A packet of the connection or reply record `record`, which is number pkt->record. */
static __always_inline int xlvs_fullnat_send(struct xdp_md *ctx, struct xlvs_packet *pkt,
					     const struct xlvs_conn *record,
					     struct xlvs_nexthop *nexthop, bool ipv4)
{
	struct xlvs_translation to;
	struct xlvs_conn *other;

	if (ipv4) {
		to = (struct xlvs_translation){
			.ends = XLVS_SOURCE | XLVS_DESTINATION,
			.saddr = &record->to_saddr4,
			.daddr = &record->to_daddr4,
			.sport = record->to_sport4,
			.dport = record->to_dport4,
		};
		return xlvs_translate(ctx, pkt, &to, nexthop, true);
	}
	other = xlvs_conn_partner(record, pkt->record);
	if (!other)
		return XLVS_NOT_OURS;
	to = (struct xlvs_translation){
		.ends = XLVS_SOURCE | XLVS_DESTINATION,
		.saddr = other->key.v6.daddr,
		.daddr = other->key.v6.saddr,
		.sport = other->dport,
		.dport = other->sport,
	};
	return xlvs_translate(ctx, pkt, &to, nexthop, false);
}

static __always_inline int xlvs_forward_fullnat(struct xdp_md *ctx, struct xlvs_packet *pkt,
						struct xlvs_dest *dest,
						struct xlvs_nexthop *nexthop, bool ipv4)
{
	struct xlvs_conn *conn = xlvs_conn_at(pkt->record);
	int r;

	if (!conn)
		return xlvs_drop(XLVS_DROP_INTERNAL);
	if (pkt->meta & XLVS_META_TELLING) {
		r = xlvs_toa_request(ctx, pkt, dest, nexthop);
		if (r)
			return r;
	}
	return xlvs_fullnat_send(ctx, pkt, conn, nexthop, ipv4);
}

#endif
