/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One slot of the service table: open addressing, linear probing from the hash of (family,
 * protocol, address, port), written by the daemon alone. A service for a firewall mark stands there
 * with the mark, in network order, as its address, port 0 and protocol 0. */
#ifndef XLVS_ABI_SERVICE_H
#define XLVS_ABI_SERVICE_H

#include <linux/types.h>

/* Written last when a service appears and first when it goes. */
enum xlvs_slot_state {
	XLVS_SLOT_EMPTY = 0, /* a search ends here */
	XLVS_SLOT_DELETED = 1, /* a search goes on */
	XLVS_SLOT_LIVE = 2,
};

/* IP_VS_SVC_F_* that concern more than the scheduler. */
enum xlvs_service_kind {
	XLVS_SVC_PERSISTENT = 1,
	XLVS_SVC_ONE_PACKET = 4,
};

struct xlvs_service {
	__u32 state; /* enum xlvs_slot_state */
	__u32 fwmark;
	__be32 address[4]; /* IPv4 in the first, the others zero */
	__be16 port;
	__u8 protocol;
	__u8 family;
	__u32 list; /* first chunk of the published scheduling list, XLVS_NONE without */
	__u8 pe; /* enum xlvs_pe_number, also of one that is not persistent */
	__u8 unused1;
	__u16 flags; /* IP_VS_SVC_F_*: one-packet, persistent, scheduler's */
	__u32 timeout_sec; /* of persistence */
	__u32 netmask; /* IPv4: mask; IPv6: prefix length */
	__u32 id; /* the model's number for it */
	__u32 locals; /* first chunk of its local addresses; 0: the director's own, see local.h */
	__u32 unused[3];
};

_Static_assert(sizeof(struct xlvs_service) == 64, "a service is one cache line");

#endif
