/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The clients' end of the control socket: requests out, plain data in.
 *
 * A client is one connection, used by one thread, and every call blocks until its answer is whole,
 * except xlvs_client_send(), which lets several commands be under way. The two do not mix: answers
 * to what was sent must be collected before another call is made. */
#ifndef XLVS_CONTROL_CLIENT_H
#define XLVS_CONTROL_CLIENT_H

#include "base/error.h"
#include "control/request.h"

struct xlvs_client;

/* The most requests that may be under way by xlvs_client_send(). */
#define XLVS_CLIENT_WINDOW 256

/* Connect to the director of the present network namespace (`name` NULL) or to another abstract
 * socket. -ECONNREFUSED when there is no director, or the socket is held by a user who is neither
 * root nor the caller. */
int xlvs_client_open(const char *name, struct xlvs_client **ret_client);

/* The same over a socket that is connected already, see control/connect.h; the client owns it from
 * here on. -ENOMEM. */
int xlvs_client_new(int fd, struct xlvs_client **ret_client);

/* NULL is allowed. */
void xlvs_client_close(struct xlvs_client *client);

/* Carry out one command that answers with an ack only. 0 or the director's negative errno; its
 * sentence, where it gave one, is in `reterr` (else the text is empty). -EPIPE or -ECONNRESET when
 * the director went away, -EPROTO for an answer that cannot be understood. */
int xlvs_client_call(struct xlvs_client *client, const struct xlvs_request *request,
		     struct xlvs_error *reterr);

/* Send a command without waiting; -EAGAIN when XLVS_CLIENT_WINDOW are under way. Several may wait
 * here to travel together, at the longest until an answer is collected. */
int xlvs_client_send(struct xlvs_client *client, const struct xlvs_request *request);

/* The number of commands under way. */
unsigned int xlvs_client_pending(const struct xlvs_client *client);

/* For who waits for answers in an event loop: what to wait on, to let what waits here go out, and
 * whether the next answer has come along with an earlier one. A collection then does not block when
 * an answer is here or the descriptor is readable. */
int xlvs_client_fd(const struct xlvs_client *client);
int xlvs_client_flush(struct xlvs_client *client);
bool xlvs_client_has_answer(const struct xlvs_client *client);

/* Wait for the answer to the oldest command under way: 0 with its outcome in *ret_code and
 * `reterr`, or -errno when the connection is of no more use. */
int xlvs_client_collect(struct xlvs_client *client, int *ret_code, struct xlvs_error *reterr);

int xlvs_client_info(struct xlvs_client *client, struct xlvs_director_info *ret_info);
int xlvs_client_timeouts(struct xlvs_client *client, struct xlvs_timeouts *ret_timeouts);

/* -ESRCH: no such service. */
int xlvs_client_service(struct xlvs_client *client, const struct xlvs_service_key *key,
			struct xlvs_service_info *ret_service);

/* All services in the director's order: an array the caller frees. */
int xlvs_client_services(struct xlvs_client *client, struct xlvs_service_info **ret_services,
			 size_t *ret_n);

/* All dests of one service in the director's order, in two steps, so that several services may be
 * asked for at once: ask, as xlvs_client_send() does, and take the answer to the oldest question,
 * an array the caller frees. The dests of an unknown service are none. */
int xlvs_client_ask_dests(struct xlvs_client *client, const struct xlvs_service_key *key);
int xlvs_client_take_dests(struct xlvs_client *client, struct xlvs_dest_info **ret_dests,
			   size_t *ret_n);

/* The local addresses of a service, or of all (NULL), one service after the other. */
int xlvs_client_locals(struct xlvs_client *client, const struct xlvs_service_key *key,
		       struct xlvs_local_info **ret_locals, size_t *ret_n);

/* The running synchronisation daemons, master first: at most two. */
int xlvs_client_syncs(struct xlvs_client *client, struct xlvs_sync_spec ret_syncs[static 2],
		      size_t *ret_n);

/* Every connection, as they come, to `visit`, with its persistence engine, NULL without; a non-zero
 * return ends the visits and is returned. */
int xlvs_client_conns(struct xlvs_client *client,
		      int (*visit)(void *context, const struct xlvs_conn_entry *entry,
				   const struct xlvs_conn_pe *pe),
		      void *context);

/* The JSON document that answers GET_STATUS or GET_DROPS; the caller frees it. */
int xlvs_client_json(struct xlvs_client *client, enum xlvs_command command, char **ret_document);

#endif
