/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request to the director: one netlink message in one datagram, and the same as plain data.
 *
 * Decoding believes nothing: every length, attribute and nesting is checked, and what is wrong is
 * refused with the error the kernel's IPVS gives for it. It knows the form of messages only;
 * whether a service exists, or its scheduler, is the model's to say. */
#ifndef XLVS_CONTROL_REQUEST_H
#define XLVS_CONTROL_REQUEST_H

#include "control/info.h"
#include "control/ipvs_abi.h"

#include <stdbool.h>
#include <stddef.h>

#define XLVS_FAMILY_NAME_BYTES 16 /* GENL_NAMSIZ */

/* The most rules one NEW_MARKS takes: their message fits a datagram. */
#define XLVS_MARKS_PER_REQUEST 1000

struct nl_msg;

/* Which parts of a request were there and complete. "Full" includes the key. */
enum xlvs_given {
	XLVS_GIVEN_SERVICE_KEY = 0x01,
	XLVS_GIVEN_SERVICE_FULL = 0x02,
	XLVS_GIVEN_DEST_KEY = 0x04,
	XLVS_GIVEN_DEST_FULL = 0x08,
	XLVS_GIVEN_SYNC = 0x10,
	XLVS_GIVEN_LOCAL = 0x20,
	XLVS_GIVEN_MARKS = 0x40,
	XLVS_GIVEN_MARK_PAIR = 0x80,
	XLVS_GIVEN_SETTING = 0x100,
};

/* What a command carries, by family and command:
 *
 *   nlctrl  CTRL_CMD_GETFAMILY        family_name; answered by the server itself
 *   IPVS    NEW_SERVICE SET_SERVICE   service, full
 *           DEL_SERVICE               service, key
 *           GET_SERVICE               service, key; as a dump: nothing
 *           NEW_DEST SET_DEST         service, key; dest, full
 *           DEL_DEST                  service, key; dest, key
 *           GET_DEST (dump only)      service, key, or nothing: then the dump is empty
 *           NEW_DAEMON DEL_DAEMON     sync (DEL_DAEMON: its role only)
 *           SET_CONFIG                timeouts, 0 where not given
 *           ZERO                      service, key, or nothing: everything
 *           FLUSH GET_CONFIG GET_INFO nothing
 *           GET_DAEMON (dump only)    nothing
 *   XLVS    GET_STATUS GET_DROPS      nothing
 *           NEW_MARKS DEL_MARK        marks; DEL_MARK: one
 *           GET_MARKS FLUSH_MARKS     nothing
 *           CARRY_MARKS               mark_near and mark_far, or nothing
 *           SET_SETTING               setting and value
 *           GET_SETTINGS              nothing
 *           GET_CONNS (dump only)     nothing
 *           NEW_LADDR DEL_LADDR       service, key; local
 *           GET_LADDR (dump only)     service, key, or nothing
 */
struct xlvs_request {
	enum xlvs_family family;
	uint8_t command; /* IPVS_CMD_*, XLVS_CMD_* or CTRL_CMD_* */
	bool dump;
	bool wants_ack; /* the sender waits for an answer even where all went well */
	bool is_of_many; /* others came in the same datagram; set by the server */
	uint32_t sequence;
	uint32_t port; /* the sender's netlink port number, returned in answers */
	uint32_t given; /* enum xlvs_given */
	char family_name[XLVS_FAMILY_NAME_BYTES];
	struct xlvs_service_spec service;
	struct xlvs_dest_spec dest;
	struct xlvs_timeouts timeouts;
	struct xlvs_sync_spec sync;
	struct xlvs_local_address local;
	const struct xlvs_mark_spec *marks; /* decoded, it points into the datagram */
	size_t n_marks;
	uint32_t mark_near; /* interface indexes of a veth pair */
	uint32_t mark_far;
	char setting[XLVS_SETTING_BYTES];
	char value[XLVS_SETTING_BYTES];
};

/* Read one datagram. `service.flags` is what the sender set, masked by `flags_mask`: on an edit,
 * the flags outside the mask stay as they are. A dest without a family has the service's.
 *
 * 0            *ret_request is filled; what was not given is zero
 * -EINVAL      an attribute is missing, malformed or overlong
 * -ERANGE      an attribute of the outer level is too short
 * -EAFNOSUPPORT a family other than IPv4 and IPv6
 * -EOPNOTSUPP  the family has no such command (or not as a dump, or only as a dump)
 * -ENOENT      no such message type
 * -ENODATA     nothing to answer: a control message, or one that is no request
 * -EBADMSG     not even a whole netlink header: there is nobody to answer to
 *
 * On errors other than -EBADMSG, `family`, `command`, `dump`, `wants_ack`, `sequence` and `port`
 * are filled all the same, so that the refusal can be sent. */
int xlvs_request_decode(const void *datagram, size_t bytes, struct xlvs_request *ret_request);

/* Make the message for `request`: its family, command, dump flag, sequence and whatever parts
 * `given` names. The caller frees it with nlmsg_free(). -ENOMEM. */
int xlvs_request_encode(const struct xlvs_request *request, struct nl_msg **ret_message);

#endif
