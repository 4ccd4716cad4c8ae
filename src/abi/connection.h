/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One record of the connection table: 64 bytes, one cache line, the key inline.
 *
 * The table is open addressing in one memory-mappable array (doc/decisions/connection-table.md).
 * A connection of a one-way method (DR, TUN) is one record, keyed by the client's packet. A
 * two-way method (NAT, FULLNAT) has a second record, the reply record, keyed by the server's
 * packet; the first one owns state, deadline and accounting, the second what rewriting a reply
 * needs. When a FULLNAT connection ends, its reply record may rest for a while, so that nobody
 * gets its local port: it has no partner then, and is ENDED. */
#ifndef XLVS_ABI_CONNECTION_H
#define XLVS_ABI_CONNECTION_H

#include <linux/types.h>

/* The two low bits of a record's word. */
enum xlvs_life {
	XLVS_LIFE_FREE = 0,
	XLVS_LIFE_LIVE = 1,
	XLVS_LIFE_BUSY = 2, /* claimed, its key not yet written */
	XLVS_LIFE_ZOMBIE = 3, /* ended; another CPU may still hold a pointer to it */
	XLVS_LIFE_MASK = 3,
};

/* word: bits 0-1 life, bits 2-31 signature (of the key's hash), bits 32-63 passes: how many
 * records were placed further on because this one was taken. A search ends at the first record
 * with no passes. */
#define XLVS_WORD_PASS (1ULL << 32)

/* meta: bits 0-4 protocol state, 8-10 forwarding method, 5-15 else flags; bits 16-31 in a reply
 * record the generation of its gateway; in a first record 16-19 more flags, 20-31 its turn: each
 * connection that takes the record over counts on, so that nobody changes its meta for the one
 * before. */
enum xlvs_conn_meta {
	XLVS_META_STATE = 0x1f,
	XLVS_META_INACTIVE = 1 << 5, /* counted in the destination's inactive */
	XLVS_META_CONTROLLED = 1 << 6, /* opened through a template, see xlvs_controls */
	XLVS_META_INVALID = 1 << 7, /* a template: no packet finds it any more */
	XLVS_META_TELLING =
		1 << 7, /* a connection: its server is to be told the client's address */
	XLVS_META_METHOD_SHIFT = 8,
	XLVS_META_METHOD = 7 << 8,
	XLVS_META_REPLY = 1 << 11, /* a reply record */
	XLVS_META_KEEP_PORT = 1 << 12, /* NAT leaves the packet's own destination port */
	XLVS_META_NOOUTPUT = 1 << 13, /* no reply was ever seen: INPUT-ONLY state table */
	XLVS_META_PROVEN = 1 << 14, /* the client was seen to be there */
	XLVS_META_ENDED = 1 << 15, /* no longer live: its counts have been settled */
	XLVS_META_REPLIED = 1 << 16, /* a reply was seen */
	XLVS_META_ENGINE = 1 << 17, /* a template: a persistence engine found it, see pe.h */
	XLVS_META_GENERATION_SHIFT = 16,
	XLVS_META_TURN_SHIFT = 20,
	XLVS_META_TURN = 0xfff, /* after the shift */
};

/* Source and destination as they stand in the packet; IPv4 uses the first eight bytes. */
union xlvs_endpoints {
	struct {
		__be32 saddr;
		__be32 daddr;
	} v4;
	struct {
		__be32 saddr[4];
		__be32 daddr[4];
	} v6;
	__u64 words[4];
};

/* Ports, protocol and family of a flow, by name and as one word, and a fourth 16 bits that are no
 * part of the flow. */
#define XLVS_FLOW_WORD(fourth)                                                 \
	union {                                                                \
		struct {                                                       \
			union {                                                \
				struct {                                       \
					__be16 sport;                          \
					__be16 dport;                          \
				};                                             \
				__u32 ports;                                   \
			};                                                     \
			union {                                                \
				struct {                                       \
					__u8 protocol;                         \
					__u8 family; /* AF_INET or AF_INET6 */ \
				};                                             \
				__u16 kind;                                    \
			};                                                     \
			fourth;                                                \
		};                                                             \
		__u64 flow;                                                    \
	}

struct xlvs_conn {
	__u64 word;
	union {
		union xlvs_endpoints key;
		struct {
			__u64 key4;
			/* What an IPv4 packet's ends become, with a two-way method: the other
			 * record's key turned round. Of IPv6 the other record tells. */
			__be32 to_saddr4;
			__be32 to_daddr4;
			__be16 to_sport4;
			__be16 to_dport4;
			__u16 unused4[6];
		};
	};
	/* The fourth: of a reply record the index in xlvs_gateways plus one, 0 unknown; of a first
	 * record the tick, its low half, in which the deadline was last set. */
	XLVS_FLOW_WORD(union {
		__u16 gateway;
		__u16 refreshed;
	});
	__u32 meta;
	__u32 deadline; /* in ticks; of a reply record: when its first record's was last set, and
			 * while it rests the end of that */
	__u32 dest; /* index in xlvs_dests */
	__u32 partner; /* index of the other record, XLVS_NONE without */
};

_Static_assert(sizeof(struct xlvs_conn) == 64, "a connection is one cache line");

/* A persistence template is a record, too: it names the destination of a client's new connections.
 * Its family has this bit, so that no packet's key is a template's; its key is the client's network
 * with port 0, then the service's address (of a firewall mark: the mark, with protocol 0) and port,
 * 0 when the template is for every port. All 32 bytes of the key count, in its hash, too; the last
 * 16 hide what a persistence engine found (abi/pe.h). One that is INVALID has its signature
 * inverted. */
#define XLVS_FAMILY_TEMPLATE 0x80

enum xlvs_template_state {
	XLVS_TEMPLATE_NONE,
	XLVS_TEMPLATE_ASSURED, /* one of its connections was established */
};

/* What links a connection to its template; element i of xlvs_controls belongs to record i. */
struct xlvs_control {
	__u32 n_controlled; /* of a template: its connections, and packets about to open one */
	union {
		__u32 timeout_ticks; /* of a template */
		__u32 template; /* of a CONTROLLED connection: its template's record */
	};
};

#endif
