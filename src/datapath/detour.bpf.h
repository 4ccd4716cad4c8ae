/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sending a packet by the detour, where detour.bpf.c finishes it (abi/detour.h). */
#ifndef XLVS_DATAPATH_DETOUR_BPF_H
#define XLVS_DATAPATH_DETOUR_BPF_H

#include "datapath/connection.bpf.h"
#include "datapath/packet.bpf.h"

/* A ticket: a next hop for one packet, by the detour to `nexthop`, with the fragments that were
 * kept up to the serial `held` behind it. NULL when no detour is there. */
static __always_inline struct xlvs_nexthop *xlvs_detour_ticket(const struct xlvs_nexthop *nexthop,
							       __u32 held)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_nexthop *ticket;
	__u32 serial, index;

	if (!runtime || !runtime->detour_ifindex)
		return (void *)0;
	serial = __sync_fetch_and_add(&runtime->n_tickets, 1) + 1;
	index = serial % XLVS_DETOURS_MAX;
	ticket = bpf_map_lookup_elem(&xlvs_detours, &index);
	if (!ticket)
		return (void *)0;
	*ticket = *nexthop;
	ticket->held = held;
	ticket->serial = serial;
	if (!nexthop->behind_ifindex) {
		ticket->behind_ifindex = nexthop->ifindex;
		__builtin_memcpy(ticket->behind_macs, nexthop->macs, sizeof(nexthop->macs));
	}
	ticket->behind_mtu_bytes = nexthop->mtu_bytes;
	ticket->to_host = 0;
	ticket->ifindex = runtime->detour_ifindex;
	xlvs_detour_write_macs(ticket->macs, XLVS_DETOUR_TICKET, serial);
	return ticket;
}

/* The next hop `at` number `index` of xlvs_gateways is what it is by the detour. */
static __always_inline void xlvs_detour_gateway(struct xlvs_nexthop *at, __u32 index,
						__u32 detour_ifindex)
{
	at->behind_ifindex = at->ifindex;
	__builtin_memcpy(at->behind_macs, at->macs, sizeof(at->macs));
	at->behind_mtu_bytes = at->mtu_bytes;
	at->ifindex = detour_ifindex;
	xlvs_detour_write_macs(at->macs, XLVS_DETOUR_GATEWAY, index);
}

/* Whether what leaves by an interface has to take the detour: which interface that begins at, or 0.
 */
static __always_inline __u32 xlvs_detour_for(__u32 ifindex)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();

	return runtime && bpf_map_lookup_elem(&xlvs_by_detour, &ifindex) ? runtime->detour_ifindex
									 : 0;
}

#endif
