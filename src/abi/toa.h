/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kind of the TCP option that tells a real server the client's address (TOA). */
#ifndef XLVS_ABI_TOA_H
#define XLVS_ABI_TOA_H

#include <stdbool.h>

enum xlvs_toa_kind {
	XLVS_TOA_NONE = 0, /* no option */
	XLVS_TOA_KIND = 254, /* of RFC 4727; what LVS began with and others took over */
	XLVS_TOA_KIND6 = 253, /* what LVS itself sends IPv6 addresses in */
};

/* Kinds that Linux gives a meaning are not to be had. */
static inline bool xlvs_toa_kind_is_free(unsigned long kind)
{
	switch (kind) {
	case 0: /* end */
	case 1: /* padding */
	case 2: /* maximum segment size */
	case 3: /* window scale */
	case 4: /* selective acknowledgements */
	case 5:
	case 8: /* timestamps */
	case 19: /* MD5 */
	case 29: /* TCP-AO */
	case 30: /* MPTCP */
	case 34: /* Fast Open */
		return false;
	default:
		return kind <= 255;
	}
}

#endif
