// SPDX-License-Identifier: GPL-2.0-or-later
#include "packet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	IPV4_BYTES = 20,
	IPV6_BYTES = 40,
	TCP_BYTES = 20,
	UDP_BYTES = 8,
	SCTP_BYTES = 12,
	CHUNK_BYTES = 4,
	GUE_BYTES = 4,
	GRE_BYTES = 4,
	GRE_SUM_BYTES = 4,
	IN_IPV4 = 4, /* protocol numbers of tunnels */
	IN_IPV6 = 41,
	TUNNELS_MAX = 2,
	ICMP = 1,
	ICMPV6 = 58,
	ICMP_BYTES = 8,
	TOLD_BYTES_IPV4 = 576,
	TOLD_BYTES_IPV6 = 1280,
	ROW_BYTES = 16,
	HEADERS_BYTES = 96, /* of these all rows are shown, of the rest those that differ */
};

uint16_t packet_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

void packet_put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Of 16-bit words; an odd last byte counts as if a zero followed. */
static uint32_t sum(const uint8_t *data, size_t bytes)
{
	uint32_t total = 0;

	for (size_t i = 0; i < bytes; i++)
		total += i % 2 ? data[i] : (uint32_t)data[i] << 8;
	return total;
}

static uint16_t fold(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)total;
}

static bool is_ipv4(const uint8_t *ip)
{
	return ip[0] >> 4 == 4;
}

static size_t header_bytes(const uint8_t *ip)
{
	return is_ipv4(ip) ? (ip[0] & 15) * 4U : IPV6_BYTES;
}

static size_t length_bytes(const uint8_t *ip)
{
	return is_ipv4(ip) ? packet_get16(ip + 2) : IPV6_BYTES + packet_get16(ip + 4);
}

static uint8_t protocol_of(const uint8_t *ip)
{
	return is_ipv4(ip) ? ip[9] : ip[6];
}

/* Of the transport segment and its pseudo header: 0xffff when its checksum is right. */
static uint16_t segment_sum(const uint8_t *ip)
{
	size_t bytes = length_bytes(ip) - header_bytes(ip);
	uint32_t total = sum(ip + header_bytes(ip), bytes);

	total += is_ipv4(ip) ? sum(ip + 12, 8) : sum(ip + 8, 32);
	return fold(total + protocol_of(ip) + (uint32_t)bytes);
}

/* CRC32c as RFC 9260, appendix A, has it, bit by bit; the field itself counts as zero. */
static uint32_t sctp_sum(const uint8_t *sctp, size_t bytes)
{
	uint32_t crc = ~0U;

	for (size_t i = 0; i < bytes; i++) {
		crc ^= i >= 8 && i < SCTP_BYTES ? 0 : sctp[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	return ~crc;
}

static uint32_t sctp_sum_of(const uint8_t *ip)
{
	return sctp_sum(ip + header_bytes(ip), length_bytes(ip) - header_bytes(ip));
}

static uint8_t *checksum_of_segment(uint8_t *ip)
{
	return ip + header_bytes(ip) + (protocol_of(ip) == PACKET_TCP ? 16 : 6);
}

static void seal_header(uint8_t *ip)
{
	if (!is_ipv4(ip))
		return;
	packet_put16(ip + 10, 0);
	packet_put16(ip + 10, (uint16_t)~fold(sum(ip, header_bytes(ip))));
}

static void seal_segment(uint8_t *ip)
{
	uint8_t *check = checksum_of_segment(ip);
	uint32_t crc;

	if (protocol_of(ip) == PACKET_SCTP) {
		crc = sctp_sum_of(ip);
		memcpy(ip + header_bytes(ip) + 8, &crc, sizeof(crc)); /* low byte first */
		return;
	}
	packet_put16(check, 0);
	packet_put16(check, (uint16_t)~segment_sum(ip));
	if (protocol_of(ip) == PACKET_UDP && !packet_get16(check))
		packet_put16(check, 0xffff);
}

void packet_seal(struct frame *frame)
{
	seal_header(frame->data + ETHERNET_BYTES);
	seal_segment(frame->data + ETHERNET_BYTES);
}

static void put_link(struct frame *frame, const struct packet *packet)
{
	memcpy(frame->data, packet->dmac, sizeof(packet->dmac));
	memcpy(frame->data + 6, packet->smac, sizeof(packet->smac));
	packet_put16(frame->data + 12, packet->family == 4 ? 0x0800 : 0x86dd);
}

static void put_addresses(uint8_t *at, const struct packet *packet)
{
	int af = packet->family == 4 ? AF_INET : AF_INET6;
	size_t bytes = packet->family == 4 ? 4 : 16;

	if (inet_pton(af, packet->from, at) != 1 || inet_pton(af, packet->to, at + bytes) != 1) {
		fprintf(stderr, "no address of IPv%d: %s or %s\n", packet->family, packet->from,
			packet->to);
		abort();
	}
}

/* An IP header for `payload` bytes of `protocol`; returns its length. */
static size_t put_ip(uint8_t *ip, const struct packet *packet, uint8_t protocol, size_t payload)
{
	if (packet->family == 6) {
		ip[0] = (uint8_t)(0x60 | packet->tos >> 4);
		ip[1] = (uint8_t)(packet->tos << 4);
		packet_put16(ip + 4, (uint16_t)payload);
		ip[6] = protocol;
		ip[7] = packet->ttl;
		put_addresses(ip + 8, packet);
		return IPV6_BYTES;
	}
	ip[0] = (uint8_t)(0x40 | (IPV4_BYTES + packet->option_bytes) / 4);
	ip[1] = packet->tos;
	packet_put16(ip + 2, (uint16_t)(IPV4_BYTES + packet->option_bytes + payload));
	packet_put16(ip + 4, packet->id);
	packet_put16(ip + 6, packet->fragment);
	ip[8] = packet->ttl;
	ip[9] = protocol;
	put_addresses(ip + 12, packet);
	memset(ip + IPV4_BYTES, 1, packet->option_bytes); /* no operation */
	seal_header(ip);
	return header_bytes(ip);
}

static size_t transport_bytes(uint8_t protocol)
{
	switch (protocol) {
	case PACKET_UDP:
		return UDP_BYTES;
	case PACKET_SCTP:
		return SCTP_BYTES + CHUNK_BYTES;
	default:
		return TCP_BYTES;
	}
}

/* Where an SCTP packet's second chunk begins, from its start. */
static size_t next_chunk_at(const struct packet *packet)
{
	return SCTP_BYTES + CHUNK_BYTES + (packet->payload_bytes + 3U) / 4 * 4;
}

static size_t segment_bytes(const struct packet *packet)
{
	if (packet->protocol == PACKET_SCTP && packet->next_chunk)
		return next_chunk_at(packet) + CHUNK_BYTES;
	return transport_bytes(packet->protocol) + packet->tcp_option_bytes + packet->payload_bytes;
}

static void put_sctp(uint8_t *l4, const struct packet *packet)
{
	l4[4] = 0x5c; /* verification tag */
	l4[SCTP_BYTES] = packet->chunk;
	packet_put16(l4 + SCTP_BYTES + 2, (uint16_t)(CHUNK_BYTES + packet->payload_bytes));
	if (!packet->next_chunk)
		return;
	l4[next_chunk_at(packet)] = packet->next_chunk;
	packet_put16(l4 + next_chunk_at(packet) + 2, CHUNK_BYTES);
}

/* A transport header before `packet->payload_bytes`. */
static void put_transport(uint8_t *l4, const struct packet *packet)
{
	packet_put16(l4, packet->sport);
	packet_put16(l4 + 2, packet->dport);
	if (packet->protocol == PACKET_SCTP) {
		put_sctp(l4, packet);
		return;
	}
	if (packet->protocol == PACKET_UDP) {
		packet_put16(l4 + 4, (uint16_t)(UDP_BYTES + packet->payload_bytes));
		return;
	}
	l4[7] = 1; /* sequence */
	l4[11] = packet->tcp_flags & ACK ? 7 : 0; /* acknowledgement */
	l4[12] = (uint8_t)((TCP_BYTES + packet->tcp_option_bytes) / 4 << 4);
	l4[13] = packet->tcp_flags;
	packet_put16(l4 + 14, 0xfff0);
	memcpy(l4 + TCP_BYTES, packet->tcp_options, packet->tcp_option_bytes);
}

void packet_build(const struct packet *packet, struct frame *ret_frame)
{
	size_t l4_bytes = transport_bytes(packet->protocol) + packet->tcp_option_bytes;
	uint8_t *ip = ret_frame->data + ETHERNET_BYTES, *l4;

	*ret_frame = (struct frame){.bytes = ETHERNET_BYTES};
	put_link(ret_frame, packet);
	l4 = ip + put_ip(ip, packet, packet->protocol, segment_bytes(packet));
	put_transport(l4, packet);
	for (size_t i = 0; i < packet->payload_bytes; i++)
		l4[l4_bytes + i] = (uint8_t)(0x61 + i * 7);
	if (packet->protocol == PACKET_TCP || !packet->no_checksum)
		seal_segment(ip);
	ret_frame->bytes += length_bytes(ip);
	memset(ret_frame->data + ret_frame->bytes, 0xee, packet->padding_bytes);
	ret_frame->bytes += packet->padding_bytes;
}

/* What stands between an outer header and the packet at `inner`. */
static size_t shim_bytes(const struct packet *outer)
{
	if (outer->protocol == PACKET_UDP)
		return UDP_BYTES + GUE_BYTES;
	if (outer->protocol == PACKET_GRE)
		return GRE_BYTES + (outer->no_checksum ? 0 : GRE_SUM_BYTES);
	return 0;
}

/* The shim of the packet that follows it already. */
static void put_shim(uint8_t *ip, const struct packet *outer, bool inner4)
{
	size_t bytes = length_bytes(ip) - header_bytes(ip);
	uint8_t *shim = ip + header_bytes(ip);

	if (outer->protocol == PACKET_UDP) {
		packet_put16(shim, outer->sport);
		packet_put16(shim + 2, outer->dport);
		packet_put16(shim + 4, (uint16_t)bytes);
		shim[UDP_BYTES + 1] = inner4 ? IN_IPV4 : IN_IPV6;
		if (!outer->no_checksum)
			seal_segment(ip);
	} else if (outer->protocol == PACKET_GRE) {
		packet_put16(shim, outer->no_checksum ? 0 : 0x8000);
		packet_put16(shim + 2, inner4 ? 0x0800 : 0x86dd);
		if (!outer->no_checksum)
			packet_put16(shim + GRE_BYTES, (uint16_t)~fold(sum(shim, bytes)));
	}
}

void packet_wrap(const struct packet *outer, const struct frame *inner, struct frame *ret_frame)
{
	const uint8_t *inner_ip = inner->data + ETHERNET_BYTES;
	uint8_t *ip = ret_frame->data + ETHERNET_BYTES;
	size_t behind = inner->bytes - ETHERNET_BYTES, added = shim_bytes(outer);
	uint8_t protocol = is_ipv4(inner_ip) ? IN_IPV4 : IN_IPV6;

	*ret_frame = (struct frame){.bytes = ETHERNET_BYTES + behind};
	put_link(ret_frame, outer);
	added += put_ip(ip, outer, outer->protocol ? outer->protocol : protocol,
			added + length_bytes(inner_ip));
	memcpy(ip + added, inner_ip, behind);
	put_shim(ip, outer, is_ipv4(inner_ip));
	ret_frame->bytes += added;
}

void packet_tell(const struct packet *outer, const struct packet_error *error,
		 const struct frame *quoted, struct frame *ret_frame)
{
	bool is4 = outer->family == 4;
	const uint8_t *quoted_ip = quoted->data + ETHERNET_BYTES;
	uint8_t *ip = ret_frame->data + ETHERNET_BYTES;
	size_t most = is4 ? TOLD_BYTES_IPV4 - IPV4_BYTES : TOLD_BYTES_IPV6 - IPV6_BYTES;
	size_t bytes = ICMP_BYTES + length_bytes(quoted_ip), header;
	uint8_t *icmp;

	bytes = bytes < most ? bytes : most;
	if (error->quote_bytes)
		bytes = ICMP_BYTES + error->quote_bytes;
	*ret_frame = (struct frame){.bytes = ETHERNET_BYTES};
	put_link(ret_frame, outer);
	header = put_ip(ip, outer, is4 ? ICMP : ICMPV6, bytes);
	icmp = ip + header;
	icmp[0] = error->type;
	icmp[1] = error->code;
	packet_put16(icmp + 6, error->mtu);
	memcpy(icmp + ICMP_BYTES, quoted_ip, bytes - ICMP_BYTES);
	/* ICMP's checksum covers the message, ICMPv6's a pseudo header as well. */
	packet_put16(icmp + 2, (uint16_t) ~(is4 ? fold(sum(icmp, bytes)) : segment_sum(ip)));
	ret_frame->bytes += header + bytes;
}

/* Whether the frame holds all of the packet at `ip`, whose transport header is whole and whose
 * segment is one piece. */
static bool is_whole_segment(const uint8_t *ip, size_t bytes)
{
	size_t least = header_bytes(ip) + transport_bytes(protocol_of(ip));

	if (protocol_of(ip) != PACKET_TCP && protocol_of(ip) != PACKET_UDP &&
	    protocol_of(ip) != PACKET_SCTP)
		return false;
	if (is_ipv4(ip) && packet_get16(ip + 6) & 0x3fff)
		return false;
	return length_bytes(ip) >= least && length_bytes(ip) <= bytes;
}

static bool is_segment_right(const uint8_t *ip)
{
	const uint8_t *check = ip + header_bytes(ip) + (protocol_of(ip) == PACKET_TCP ? 16 : 6);
	uint32_t crc;

	if (protocol_of(ip) == PACKET_SCTP) {
		memcpy(&crc, ip + header_bytes(ip) + 8, sizeof(crc));
		return !crc || crc == sctp_sum_of(ip);
	}
	if (protocol_of(ip) == PACKET_UDP && !packet_get16(check))
		return true;
	return segment_sum(ip) == 0xffff;
}

static bool is_header_whole(const uint8_t *ip, size_t bytes)
{
	if (bytes < IPV4_BYTES)
		return false;
	if (!is_ipv4(ip))
		return ip[0] >> 4 == 6 && bytes >= IPV6_BYTES;
	return header_bytes(ip) >= IPV4_BYTES && header_bytes(ip) <= bytes;
}

bool packet_sums_right(const struct frame *frame)
{
	const uint8_t *ip = frame->data + ETHERNET_BYTES;
	const uint8_t *end = frame->data + frame->bytes;

	if (frame->bytes < ETHERNET_BYTES)
		return true;
	for (int i = 0; i < TUNNELS_MAX && is_header_whole(ip, (size_t)(end - ip)); i++) {
		if (is_ipv4(ip) && fold(sum(ip, header_bytes(ip))) != 0xffff)
			return false;
		if (is_whole_segment(ip, (size_t)(end - ip)))
			return is_segment_right(ip);
		if (protocol_of(ip) != IN_IPV4 && protocol_of(ip) != IN_IPV6)
			return true;
		ip += header_bytes(ip);
	}
	return true;
}

static void print_row(const char *name, const struct frame *frame, const struct frame *other,
		      size_t from)
{
	fprintf(stderr, "%-6s %04zx:", name, from);
	for (size_t i = from; i < from + ROW_BYTES && i < frame->bytes; i++) {
		bool same = i < other->bytes && frame->data[i] == other->data[i];

		fprintf(stderr, "%c%02x", same ? ' ' : '*', frame->data[i]);
	}
	fputc('\n', stderr);
}

static bool is_row_equal(const struct frame *one, const struct frame *other, size_t from)
{
	size_t bytes = one->bytes - from < ROW_BYTES ? one->bytes - from : ROW_BYTES;

	return one->bytes == other->bytes && !memcmp(one->data + from, other->data + from, bytes);
}

void packet_print_difference(const struct frame *wanted, const struct frame *got)
{
	size_t bytes = wanted->bytes > got->bytes ? wanted->bytes : got->bytes;

	fprintf(stderr, "wanted %zu bytes, got %zu\n", wanted->bytes, got->bytes);
	for (size_t from = 0; from < bytes; from += ROW_BYTES) {
		bool equal = is_row_equal(wanted, got, from);

		if (from < HEADERS_BYTES || !equal)
			print_row("wanted", wanted, got, from);
		if (!equal)
			print_row("got", got, wanted, from);
	}
}
