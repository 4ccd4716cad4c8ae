/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `xlvs rs` tells the programs of a real server, and what they count. An IPv4 address is
 * written as IPv6 does, ::ffff:a.b.c.d. */
#ifndef XLVS_ABI_REALSERVER_H
#define XLVS_ABI_REALSERVER_H

#include <linux/types.h>

enum xlvs_rs_limit {
	XLVS_RS_VIPS_MAX = 4096,
	XLVS_RS_SOURCES_MAX = 65536,
	XLVS_RS_LOCALS_MAX = 4096,
	XLVS_RS_SPACES_MAX = 4096,
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

/* X(symbol, name, what it means): accepted connections, counted per network namespace. */
#define XLVS_RS_TOA_COUNTS(X)                                                                   \
	X(TOLD, "client_told", "the client's address is what programs see")                     \
	X(WRONG_SOURCE, "wrong_source", "the option was ignored: its sender is not a director") \
	X(NO_OPTION, "no_option", "from a director, without the option")                        \
	X(WRONG_FAMILY, "wrong_family", "an IPv6 client's, at a socket for IPv4 only")          \
	X(NO_MEMORY, "no_memory", "the kernel had no memory for the client's address")

enum xlvs_rs_toa_count {
#define XLVS_RS_TOA_COUNT_ENUM(symbol, name, text) XLVS_RS_TOA_##symbol,
	XLVS_RS_TOA_COUNTS(XLVS_RS_TOA_COUNT_ENUM)
#undef XLVS_RS_TOA_COUNT_ENUM
	XLVS_RS_TOA_COUNTS_END
};

/* Value of xlvs_rs_spaces, whose key is the network namespace's cookie. */
struct xlvs_rs_space {
	__u8 kind; /* of the TCP option, with an address of either family */
	__u8 kind6; /* another kind that an IPv6 address may come in */
	__u8 unused[6];
	__u64 counts[XLVS_RS_TOA_COUNTS_END]; /* written by the program */
};

/* Key of xlvs_rs_direct: options that come from `director` are believed. */
struct xlvs_rs_director {
	__u64 netns_cookie;
	struct xlvs_rs_address director;
};

/* What xlvs_rs_clients keeps with a socket. */
struct xlvs_rs_client {
	struct xlvs_rs_address address;
	__be16 port;
	__u16 unused;
};

#endif
