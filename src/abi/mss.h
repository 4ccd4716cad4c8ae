/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far the maximum segment size in a TCP handshake is lowered. */
#ifndef XLVS_ABI_MSS_H
#define XLVS_ABI_MSS_H

/* Or the size itself, in bytes, from XLVS_MSS_LEAST to XLVS_MSS_MOST. */
enum xlvs_mss {
	XLVS_MSS_UNCHANGED = 0,
	XLVS_MSS_FITS = 1, /* what fits on the way to the destination, tunnel included */
	XLVS_MSS_LEAST = 256, /* what is smaller is left alone */
	XLVS_MSS_MOST = 65495, /* in an IPv4 packet */
};

#endif
