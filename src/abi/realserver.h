/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `xlvs rs` tells the decapsulation program of a real server, and what it counts. An IPv4
 * address is written as IPv6 does, ::ffff:a.b.c.d. */
#ifndef XLVS_ABI_REALSERVER_H
#define XLVS_ABI_REALSERVER_H

#include <linux/types.h>

enum xlvs_rs_limit {
	XLVS_RS_VIPS_MAX = 4096,
	XLVS_RS_SOURCES_MAX = 65536,
	XLVS_RS_LOCALS_MAX = 4096,
};

/* Key of xlvs_rs_vips and xlvs_rs_locals. */
struct xlvs_rs_address {
	__be32 word[4];
};

/* Value of xlvs_rs_vips: one of these, and above it the port that GUE comes to, in host order. */
enum xlvs_rs_accept {
	XLVS_RS_ACCEPT_ANY = 1, /* from every director */
	XLVS_RS_ACCEPT_LISTED = 2, /* from those in xlvs_rs_sources */
	XLVS_RS_ACCEPT_MASK = 0xff,
	XLVS_RS_ACCEPT_PORT_SHIFT = 16,
};

/* Key of xlvs_rs_sources: packets for `vip` may come in a tunnel from `director`. */
struct xlvs_rs_source {
	struct xlvs_rs_address vip;
	struct xlvs_rs_address director;
};

/* X(symbol, name, what it means): counted by the program, one counter per CPU. */
#define XLVS_RS_COUNTS(X)                                                                     \
	X(DECAPSULATED, "decapsulated", "tunnel header taken off")                            \
	X(WRONG_SOURCE, "wrong_source", "left as it was: the outer source is not a director") \
	X(MALFORMED, "malformed", "left as it was: the headers contradict each other")        \
	X(CONGESTION, "congestion",                                                           \
	  "dropped: congestion was met that the sender cannot be told of")                    \
	X(BAD_CHECKSUM, "bad_checksum", "dropped: the checksum of GUE or GRE is wrong")

enum xlvs_rs_count {
#define XLVS_RS_COUNT_ENUM(symbol, name, text) XLVS_RS_##symbol,
	XLVS_RS_COUNTS(XLVS_RS_COUNT_ENUM)
#undef XLVS_RS_COUNT_ENUM
	XLVS_RS_COUNTS_END
};

#endif
