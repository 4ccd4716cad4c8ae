/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets that XDP cannot finish take a detour: over a veth pair, at whose far end a program sees
 * them as the kernel's own packets and can copy them, cut them and send them by any device. The
 * frame's MAC addresses say which next hop it is for, and that says what is to be done. */
#ifndef XLVS_ABI_DETOUR_H
#define XLVS_ABI_DETOUR_H

#include <linux/types.h>

enum xlvs_detour_limit {
	XLVS_DETOURS_MAX = 4096, /* under way at once */
	XLVS_BY_DETOUR_MAX = 4096, /* interfaces */
	XLVS_DETOUR_MTU_BYTES = 65535,
};

/* In which table the next hop stands. */
enum xlvs_detour_table {
	XLVS_DETOUR_TICKET, /* xlvs_detours: of this packet alone */
	XLVS_DETOUR_NEXTHOP, /* xlvs_nexthops */
	XLVS_DETOUR_GATEWAY, /* xlvs_gateways */
};

/* What goes to the host's stack, as if it came by the interface behind. */
enum xlvs_detour_host {
	XLVS_HOST_NOTHING,
	XLVS_HOST_PACKET, /* fragments that were kept are the packet path's */
	XLVS_HOST_ALL,
};

/* In the place of the two MAC addresses. Both are locally administered. */
struct xlvs_detour_macs {
	__u16 dmac_prefix; /* XLVS_DETOUR_PREFIX */
	__u32 number; /* index; of a ticket the serial: ticket n stands at n % XLVS_DETOURS_MAX */
	__u16 smac_prefix; /* XLVS_DETOUR_PREFIX */
	__u32 table; /* enum xlvs_detour_table */
} __attribute__((packed));

#define XLVS_DETOUR_PREFIX 0x6402

/* The same as three words. */
static inline __attribute__((always_inline)) void xlvs_detour_write_macs(__u32 *macs, __u32 table,
									 __u32 number)
{
	macs[0] = XLVS_DETOUR_PREFIX | number << 16;
	macs[1] = number >> 16 | (__u32)XLVS_DETOUR_PREFIX << 16;
	macs[2] = table;
}

_Static_assert(sizeof(struct xlvs_detour_macs) == 12, "it takes the place of two MAC addresses");

#endif
