/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The local addresses of a service, which its FULLNAT connections come from: a run of consecutive
 * chunks of the array xlvs_chunks, one head, then ceil(n/16) chunks of addresses, IPv4 first. A
 * published run never changes; any change builds a new one and replaces the service's `locals` by
 * one store. */
#ifndef XLVS_ABI_LOCAL_H
#define XLVS_ABI_LOCAL_H

#include <linux/types.h>

enum xlvs_local_limit {
	XLVS_LOCALS_PER_CHUNK = 16,
	XLVS_LOCALS_MAX = 256, /* of a service */
	XLVS_LOCAL_PORT_FIRST = 1024, /* ports of a local address: from here to the last */
	XLVS_LOCAL_PORT_LAST = 65535,
};

#define XLVS_LOCALS_MAGIC 0x786c6c61U

struct xlvs_locals_head {
	__u32 magic; /* XLVS_LOCALS_MAGIC while the run is in use */
	__u32 n_chunks; /* of the whole run, head included */
	__u32 service; /* id */
	__u32 n_addresses;
	__u32 n_ipv4; /* of them */
};

#endif
