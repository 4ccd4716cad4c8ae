/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sending a packet by the detour, where detour.bpf.c finishes it (abi/detour.h). */
#ifndef XLVS_DATAPATH_DETOUR_BPF_H
#define XLVS_DATAPATH_DETOUR_BPF_H

#include "datapath/connection.bpf.h"
#include "datapath/packet.bpf.h"

static __always_inline void xlvs_detour_write_macs(__u32 *macs, __u32 table, __u32 number)
{
	macs[0] = XLVS_DETOUR_PREFIX | number << 16;
	macs[1] = number >> 16 | (__u32)XLVS_DETOUR_PREFIX << 16;
	macs[2] = table;
}

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

#endif
