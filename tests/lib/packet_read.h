/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a frame is, judged by the RFCs alone: shares no code with what it tests. */
#ifndef XLVS_TESTS_PACKET_READ_H
#define XLVS_TESTS_PACKET_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Offsets are from the start of the frame. */
struct packet_facts {
	int family; /* 4 or 6 */
	uint8_t protocol;
	uint8_t ttl;
	uint8_t tcp_flags; /* 0 of UDP */
	uint8_t chunk; /* of SCTP: the first one's type, or that of an ABORT behind its handshake */
	size_t address_bytes;
	size_t from_at;
	size_t to_at;
	size_t transport_at;
	size_t end_at; /* behind the packet; what follows is padding */
	uint16_t sport;
	uint16_t dport;
};

/* Whether the frame is one whole, unfragmented TCP, UDP or SCTP packet to a single host, without an
 * IPv6 extension header: what a director may forward. */
bool packet_read(const uint8_t *data, size_t bytes, struct packet_facts *ret_facts);

#endif
