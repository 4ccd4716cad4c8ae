/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a packet was not forwarded, and what else is worth counting: a stage of the packet path
 * returns a non-negative answer or a negative reason. The number is the index of its counter (one
 * per CPU) and the name is what `xlvs drops` prints, so the order is ABI: append only. */
#ifndef XLVS_ABI_REASON_H
#define XLVS_ABI_REASON_H

/* X(symbol, name, what it means): the packet is dropped. */
#define XLVS_DROPS(X)                                                                            \
	X(NO_DEST, "no_destination", "no destination of the service is available")               \
	X(DEST_REMOVED, "destination_removed", "the connection's destination was deleted")       \
	X(TTL_EXCEEDED, "ttl_exceeded", "the packet's TTL or hop limit is used up")              \
	X(TOO_BIG, "too_big", "larger than the MTU on the way to the destination")               \
	X(NO_ROUTE, "no_route", "no route to the destination or the client")                     \
	X(NO_NEIGHBOUR, "no_neighbour", "the next hop's MAC address is not known yet")           \
	X(TABLE_FULL, "table_full", "no room in the connection table")                           \
	X(INSERT_RACE, "insert_race", "two CPUs opened the same connection at once")             \
	X(NO_HEADROOM, "no_headroom", "the driver left no room for a tunnel header")             \
	X(INTERNAL, "internal", "an index out of its table; please report")                      \
	X(ICMP_CHECKSUM, "icmp_checksum", "an ICMP error whose checksum is wrong")               \
	X(FRAGMENT_TINY, "fragment_tiny", "a first fragment without the whole transport header") \
	X(FRAGMENT_OVERLAP, "fragment_overlap", "a fragment that would overwrite the first one") \
	X(FRAGMENT_LOST, "fragment_lost", "the first fragment was dropped, or is too late")      \
	X(CHOSEN, "drop_packet", "a new connection, chosen by the setting drop_packet")          \
	X(PORTS_EXHAUSTED, "ports_exhausted", "no local port is free towards the server")        \
	X(NO_SESSION, "no_session", "no session for the persistence engine (SIP: no Call-ID)")   \
	X(OTHER_FAMILY, "other_family", "what is not translated between address families")

/* X(symbol, name, what it means): counted, the packet goes on or there is none. */
#define XLVS_EVENTS(X)                                                                        \
	X(HASHED, "served_by_hash", "forwarded without a record because the table was full")  \
	X(DISPLACED, "displaced", "an unproven connection gave way to a new one")             \
	X(INSERT_FAILED, "insert_failed", "a new connection found no free record")            \
	X(GATEWAYS_FULL, "gateways_full", "a next hop was looked up but could not be cached") \
	X(NEIGHBOUR_WANTED, "neighbour_wanted", "the daemon was asked to resolve a next hop") \
	X(ICMP_SENT, "icmp_sent", "the sender of a dropped packet was told by ICMP")          \
	X(FRAGMENT_HELD, "fragment_held", "a fragment was kept until its first one comes")    \
	X(PORTS_SCARCE, "ports_scarce", "a free local port took many tries to find")          \
	X(TOA_NO_ROOM, "toa_no_room", "too big for the link with the client's address in it")

enum xlvs_reason {
	XLVS_PASS = 0, /* not ours: to the host's own stack, not counted */
#define XLVS_REASON_ENUM(symbol, name, text) XLVS_DROP_##symbol,
	XLVS_DROPS(XLVS_REASON_ENUM)
#undef XLVS_REASON_ENUM
	XLVS_DROPS_END,
	XLVS_EVENTS_BEFORE = XLVS_DROPS_END - 1,
#define XLVS_REASON_ENUM(symbol, name, text) XLVS_EVENT_##symbol,
	XLVS_EVENTS(XLVS_REASON_ENUM)
#undef XLVS_REASON_ENUM
	XLVS_REASONS_END,
	XLVS_REASONS_MAX = 64,
};

#endif
