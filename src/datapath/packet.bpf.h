/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of the packet at hand: filled in by the parser, read by every stage after it.
 * Offsets travel, packet pointers do not: a stage that touches the packet asks xlvs_frame() for a
 * checked pointer of its own. */
#ifndef XLVS_DATAPATH_PACKET_BPF_H
#define XLVS_DATAPATH_PACKET_BPF_H

#include <linux/if_ether.h>
#include <stdbool.h>
#include <stddef.h>

#include "datapath/maps.bpf.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "headers and keys are put together in little-endian words"
#endif

#define XLVS_AF_INET  2
#define XLVS_AF_INET6 10

/* The identity of a connection as a packet shows it, and the hash it is searched by. */
struct xlvs_tuple {
	union xlvs_endpoints key;
	XLVS_FLOW_WORD(__u16 flags); /* of enum xlvs_tuple_flag */
	__u64 hash;
};

enum xlvs_tuple_flag {
	XLVS_TUPLE_REPLY = 1, /* of a reply record */
	XLVS_TUPLE_FRAGMENT = 2, /* of a fragment */
	XLVS_TUPLE_QUOTED = 4, /* of what an ICMP error quotes, which may open a connection */
};

enum xlvs_tcp_flag {
	XLVS_TCP_FIN = 0x01,
	XLVS_TCP_SYN = 0x02,
	XLVS_TCP_RST = 0x04,
	XLVS_TCP_ACK = 0x10,
	XLVS_TCP_FLAGS = XLVS_TCP_FIN | XLVS_TCP_SYN | XLVS_TCP_RST | XLVS_TCP_ACK,
};

#define XLVS_IPV4_DONT_FRAGMENT 0x4000 /* of an IPv4 header's frag_off */

/* Types of chunks that mean something to others than SCTP's own step. */
enum xlvs_sctp_chunk_type {
	XLVS_SCTP_CHUNK_INIT = 1,
	XLVS_SCTP_CHUNK_ABORT = 6,
	XLVS_SCTP_CHUNK_COOKIE_ECHO = 10,
	XLVS_SCTP_CHUNK_COOKIE_ACK = 11,
};

/* SCTP's common header, and what each chunk behind it begins with (RFC 9260, section 3). */
struct xlvs_sctp {
	union {
		struct {
			__be16 source;
			__be16 dest;
		};
		__u32 ports;
	};
	__be32 tag;
	__u32 sum; /* CRC32c, the one field that is not in network byte order */
};

struct xlvs_sctp_chunk {
	__u8 type;
	__u8 flags;
	__be16 length_bytes;
};

struct xlvs_packet {
	struct xlvs_tuple tuple;
	__u32 now; /* in ticks */
	__u16 length_bytes; /* of layer 3 */
	__u8 l4_offset; /* from the start of the frame; 0: no transport header, a later fragment */
	union {
		__u8 tcp_flags;
		__u8 sctp_chunk; /* type of the one that counts, see parse.bpf.c */
	};
	__u32 turn; /* of its connection's first record, see XLVS_META_TURN_SHIFT */
	__u32 meta; /* its connection's as it leaves; while it opens one, flags that one is to have
		     */
	union {
		__u32 template; /* of the connection it opens, if that is to be CONTROLLED */
		__u32 record; /* as it leaves: what it was found by, XLVS_NONE without */
	};
	__u32 dest; /* of a connection just opened; of a request that is followed, see follow.bpf.h
		     */
};

/* What a stage answers when the packet is none of its business: the host's stack gets it as it
 * came. Every other negative answer is a negative enum xlvs_reason. */
#define XLVS_NOT_OURS (-(int)XLVS_REASONS_MAX)

/* A negative reason as an answer, made where it is needed: otherwise the compiler sets it before
 * each check that might fail, on the path that does not. */
static __always_inline int xlvs_drop(int reason)
{
	int answer = -reason;

	asm volatile("" : "+r"(answer));
	return answer;
}

/* Whether a length is good for a helper, `least` above 1. Two looks at one register: of one that
 * stands for both the verifier of Linux 6.1 learns nothing. */
static __always_inline bool xlvs_is_within(__u32 *length, __u32 least, __u32 most)
{
	asm volatile("" : "+r"(*length));
	if (*length < least)
		return false;
	asm volatile("" : "+r"(*length));
	return *length <= most;
}

/* The frame, when its first `size` bytes are readable. */
static __always_inline bool xlvs_frame(struct xdp_md *ctx, __u32 size, void **ret_frame)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	if (data + size > end)
		return false;
	*ret_frame = data;
	return true;
}

#endif
