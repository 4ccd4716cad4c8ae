// SPDX-License-Identifier: GPL-2.0-or-later
#include "crowd.h"

#include <stdio.h>

enum {
	FIRST_PORT = 10000,
};

struct packet crowd_packet(int family, int n)
{
	struct packet packet = request_packet(family, PACKET_TCP);

	packet.sport = (uint16_t)(FIRST_PORT + n);
	return packet;
}

struct packet crowd_reply(const struct packet *packet)
{
	return reply_packet(packet, server_address(packet->family, 1), VIP_PORT);
}

void crowd_prove(struct packet *packet, uint8_t method)
{
	struct packet reply = crowd_reply(packet);

	expect_forwarded(packet);
	if (method == XLVS_FORWARD_nat)
		expect_forwarded(&reply);
	packet->tcp_flags = ACK;
	expect_forwarded(packet);
}

void crowd_open(int family, uint8_t method, int n)
{
	for (int i = 0; i < n; i++) {
		struct packet packet = crowd_packet(family, i);

		crowd_prove(&packet, method);
	}
	assert_int_equal(director.table.runtime->unproven, 0);
}

uint32_t crowd_flood_packet(int family, int n)
{
	struct packet packet = request_packet(family, PACKET_TCP);
	struct frame in, out;
	char address[40];

	snprintf(address, sizeof(address), family == 4 ? "198.18.%d.%d" : "2001:db8:ff::%d:%d",
		 n / 250, n % 250);
	packet.from = address;
	packet.sport = (uint16_t)(1024 + n % 50000);
	packet_build(&packet, &in);
	return director_run(&in, &out);
}

uint32_t crowd_serve(const struct packet *request, uint8_t method)
{
	struct dest_words words = {.method = method};
	struct xlvs_runtime *runtime = director.table.runtime;
	uint32_t dest;

	director_reset();
	dest = director_serve(request, &words);
	runtime->conn_limit = director.table.n_conns / 4 * 3;
	runtime->unproven_limit = runtime->conn_limit / 2;
	return dest;
}
