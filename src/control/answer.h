/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The director's answers read back into plain data: what reply.h writes, for clients.
 *
 * A director is trusted more than a client, but not to send well-formed messages: lengths and
 * nesting are checked all the same. Every function returns 0 or -EPROTO. */
#ifndef XLVS_CONTROL_ANSWER_H
#define XLVS_CONTROL_ANSWER_H

#include "control/info.h"

#include <stddef.h>

struct nlmsghdr;
struct xlvs_error;

enum xlvs_answer_kind {
	XLVS_ANSWER_DATA,
	XLVS_ANSWER_END, /* an ack, a refusal or the end of a dump */
};

/* Check that `bytes` hold one whole message and say what it is; for XLVS_ANSWER_END *ret_code is
 * its outcome, and `reterr` its sentence or empty. */
int xlvs_answer_kind(const struct nlmsghdr *message, size_t bytes, enum xlvs_answer_kind *ret_kind,
		     int *ret_code, struct xlvs_error *reterr);

/* The rest take a message of kind XLVS_ANSWER_DATA. */
int xlvs_answer_service(const struct nlmsghdr *message, struct xlvs_service_info *ret_service);
int xlvs_answer_dest(const struct nlmsghdr *message, struct xlvs_dest_info *ret_dest);
int xlvs_answer_local(const struct nlmsghdr *message, struct xlvs_local_info *ret_local);
int xlvs_answer_config(const struct nlmsghdr *message, struct xlvs_timeouts *ret_timeouts);
int xlvs_answer_info(const struct nlmsghdr *message, struct xlvs_director_info *ret_info);
int xlvs_answer_sync(const struct nlmsghdr *message, struct xlvs_sync_spec *ret_sync);

/* *ret_piece points into the message. */
int xlvs_answer_json(const struct nlmsghdr *message, const char **ret_piece);

/* *ret_entries points into the message, which is aligned for it; every state name is ended. So does
 * *ret_pe, the last one's persistence engine, both texts ended; NULL without. */
int xlvs_answer_conns(const struct nlmsghdr *message, const struct xlvs_conn_entry **ret_entries,
		      size_t *ret_n, const struct xlvs_conn_pe **ret_pe);

#endif
