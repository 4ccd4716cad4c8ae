// SPDX-License-Identifier: GPL-2.0-or-later
/* What the director leaves to the host's own stack: everything that is not, beyond doubt, a packet
 * for a service or of a connection. It passes as it came, and nothing is counted. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

enum {
	IPV4_OPTION_BYTES = 8,
	PAYLOAD_BYTES = 24,
	IP = ETHERNET_BYTES,
};

/* A byte of the frame, and what it is made into. */
struct fault {
	const char *name;
	int family; /* 0: both */
	uint8_t protocol; /* 0: both */
	size_t offset;
	uint8_t value;
};

static const struct fault faults[] = {
	{"group MAC address", 0, 0, 0, 0x03},
	{"broadcast MAC address", 0, 0, 0, 0xff},
	{"IPv4 by an IPv6 frame", 4, 0, 12, 0x86},
	{"ARP", 4, 0, 13, 0x06},
	{"802.1Q", 4, 0, 12, 0x81},
	{"version 6 in an IPv4 frame", 4, 0, IP, 0x67},
	{"version 0", 4, 0, IP, 0x07},
	{"version 5", 4, 0, IP, 0x57},
	{"header length 0", 4, 0, IP, 0x40},
	{"header length 4", 4, 0, IP, 0x44},
	{"header length beyond the packet", 4, PACKET_TCP, IP, 0x4f},
	{"header longer than the total length", 4, PACKET_UDP, IP + 3, 27},
	{"total length 0", 4, 0, IP + 3, 0},
	{"total length of the IP header alone", 4, 0, IP + 3, 28},
	{"total length of half a UDP header", 4, PACKET_UDP, IP + 3, 28 + 7},
	{"total length of half a TCP header", 4, PACKET_TCP, IP + 3, 28 + 19},
	{"total length a byte more than the frame", 4, PACKET_UDP, IP + 3, 28 + 8 + 25},
	{"total length a byte more than the frame", 4, PACKET_TCP, IP + 3, 28 + 20 + 25},
	{"total length far more than the frame", 4, 0, IP + 2, 0xff},
	{"fragment offset 1", 4, 0, IP + 7, 0x01},
	{"fragment offset 256", 4, 0, IP + 6, 0x01},
	{"fragment offset 4096", 4, 0, IP + 6, 0x10},
	{"ICMP", 4, 0, IP + 9, 1},
	{"IP in IP", 4, 0, IP + 9, 4},
	{"SCTP", 4, 0, IP + 9, 132},
	{"VRRP", 4, 0, IP + 9, 112},
	{"protocol 255", 4, 0, IP + 9, 255},
	{"other address", 4, 0, IP + 19, 11},
	{"IPv6 by an IPv4 frame", 6, 0, 12, 0x08},
	{"version 4 in an IPv6 frame", 6, 0, IP, 0x40},
	{"version 7", 6, 0, IP, 0x70},
	{"payload length 0", 6, 0, IP + 5, 0},
	{"payload length of half a UDP header", 6, PACKET_UDP, IP + 5, 7},
	{"payload length of half a TCP header", 6, PACKET_TCP, IP + 5, 19},
	{"payload length a byte more than the frame", 6, PACKET_UDP, IP + 5, 8 + 25},
	{"payload length a byte more than the frame", 6, PACKET_TCP, IP + 5, 20 + 25},
	{"payload length far more than the frame", 6, 0, IP + 4, 0xff},
	{"hop-by-hop options", 6, 0, IP + 6, 0},
	{"routing header", 6, 0, IP + 6, 43},
	{"fragment header", 6, 0, IP + 6, 44},
	{"destination options", 6, 0, IP + 6, 60},
	{"no next header", 6, 0, IP + 6, 59},
	{"ICMPv6", 6, 0, IP + 6, 58},
	{"other address", 6, 0, IP + 39, 0x11},
};

static struct packet plain_request(int family, uint8_t protocol)
{
	struct packet request = request_packet(family, protocol);

	request.payload_bytes = PAYLOAD_BYTES;
	if (family == 4)
		request.option_bytes = IPV4_OPTION_BYTES;
	return request;
}

/* A director that forwards the packet, with a connection of it or without. */
static void serve(const struct packet *request, bool connected)
{
	struct dest_words words = {.method = XLVS_FORWARD_dr};

	director_reset();
	director_serve(request, &words);
	if (connected)
		expect_forwarded(request);
}

static void expect_no_new_record(uint32_t before)
{
	assert_int_equal(director.table.runtime->records, before);
	expect_sound_table();
}

/* Run `check` for both families and protocols, without and with a connection. */
static void for_all_kinds(void (*check)(const struct packet *request))
{
	for (int family = 4; family <= 6; family += 2) {
		for (int i = 0; i < 4; i++) {
			struct packet request =
				plain_request(family, i & 1 ? PACKET_UDP : PACKET_TCP);
			uint32_t records;

			serve(&request, i & 2);
			records = director.table.runtime->records;
			check(&request);
			expect_no_new_record(records);
		}
	}
}

static void check_faults(const struct packet *request)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		const struct fault *fault = &faults[i];
		struct frame frame;

		if ((fault->family && fault->family != request->family) ||
		    (fault->protocol && fault->protocol != request->protocol))
			continue;
		director_say("IPv%d, protocol %d, %s", request->family, request->protocol,
			     fault->name);
		packet_build(request, &frame);
		assert_int_not_equal(frame.data[fault->offset], fault->value);
		frame.data[fault->offset] = fault->value;
		expect_passed(&frame);
	}
}

static void test_malformed_packet_passes_untouched(void **state)
{
	(void)state;
	for_all_kinds(check_faults);
}

static void check_prefixes(const struct packet *request)
{
	struct frame frame;

	packet_build(request, &frame);
	while (--frame.bytes >= ETHERNET_BYTES) {
		director_say("IPv%d, protocol %d, first %zu bytes", request->family,
			     request->protocol, frame.bytes);
		expect_passed(&frame);
	}
}

static void test_frame_cut_short_anywhere_passes_untouched(void **state)
{
	(void)state;
	for_all_kinds(check_prefixes);
}

static void check_tag(const struct packet *request)
{
	static const uint8_t tags[][4] = {{0x81, 0, 0, 5}, {0x88, 0xa8, 0, 5}};
	struct frame plain, frame;

	packet_build(request, &plain);
	for (int i = 0; i < 2; i++) {
		frame.bytes = plain.bytes + 4;
		memcpy(frame.data, plain.data, 12);
		memcpy(frame.data + 12, tags[i], 4);
		memcpy(frame.data + 16, plain.data + 12, plain.bytes - 12);
		director_say("IPv%d, tag %02x%02x", request->family, tags[i][0], tags[i][1]);
		expect_passed(&frame);
	}
}

static void test_tagged_frame_passes_untouched(void **state)
{
	(void)state;
	for_all_kinds(check_tag);
}

static void expect_packet_passed(const struct packet *packet, const char *name)
{
	struct frame frame;

	director_say("IPv%d, protocol %d, %s", packet->family, packet->protocol, name);
	packet_build(packet, &frame);
	expect_passed(&frame);
}

static void check_other_services(const struct packet *request)
{
	struct packet packet = *request;

	packet.dport = VIP_PORT + 1;
	expect_packet_passed(&packet, "another port");
	packet.dport = (uint16_t)(VIP_PORT << 8);
	expect_packet_passed(&packet, "the port's bytes the other way round");
	packet = *request;
	packet.protocol = request->protocol == PACKET_TCP ? PACKET_UDP : PACKET_TCP;
	expect_packet_passed(&packet, "the other protocol");
	packet = *request;
	packet.from = request->to;
	packet.to = request->from;
	packet.sport = request->dport;
	packet.dport = request->sport;
	expect_packet_passed(&packet, "from the virtual address to the client");
}

static void test_packet_for_no_service_passes_untouched(void **state)
{
	(void)state;
	for_all_kinds(check_other_services);
}

static void test_service_of_one_family_takes_nothing_of_the_other(void **state)
{
	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct packet served = request_packet(family, PACKET_TCP);
		struct packet other = request_packet(10 - family, PACKET_TCP);

		serve(&served, true);
		expect_packet_passed(&other, "another family");
	}
}

static void test_only_a_syn_opens_a_tcp_connection(void **state)
{
	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct packet packet = plain_request(family, PACKET_TCP);

		serve(&packet, false);
		for (int flags = 0; flags < 0x40; flags++) {
			char name[20];

			if (flags & SYN && !(flags & RST))
				continue;
			snprintf(name, sizeof(name), "flags %02x", (unsigned int)flags);
			packet.tcp_flags = (uint8_t)flags;
			expect_packet_passed(&packet, name);
		}
		expect_no_new_record(0);
		for (int flags = 0; flags < 0x40; flags++) {
			if (!(flags & SYN) || flags & RST)
				continue;
			packet.sport++;
			packet.tcp_flags = (uint8_t)flags;
			expect_forwarded(&packet);
		}
	}
}

static void test_ftp_data_port_opens_no_connection(void **state)
{
	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		for (int i = 0; i < 2; i++) {
			struct packet packet = plain_request(family, i ? PACKET_UDP : PACKET_TCP);

			serve(&packet, false);
			packet.sport = 20;
			expect_packet_passed(&packet, "from port 20");
			expect_no_new_record(0);
		}
	}
}

static void test_connections_of_the_last_service_pass_when_it_is_deleted(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		int family = i & 1 ? 6 : 4;
		struct packet packet = plain_request(family, PACKET_TCP);
		struct packet reply = reply_packet(&packet, server_address(family, 1), VIP_PORT);
		struct dest_words words = {.method = i & 2 ? XLVS_FORWARD_nat : XLVS_FORWARD_dr};
		uint32_t dest, slot;

		director_reset();
		dest = director_serve(&packet, &words);
		slot = director_slot(&packet);
		expect_forwarded(&packet);
		director_delete_dest(slot, dest);
		director_delete_service(slot);
		packet.tcp_flags = reply.tcp_flags = ACK;
		expect_packet_passed(&packet, "of a connection, without services");
		expect_packet_passed(&reply, "of a connection, without services");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_malformed_packet_passes_untouched),
		cmocka_unit_test(test_frame_cut_short_anywhere_passes_untouched),
		cmocka_unit_test(test_tagged_frame_passes_untouched),
		cmocka_unit_test(test_packet_for_no_service_passes_untouched),
		cmocka_unit_test(test_service_of_one_family_takes_nothing_of_the_other),
		cmocka_unit_test(test_only_a_syn_opens_a_tcp_connection),
		cmocka_unit_test(test_ftp_data_port_opens_no_connection),
		cmocka_unit_test(test_connections_of_the_last_service_pass_when_it_is_deleted),
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
