/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands between a tunnel's outer header and the packet inside: the numbers of the kernel's
 * <linux/ip_vs.h>, which go over the wire and into the maps. */
#ifndef XLVS_ABI_TUNNEL_H
#define XLVS_ABI_TUNNEL_H

enum xlvs_tunnel_type {
	XLVS_TUNNEL_IPIP = 0, /* nothing */
	XLVS_TUNNEL_GUE = 1, /* UDP and Generic UDP Encapsulation */
	XLVS_TUNNEL_GRE = 2,
};

enum xlvs_tunnel_flag {
	XLVS_TUNNEL_CSUM = 1, /* over all that follows it, the packet inside as well */
	XLVS_TUNNEL_REMCSUM = 2, /* GUE: of half-made checksums the receiver makes the rest */
};

#endif
