/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services, and new connections: from a packet without a record to a record. */
#ifndef XLVS_DATAPATH_SERVICE_BPF_H
#define XLVS_DATAPATH_SERVICE_BPF_H

#include <linux/in.h>

#include "abi/hash.h"
#include "datapath/connection.bpf.h"
#include "datapath/packet.bpf.h"

/* A packet that asks for a connection: TCP's SYN, SCTP's INIT, any datagram. */
static __always_inline bool xlvs_is_first(const struct xlvs_packet *pkt)
{
	switch (pkt->tuple.protocol) {
	case IPPROTO_TCP:
		return pkt->tcp_flags & XLVS_TCP_SYN;
	case IPPROTO_SCTP:
		return pkt->sctp_chunk == XLVS_SCTP_CHUNK_INIT;
	default:
		return true;
	}
}

static __always_inline bool xlvs_service_is_for(const struct xlvs_service *service,
						const __be32 *address, __be16 port,
						const struct xlvs_tuple *tuple)
{
	return service->state == XLVS_SLOT_LIVE && service->address[0] == address[0] &&
	       service->port == port && service->protocol == tuple->protocol &&
	       service->family == tuple->family && service->address[1] == address[1] &&
	       service->address[2] == address[2] && service->address[3] == address[3];
}

/* Slot of the service for a packet's address and `port`, XLVS_NONE without. Inlined into the fast
 * path, for this is where a packet that is none of ours leaves it. */
static __always_inline __u32 xlvs_service_find(const struct xlvs_tuple *tuple, __be16 port,
					       bool ipv4)
{
	__be32 address[4] = {};
	__u32 slot;

	if (ipv4)
		address[0] = tuple->key.v4.daddr;
	else
		__builtin_memcpy(address, tuple->key.v6.daddr, sizeof(address));
	slot = xlvs_hash_service(xlvs_constants.seed, address, port, tuple->kind,
				 XLVS_SERVICE_SLOTS);
	for (__u32 i = 0; i < XLVS_SERVICE_PROBES; i++) {
		__u32 index = (slot + i) % XLVS_SERVICE_SLOTS;
		const struct xlvs_service *service = bpf_map_lookup_elem(&xlvs_services, &index);

		if (!service || service->state == XLVS_SLOT_EMPTY)
			break;
		if (xlvs_service_is_for(service, address, port, tuple))
			return index;
	}
	return XLVS_NONE;
}

/* The same where more than the exact address counts, in IPVS's order: first a service for the
 * packet's firewall mark, then one for its address and port, then FTP's, for the data of its
 * connections, then one for all ports of its address. */
int xlvs_service_seek(struct xdp_md *ctx, struct xlvs_packet *pkt);
/* The same for a packet with netfilter's `mark`, 0 without. */
int xlvs_service_seek_marked(struct xlvs_packet *pkt, __u32 mark);

static __always_inline __u32 xlvs_service_of(struct xdp_md *ctx, struct xlvs_packet *pkt, bool ipv4)
{
	if (xlvs_lookups)
		return xlvs_service_seek(ctx, pkt);
	return xlvs_service_find(&pkt->tuple, pkt->tuple.dport, ipv4);
}

#endif
