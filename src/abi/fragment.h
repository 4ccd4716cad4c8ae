/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams in fragments: what the packet path remembers of the first one for the others, and those
 * it keeps because they came before it. Bounded: the oldest give way. */
#ifndef XLVS_ABI_FRAGMENT_H
#define XLVS_ABI_FRAGMENT_H

#include <linux/types.h>

enum xlvs_fragment_limit {
	XLVS_FRAGMENTS_MAX = 8192, /* datagrams under way */
	XLVS_FRAGMENT_SEC = 30, /* as long as a receiver waits for the rest */
	XLVS_HELD_MAX = 1024, /* as much as the kernel's net.ipv4.ipfrag_high_thresh: 4 MB */
	XLVS_HELD_PER_DATAGRAM = 64,
	XLVS_HELD_BYTES = 4080, /* of a frame */
};

/* Which fragments belong together: RFC 791, RFC 8200 section 4.5. */
struct xlvs_fragment_key {
	__be32 saddr[4]; /* IPv4 in the first, the others zero */
	__be32 daddr[4];
	__u32 id; /* as it stands in the packet */
	__u8 protocol; /* IPv4 alone: in IPv6 only the first fragment tells */
	__u8 family;
	__u16 unused;
};

_Static_assert(sizeof(struct xlvs_fragment_key) == 40, "no padding in a key");

/* What becomes of a datagram. */
enum xlvs_fragment_fate {
	XLVS_FATE_FOREIGN, /* none of ours */
	XLVS_FATE_REQUEST,
	XLVS_FATE_REPLY,
	XLVS_FATE_DROPPED, /* as its first fragment was */
};

/* Instead of the newest of the fragments that were kept: there are no more to come, for the first
 * one has been seen. */
#define XLVS_HELD_CLOSED 0xffffffffU

struct xlvs_fragments {
	__u64 signature; /* of the key: the kernel may have given the place to another datagram */
	__u32 held; /* serial of the newest that is kept, 0 none, or XLVS_HELD_CLOSED */
	__u32 n_held;
	__u32 deadline; /* tick */
	/* Of the first fragment, from when `held` is closed: */
	__u32 ports;
	__u32 dest; /* of a request */
	__u32 meta; /* of a request: its connection's */
	__u16 first_bytes; /* of its payload */
	__u8 protocol;
	__u8 fate; /* enum xlvs_fragment_fate */
	/* Of all that were sent on: */
	__u32 seen_bytes;
	__u32 end_bytes; /* of the whole, 0 unknown */
	__u32 unused;
};

_Static_assert(sizeof(struct xlvs_fragments) == 48, "padding would be compared");

/* A frame that is kept. Serials count all that ever were; number n is in element n % XLVS_HELD_MAX
 * until another one takes that. */
struct xlvs_held {
	__u32 serial; /* 0: being written */
	__u32 next; /* serial of the one kept before, of the same datagram; 0 none */
	__u32 bytes;
	__u32 unused;
	__u8 frame[XLVS_HELD_BYTES];
};

_Static_assert(sizeof(struct xlvs_held) == 4096, "a page each");

#endif
