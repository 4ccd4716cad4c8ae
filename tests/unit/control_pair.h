/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A control socket's server in this process with one peer, seen as raw datagrams. */
#ifndef XLVS_TESTS_CONTROL_PAIR_H
#define XLVS_TESTS_CONTROL_PAIR_H

#include "control/server.h"

#include <linux/netlink.h>

/* The socket's name, set by each test program. */
extern char pair_name[64];

struct pair {
	struct xlvs_server *server;
	struct xlvs_peer *peer;
	int fd; /* the peer's other end */
};

struct pair pair_new(xlvs_server_handler *handler, void *context);
void pair_free(struct pair *pair);

/* Send one request; family_name is "nosuch". */
void pair_send(int fd, enum xlvs_family family, int command, bool dump, uint32_t sequence);

/* The next message of what was received last, or of the next datagram: its type, sequence number
 * and, of an end, its code; -1: none is there. pair_datagrams counts the datagrams. */
int pair_receive(int fd, uint32_t *ret_sequence, int *ret_code);
extern int pair_datagrams;

/* The context of pair_handle(), whose dumps have `n_portions` portions of one message each and
 * whose answers to GET_INFO are data and an ack. */
struct source {
	int n_portions;
	int fails_at; /* this portion fails; -1: none */
	int n_entries; /* connections in a portion */
	int n_sent;
	int n_freed;
	int handler_result;
};

xlvs_server_handler pair_handle;

#endif
