// SPDX-License-Identifier: GPL-2.0-or-later
#include "packet_read.h"

#include "packet.h"

/* RFC 791. */
static bool read_ipv4(const uint8_t *ip, size_t bytes, struct packet_facts *facts)
{
	size_t header_bytes, total_bytes;

	if (bytes < 20 || ip[0] >> 4 != 4)
		return false;
	header_bytes = (ip[0] & 0x0f) * 4U;
	total_bytes = packet_get16(ip + 2);
	if (header_bytes < 20 || total_bytes < header_bytes || total_bytes > bytes)
		return false;
	if (packet_get16(ip + 6) & 0x3fff) /* more fragments, or not the first */
		return false;
	facts->family = 4;
	facts->ttl = ip[8];
	facts->protocol = ip[9];
	facts->address_bytes = 4;
	facts->from_at = ETHERNET_BYTES + 12;
	facts->transport_at = ETHERNET_BYTES + header_bytes;
	facts->end_at = ETHERNET_BYTES + total_bytes;
	return true;
}

/* RFC 8200. */
static bool read_ipv6(const uint8_t *ip, size_t bytes, struct packet_facts *facts)
{
	if (bytes < 40 || ip[0] >> 4 != 6 || 40U + packet_get16(ip + 4) > bytes)
		return false;
	facts->family = 6;
	facts->protocol = ip[6];
	facts->ttl = ip[7];
	facts->address_bytes = 16;
	facts->from_at = ETHERNET_BYTES + 8;
	facts->transport_at = ETHERNET_BYTES + 40;
	facts->end_at = facts->transport_at + packet_get16(ip + 4);
	return true;
}

/* RFC 9260, section 3; `bytes` are the packet's. */
static uint8_t read_chunk(const uint8_t *sctp, size_t bytes)
{
	size_t length = packet_get16(sctp + 14), next = 12 + (length + 3) / 4 * 4;

	if ((sctp[12] == COOKIE_ECHO || sctp[12] == COOKIE_ACK) && length >= 4 &&
	    next + 4 <= bytes && sctp[next] == ABORT)
		return ABORT;
	return sctp[12];
}

/* RFC 9293, RFC 768. */
static bool read_transport(const uint8_t *data, struct packet_facts *facts)
{
	size_t bytes = facts->end_at - facts->transport_at;
	const uint8_t *l4 = data + facts->transport_at;

	switch (facts->protocol) {
	case PACKET_TCP:
		if (bytes < 20)
			return false;
		facts->tcp_flags = l4[13];
		break;
	case PACKET_UDP:
		if (bytes < 8)
			return false;
		break;
	case PACKET_SCTP:
		if (bytes < 16)
			return false;
		facts->chunk = read_chunk(l4, bytes);
		break;
	default:
		return false;
	}
	facts->sport = packet_get16(l4);
	facts->dport = packet_get16(l4 + 2);
	return true;
}

bool packet_read(const uint8_t *data, size_t bytes, struct packet_facts *ret_facts)
{
	const uint8_t *ip = data + ETHERNET_BYTES;
	bool is_ip;

	*ret_facts = (struct packet_facts){};
	if (bytes < ETHERNET_BYTES || data[0] & 1) /* to a group */
		return false;
	switch (packet_get16(data + 12)) {
	case 0x0800:
		is_ip = read_ipv4(ip, bytes - ETHERNET_BYTES, ret_facts);
		break;
	case 0x86dd:
		is_ip = read_ipv6(ip, bytes - ETHERNET_BYTES, ret_facts);
		break;
	default:
		return false;
	}
	if (!is_ip)
		return false;
	ret_facts->to_at = ret_facts->from_at + ret_facts->address_bytes;
	return read_transport(data, ret_facts);
}
