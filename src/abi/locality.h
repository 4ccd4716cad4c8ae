/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the locality-based schedulers remember: for an address that packets are for, the
 * destinations that serve it. The kernel keeps the least recently used out when there are too many;
 * the packet path alone reads and writes them. */
#ifndef XLVS_ABI_LOCALITY_H
#define XLVS_ABI_LOCALITY_H

#include <linux/types.h>

enum xlvs_locality_limit {
	XLVS_LOCALITIES_MAX = 16384,
	XLVS_LOCALITY_MEMBERS = 30,
};

struct xlvs_locality_key {
	__u64 binding; /* of a scheduler to a service: a new one begins with nothing */
	__be32 address[4]; /* IPv4 in the first, the others zero */
};

struct xlvs_locality_member {
	__u32 dest; /* index in xlvs_dests */
	__u32 serial; /* of the destination that had that index then */
};

struct xlvs_locality {
	__u32 used; /* tick of the last look */
	__u32 changed; /* tick of the last change of members */
	__u32 n_members;
	__u32 unused;
	struct xlvs_locality_member members[XLVS_LOCALITY_MEMBERS]; /* the newest last */
};

_Static_assert(sizeof(struct xlvs_locality_key) == 24, "no padding in a key");
_Static_assert(sizeof(struct xlvs_locality) == 256, "a locality is four cache lines");

#endif
