/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Firewall marks given in the packet path: rules, and what they are compiled into.
 *
 * The rules are one array, indexed by number: what they say, and how often. The packet path finds
 * one by an image of them all, a run of consecutive chunks of the array xlvs_chunks: one head, the
 * prefixes in a hash table searched by (family, length, address), and the cells: of each prefix and
 * each protocol the ranges of ports, disjoint and in order, each with the rule that holds there. A
 * published image never changes; any change of a rule builds a new one and replaces
 * xlvs_runtime.marks by one store. */
#ifndef XLVS_ABI_MARK_H
#define XLVS_ABI_MARK_H

#include <linux/types.h>

enum xlvs_mark_limit {
	XLVS_MARK_RULES_MAX = 16384,
	XLVS_MARK_PROBES = 16, /* places a search for a prefix may look at */
	XLVS_MARK_HALVINGS = 16, /* a prefix has fewer than 2^16 cells of one protocol */
	XLVS_MARK_LENGTHS4 = 33,
	XLVS_MARK_LENGTHS6 = 129,
	XLVS_MARK_LENGTHS = XLVS_MARK_LENGTHS4 + XLVS_MARK_LENGTHS6,
	XLVS_MARK_PREFIXES_PER_CHUNK = 8,
	XLVS_MARK_CELLS_PER_CHUNK = 32,
};

/* Which of a prefix's cells a packet is looked up in. */
enum xlvs_mark_kind {
	XLVS_MARK_TCP,
	XLVS_MARK_UDP,
	XLVS_MARK_OTHER, /* protocols that only rules for any of them name */
	XLVS_MARK_KINDS,
};

/* Element of xlvs_marks. */
struct xlvs_mark_rule {
	__u32 mark; /* 0: the element is free */
	__u16 first_port; /* host order */
	__u16 last_port;
	__be32 address[4]; /* IPv4 in the first, the others zero */
	__u8 family;
	__u8 length; /* of the prefix */
	__u8 protocol; /* 0: any */
	__u8 unused;
	__u32 unused2;
	__u64 packets; /* that the rule gave its mark to, counted by the packet path */
	__u64 unused3[3];
};

_Static_assert(sizeof(struct xlvs_mark_rule) == 64, "a rule is one cache line");

struct xlvs_mark_head {
	__u32 magic; /* XLVS_MARK_MAGIC while the run is in use, 0 when free */
	__u32 n_chunks; /* of the whole run, head included */
	__u32 n_prefixes; /* places for them, a power of two; the first chunk follows the head */
	__u32 cells; /* first chunk of cells, relative to the head */
	__u8 n_lengths4; /* how many different lengths there are */
	__u8 n_lengths6;
	__u8 lengths[XLVS_MARK_LENGTHS]; /* longest first; IPv6 from XLVS_MARK_LENGTHS4 on */
};

#define XLVS_MARK_MAGIC 0x786c766dU

struct xlvs_mark_prefix {
	__be32 address[4];
	__u8 family; /* 0: free, a search ends here */
	__u8 length;
	__u16 n_cells[XLVS_MARK_KINDS];
	__u32 first; /* cell; those of one protocol after those of the other */
	__u32 unused;
};

struct xlvs_mark_cell {
	__u16 first_port; /* host order */
	__u16 last_port;
	__u32 rule; /* index in xlvs_marks */
};

/* The source address of frames that bring netfilter's mark with them: see xlvs_runtime's
 * mark_ifindex. A locally administered one. */
struct xlvs_mark_source {
	__u16 prefix; /* XLVS_MARK_SOURCE */
	__u32 mark;
} __attribute__((packed));

#define XLVS_MARK_SOURCE 0x6d02

_Static_assert(sizeof(struct xlvs_mark_source) == 6, "it takes the place of a MAC address");

#endif
