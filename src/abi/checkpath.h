/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Health checks that reach a real server as forwarded packets do: what the health checks' daemon
 * tells the programs that make them so (checkpath/checkpath.bpf.c). */
#ifndef XLVS_ABI_CHECKPATH_H
#define XLVS_ABI_CHECKPATH_H

#include <linux/types.h>

/* The mark of such a check's socket (SO_MARK): this, and the index of its way. */
#define XLVS_CHECK_MARK 0x78000000u

enum xlvs_check_limit {
	XLVS_CHECK_WAYS_MAX = 65536,
	XLVS_CHECK_FLOWS_MAX = 65536,
};

/* Element of xlvs_check_ways: how packets of a mark travel. */
struct xlvs_check_way {
	__be32 vip[4]; /* IPv4 in the first word, the others zero */
	__u32 tunnel; /* IP in IP, otherwise as they are */
};

#endif
