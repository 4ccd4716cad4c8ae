/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A destination as the packet path sees it, and the next hops packets leave by.
 *
 * A destination's first cache line is written by the daemon and read by every packet; the second
 * is written when connections open, change activity and end. Its slot stays in use after deletion
 * until its last connection is gone. */
#ifndef XLVS_ABI_DESTINATION_H
#define XLVS_ABI_DESTINATION_H

#include <linux/types.h>

#include "abi/mss.h"
#include "abi/tunnel.h"

enum xlvs_dest_flag {
	XLVS_DEST_USED = 1, /* the slot holds a destination, deleted or not */
	XLVS_DEST_AVAILABLE = 2, /* it is in its service's list */
	XLVS_DEST_LOCAL = 4, /* its address is the director's own */
};

/* What a tunnelled packet begins with, so that the most usual tunnels are told by one byte. */
enum xlvs_dest_outer {
	XLVS_OUTER_SHIM = 0, /* a header of either family, and GUE or GRE behind it */
	XLVS_OUTER_IPV4 = 4, /* and the packet behind it */
	XLVS_OUTER_IPV6 = 6,
};

struct xlvs_dest {
	__be32 address[4]; /* IPv4 in the first, the others zero */
	__be16 port; /* 0: the packet's own port is kept */
	__u8 family;
	__u8 method; /* of new connections: enum xlvs_method of IPVS's numbers */
	__u32 flags; /* enum xlvs_dest_flag; one store makes it (un)available */
	__u32 service; /* id; XLVS_NONE when the service is gone */
	__s32 weight;
	__u32 nexthop; /* index in xlvs_nexthops; 0: ask the routing table */
	__u32 upper_threshold;
	__u32 lower_threshold;
	__u8 tunnel_type; /* enum xlvs_tunnel_type */
	__u8 protocol; /* of its service, to find a deleted one again */
	__be16 tunnel_port;
	__u16 tunnel_flags; /* enum xlvs_tunnel_flag */
	__be16 service_port;
	__s32 last_weight; /* the last that was not 0, or the one it was added with */
	__u32 serial; /* counts the destinations that have had this slot */
	__u8 outer; /* enum xlvs_dest_outer */
	__u8 toa_kind; /* of the TCP option with the client's address, FULLNAT; 0: none */
	__u16 mss; /* enum xlvs_mss */

	__u32 active __attribute__((aligned(64)));
	__u32 inactive;
	__u32 persistent;
	__u32 overloaded; /* over its upper threshold: no scheduler picks it */
	__u64 conns; /* scheduled so far */
	__u32 unused2[10];
};

_Static_assert(sizeof(struct xlvs_dest) == 128, "a destination is two cache lines");

enum xlvs_nexthop_state {
	XLVS_NEXTHOP_FREE = 0,
	XLVS_NEXTHOP_BUSY = 1, /* being written */
	XLVS_NEXTHOP_READY = 2,
};

/* Where a packet leaves and with which MAC addresses. Never changed while in use: a new one is
 * written and the index that names it is replaced.
 * xlvs_nexthops: one per destination, the daemon's. Entry 0 is never used.
 * xlvs_gateways: towards clients, found by the packet path, at most once per generation. */
struct xlvs_nexthop {
	union {
		__u32 state; /* enum xlvs_nexthop_state */
		__u32 held; /* of a ticket: the newest fragment that follows, see fragment.h */
	};
	__u32 ifindex;
	union {
		struct {
			__u8 dmac[6];
			__u8 smac[6];
		};
		__u32 macs[3]; /* both, as a frame begins */
	};
	__u32 mtu_bytes;
	__u32 serial; /* of a ticket */
	__be32 source[4]; /* the director's address on that way: a tunnel's outer source */
	/* The next hop behind a detour (detour.h): ifindex, macs and mtu_bytes lead there. */
	__u32 behind_ifindex; /* 0: no detour */
	__u32 behind_macs[3];
	__u16 behind_mtu_bytes;
	__u16 to_host; /* enum xlvs_detour_host */
};

_Static_assert(sizeof(struct xlvs_nexthop) == 64, "a next hop is one cache line");

/* Traffic of a destination, counted by one CPU: element cpu * XLVS_DESTS_MAX + dest. */
struct xlvs_traffic {
	__u64 in_packets;
	__u64 in_bytes; /* of layer 3 */
	__u64 out_packets;
	__u64 out_bytes;
};

/* What the daemon remembers of counters across its own restarts; the packet path never looks.
 * Each is conns, in packets, in bytes, out packets, out bytes; shown = carried + counted - zeroed.
 */
struct xlvs_ledger {
	__u64 carried[5]; /* of destinations that are gone */
	__u64 zeroed[5]; /* when last zeroed */
};

#endif
