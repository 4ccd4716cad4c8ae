/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many connections at once: clients that finish their handshake, and a flood of SYNs that never
 * will. Over the director of fixture.h, whose service has one destination, server_address(family,
 * 1), without a port of its own. */
#ifndef XLVS_TESTS_PACKET_CROWD_H
#define XLVS_TESTS_PACKET_CROWD_H

#include "fixture.h"

/* Packet of client number `n`: a SYN. */
struct packet crowd_packet(int family, int n);
/* The server's packet to it, a SYN and ACK. */
struct packet crowd_reply(const struct packet *packet);

/* The handshake, after which `packet` is an ACK; the server's part where it comes by here. */
void crowd_prove(struct packet *packet, uint8_t method);
/* Clients 0 to `n` - 1; nothing else may be unproven. */
void crowd_open(int family, uint8_t method, int n);

/* SYN number `n` of a flood, each from another address: the action. */
uint32_t crowd_flood_packet(int family, int n);

/* Limits and a service for packets like `request`, after a reset: those the loader sets. Returns
 * its destination. */
uint32_t crowd_serve(const struct packet *request, uint8_t method);

#endif
