/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole frames for tests: a packet in words becomes bytes, a tunnel goes around it, checksums are
 * judged, two frames are shown side by side. Written from the RFCs alone: shares no code with what
 * it tests. */
#ifndef XLVS_TESTS_PACKET_H
#define XLVS_TESTS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum packet_limit {
	FRAME_MAX = 3072,
	ETHERNET_BYTES = 14,
	OPTION_BYTES_MAX = 40,
};

enum packet_protocol {
	PACKET_TCP = 6,
	PACKET_UDP = 17,
	PACKET_GRE = 47,
	PACKET_SCTP = 132,
};

enum packet_tcp_flag {
	FIN = 0x01,
	SYN = 0x02,
	RST = 0x04,
	PSH = 0x08,
	ACK = 0x10,
};

enum packet_chunk {
	DATA = 0,
	INIT = 1,
	INIT_ACK = 2,
	SACK = 3,
	ABORT = 6,
	SHUTDOWN = 7,
	SHUTDOWN_ACK = 8,
	CHUNK_ERROR = 9,
	COOKIE_ECHO = 10,
	COOKIE_ACK = 11,
	SHUTDOWN_COMPLETE = 14,
};

enum packet_fragment {
	DONT_FRAGMENT = 0x4000,
	MORE_FRAGMENTS = 0x2000,
};

struct frame {
	size_t bytes;
	uint8_t data[FRAME_MAX];
};

/* What is zero here is zero in the packet, but for lengths and checksums, which are right. */
struct packet {
	uint8_t dmac[6];
	uint8_t smac[6];
	int family; /* 4 or 6 */
	uint8_t protocol;
	uint8_t ttl;
	uint8_t tos;
	uint16_t id; /* IPv4 */
	uint16_t fragment; /* IPv4: flags and offset */
	uint16_t option_bytes; /* IPv4: a multiple of 4 */
	const char *from;
	const char *to;
	uint16_t sport;
	uint16_t dport;
	uint8_t tcp_flags;
	uint8_t tcp_option_bytes; /* a multiple of 4 */
	uint8_t tcp_options[OPTION_BYTES_MAX];
	uint8_t chunk; /* SCTP: type of the one that holds the payload */
	uint8_t next_chunk; /* SCTP: of an empty one behind it, 0: there is none */
	bool no_checksum; /* UDP, GRE, SCTP */
	uint16_t payload_bytes;
	uint16_t padding_bytes; /* behind the packet, as Ethernet pads short ones */
};

void packet_build(const struct packet *packet, struct frame *ret_frame);

/* An IP packet around that of `inner`: MACs, family, addresses, ttl, tos, id and fragment are
 * those of `outer`, whose protocol says how: 0 IP in IP; PACKET_GRE and PACKET_UDP (GUE) with or
 * without checksum, GUE from sport to dport. The rest of it is not looked at. */
void packet_wrap(const struct packet *outer, const struct frame *inner, struct frame *ret_frame);

/* An ICMP or ICMPv6 error from `outer` (MACs, family, addresses, ttl, tos, id) about the packet of
 * `quoted`, of which as much stands in it as RFC 1812 and RFC 4443 have it: 576 or 1280 bytes in
 * all. `mtu` is that of "too big", else 0. */
struct packet_error {
	uint8_t type;
	uint8_t code;
	uint16_t mtu;
	uint16_t quote_bytes; /* 0: as many as there may be */
};
void packet_tell(const struct packet *outer, const struct packet_error *error,
		 const struct frame *quoted, struct frame *ret_frame);

/* Write the checksums of IPv4 header and TCP, UDP or SCTP anew, after bytes were changed. The
 * headers must be whole. A UDP datagram gets one even if it had none. */
void packet_seal(struct frame *frame);

/* Whether every checksum is right: IPv4 headers, and TCP, UDP or SCTP where the frame holds all of
 * it; in a tunnel the inner ones as well. A UDP or SCTP checksum of 0 is right. */
bool packet_sums_right(const struct frame *frame);

/* Both frames on stderr, differing bytes marked. */
void packet_print_difference(const struct frame *wanted, const struct frame *got);

uint16_t packet_get16(const uint8_t *at);
void packet_put16(uint8_t *at, uint16_t value);

#endif
