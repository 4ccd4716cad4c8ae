/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The director's answers: each function makes one netlink message (or, for a long document, a few)
 * and hands each to the reply's sink as one datagram.
 *
 * A handler sends only data through these; the ack or error that ends a request, and the DONE that
 * ends a dump, are the server's to send. All return 0, -ENOMEM or -EMSGSIZE, or the sink's own
 * error. */
#ifndef XLVS_CONTROL_REPLY_H
#define XLVS_CONTROL_REPLY_H

#include "control/info.h"

#include <stdbool.h>
#include <stddef.h>

struct xlvs_error;
struct xlvs_reply;
struct xlvs_request;

/* The most connections one xlvs_reply_conns() takes: their message fits 16 KiB. */
#define XLVS_CONNS_PER_REPLY 200

/* The rest of a dump. `next` sends the next portion (a handful of messages) through the reply and
 * returns 1 when more remains, 0 when it has sent all, or -errno, which ends the dump. It is called
 * again when the client has taken what was sent, so any number of other requests may come between
 * two portions: a cursor holds a position, not pointers into what may change. `free` is called once
 * at the end, whatever the outcome. */
struct xlvs_dump {
	int (*next)(void *cursor, struct xlvs_reply *reply);
	void (*free)(void *cursor);
	void *cursor;
};

struct xlvs_reply {
	/* Takes one datagram; it is copied or sent before the call returns. */
	int (*sink)(void *context, const void *datagram, size_t bytes);
	void *context;
	/* The answered request's: what every message of the answer repeats. */
	uint32_t sequence;
	uint32_t port;
	uint16_t family; /* enum xlvs_family */
	uint8_t command;
	bool is_dump;
	/* Set by xlvs_reply_dump(), run by the server. */
	struct xlvs_dump dump;
};

/* Prepare a reply to `request` with the given sink. */
void xlvs_reply_init(struct xlvs_reply *reply, const struct xlvs_request *request,
		     int (*sink)(void *context, const void *datagram, size_t bytes), void *context);

/* Hand the rest of a dump to the server. Only for a request with `dump` set; the reply owns the
 * cursor from here on. A dump request whose handler returns 0 without calling this is an empty
 * dump, or one whose messages were all sent at once. */
void xlvs_reply_dump(struct xlvs_reply *reply, const struct xlvs_dump *dump);

int xlvs_reply_service(struct xlvs_reply *reply, const struct xlvs_service_info *service);
int xlvs_reply_dest(struct xlvs_reply *reply, const struct xlvs_dest_info *dest);
int xlvs_reply_local(struct xlvs_reply *reply, const struct xlvs_service_key *service,
		     const struct xlvs_local_address *local);
int xlvs_reply_config(struct xlvs_reply *reply, const struct xlvs_timeouts *timeouts);
int xlvs_reply_info(struct xlvs_reply *reply, const struct xlvs_director_info *info);
int xlvs_reply_sync(struct xlvs_reply *reply, const struct xlvs_sync_spec *sync);

/* A JSON document of any length, for GET_STATUS and GET_DROPS. */
int xlvs_reply_json(struct xlvs_reply *reply, const char *document);

/* At most XLVS_CONNS_PER_REPLY connections, for GET_CONNS; `pe` is the last one's, NULL without. */
int xlvs_reply_conns(struct xlvs_reply *reply, const struct xlvs_conn_entry *entries,
		     size_t n_entries, const struct xlvs_conn_pe *pe);

/* What follows is sent by the server, not by handlers. */

/* The answer to CTRL_CMD_GETFAMILY; -ENOENT for a name that is not ours. */
int xlvs_reply_family(struct xlvs_reply *reply, const char *name);

/* The end of a request: `code` 0 acknowledges, a negative errno refuses; the sentence in `error`
 * goes along when there is one (NULL or empty: none). */
int xlvs_reply_end(struct xlvs_reply *reply, int code, const struct xlvs_error *error);

/* The end of a dump: `code` 0, or the negative errno that cut it short. */
int xlvs_reply_done(struct xlvs_reply *reply, int code);

#endif
