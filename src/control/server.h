/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The director's end of the control socket: who may speak, one datagram after another, each
 * answered before the next is read.
 *
 * A datagram holds one request or, as in the kernel's netlink, several, which are answered in
 * order. The data of an answer comes joined in datagrams of up to 16 KiB; an ack, a refusal or a
 * DONE has one of its own, unless the request came with others: then everything is joined.
 *
 * The event loop is the daemon's. It polls xlvs_server_fd() for reading and, for every peer, the
 * events xlvs_peer_events() names, and passes on what it saw; nothing here ever blocks. A peer
 * that does not read its answers is not read from either, and a dump goes on only as fast as it is
 * taken, so a peer costs a bounded amount of memory. One thread. */
#ifndef XLVS_CONTROL_SERVER_H
#define XLVS_CONTROL_SERVER_H

#include "control/reply.h"
#include "control/request.h"

struct xlvs_error;
struct xlvs_server;
struct xlvs_peer;

/* Answer one decoded request of the IPVS or XLVS family: send data, if any, through `reply` (for a
 * dump of any length: xlvs_reply_dump()), and return 0 or the negative errno that refuses it,
 * with a sentence in `reterr` where there is more to say. Ack, error and DONE are sent for it.
 * Never called for a peer without privilege, nor for requests that are malformed. */
typedef int xlvs_server_handler(void *context, const struct xlvs_request *request,
				struct xlvs_reply *reply, struct xlvs_error *reterr);

/* Listen on the abstract socket `name` of the present network namespace (NULL: the director's own,
 * "@xlvs"). -EADDRINUSE when another director serves this namespace. */
int xlvs_server_open(const char *name, xlvs_server_handler *handler, void *context,
		     struct xlvs_server **ret_server);

/* Stop listening. Peers must have been freed before. NULL is allowed. */
void xlvs_server_close(struct xlvs_server *server);

int xlvs_server_fd(const struct xlvs_server *server);

/* Take one waiting client. Anybody may connect; who is not root (SO_PEERCRED) is answered -EPERM,
 * and only a few of those are kept at a time. -EAGAIN when none waits; other errors concern that
 * client alone and the loop goes on. */
int xlvs_server_accept(struct xlvs_server *server, struct xlvs_peer **ret_peer);

int xlvs_peer_fd(const struct xlvs_peer *peer);

/* What to poll for now: POLLIN, POLLOUT or both. May change with every xlvs_peer_handle(). */
short xlvs_peer_events(const struct xlvs_peer *peer);

/* Do what `events` (POLLIN, POLLOUT, POLLHUP, POLLERR) make possible, a bounded piece of work at a
 * time: call it again when poll says so. 0, or -errno when the peer is gone (-ECONNRESET at its
 * orderly end) or broken: then free it. */
int xlvs_peer_handle(struct xlvs_peer *peer, short events);

/* Close the connection and drop what is queued. NULL is allowed. */
void xlvs_peer_free(struct xlvs_peer *peer);

#endif
