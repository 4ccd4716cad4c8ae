/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tuple by which a reply is found, for those that claim its record. */
#ifndef XLVS_DATAPATH_REPLY_BPF_H
#define XLVS_DATAPATH_REPLY_BPF_H

#include "abi/hash.h"
#include "datapath/packet.bpf.h"

/* The server's end of it. */
static __always_inline void xlvs_reply_source(const struct xlvs_packet *pkt,
					      const struct xlvs_dest *dest,
					      struct xlvs_tuple *reply)
{
	const struct xlvs_tuple *request = &pkt->tuple;

	reply->protocol = request->protocol;
	reply->family = dest->family;
	reply->sport =
		dest->port && !(pkt->meta & XLVS_META_KEEP_PORT) ? dest->port : request->dport;
	if (dest->family == XLVS_AF_INET)
		reply->key.v4.saddr = dest->address[0];
	else
		__builtin_memcpy(reply->key.v6.saddr, dest->address, sizeof(dest->address));
}

static __always_inline void xlvs_reply_hash(struct xlvs_tuple *reply)
{
	if (reply->family == XLVS_AF_INET)
		reply->hash = xlvs_hash_ipv4(xlvs_constants.seed, reply->key.v4.saddr,
					     reply->key.v4.daddr, reply->ports, reply->kind);
	else
		reply->hash = xlvs_hash_ipv6(xlvs_constants.seed, reply->key.words, reply->ports,
					     reply->kind);
}

#endif
