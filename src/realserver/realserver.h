/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prepares a real server, in the calling thread's network namespace, for the packets a director
 * sends it.
 *
 * Direct routing and tunnelling bring packets addressed to the VIP, so the VIP stands on lo, where
 * no neighbour may learn of it; tunnelling also needs the outer header taken off (decap.bpf.c).
 * NAT needs the way back through the director, which is looked at and never changed. FULLNAT brings
 * packets that seem to come from the director, and the client's address beside (toa.bpf.c).
 *
 * Invariant: what was changed is on record (state.h) before it is changed, so that xlvs_rs_del()
 * can undo it whatever happened in between. Calls in several processes wait for one another. All
 * functions need root and return 0 or -errno with a sentence in `reterr`. */
#ifndef XLVS_REALSERVER_REALSERVER_H
#define XLVS_REALSERVER_REALSERVER_H

#include "abi/realserver.h"
#include "abi/toa.h"
#include "base/error.h"

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	XLVS_RS_INTERFACES_MAX = 16, /* of one VIP */
	XLVS_RS_DIRECTORS_MAX = 16,
	XLVS_RS_MEND_BYTES = 1280, /* room for a command with all of these */
	XLVS_RS_GUE_PORT = 6080, /* IANA's */
	XLVS_RS_TOA_KIND =
		254, /* of RFC 4727; what Alibaba's LVS began with and others took over */
	XLVS_RS_TOA_KIND6 = 253, /* what it sends IPv6 addresses in */
};

enum xlvs_rs_method {
	XLVS_RS_DR,
	XLVS_RS_TUN,
	XLVS_RS_NAT,
	XLVS_RS_FULLNAT,
	XLVS_RS_METHODS,
};

/* What a user asks for. An IPv4 address is written ::ffff:a.b.c.d. */
struct xlvs_rs_vip {
	struct in6_addr address;
	enum xlvs_rs_method method;
	size_t n_interfaces; /* 0: every Ethernet interface that is up, see host.h */
	char interfaces[XLVS_RS_INTERFACES_MAX][IF_NAMESIZE];
	size_t n_directors; /* 0: whoever sends */
	struct in6_addr directors[XLVS_RS_DIRECTORS_MAX];
	uint16_t gue_port; /* XLVS_RS_TUN: where GUE comes to */
	uint8_t toa_kind; /* XLVS_RS_FULLNAT: of the option with the client's address */
	uint8_t toa_kind6; /* another kind it may have if the address is IPv6 */
};

struct xlvs_rs_check {
	bool ok;
	char what[160]; /* a statement: what holds, or what does not */
	char mend[XLVS_RS_MEND_BYTES]; /* the command that mends it; empty when ok */
};

struct xlvs_rs_vip_report {
	struct xlvs_rs_vip vip;
	size_t n_checks;
	struct xlvs_rs_check *checks;
};

struct xlvs_rs_report {
	size_t n_vips;
	struct xlvs_rs_vip_report *vips;
	bool has_counts; /* the decapsulation program is at work */
	uint64_t counts[XLVS_RS_COUNTS_END];
	bool has_toa_counts; /* the programs for client addresses are */
	uint64_t toa_counts[XLVS_RS_TOA_COUNTS_END];
};

/* "dr", "tun", "nat" or "fullnat". */
const char *xlvs_rs_method_name(enum xlvs_rs_method method);

/* The other way round; -EINVAL. */
int xlvs_rs_method_parse(const char *text, enum xlvs_rs_method *ret, struct xlvs_error *reterr);

/* Read an IPv4 or IPv6 unicast address; -EINVAL if it is none. */
int xlvs_rs_address_parse(const char *text, struct in6_addr *ret, struct xlvs_error *reterr);

/* Write an address as people do, IPv4 in dots. Returns `text`. */
const char *xlvs_rs_address_text(const struct in6_addr *address, char text[INET6_ADDRSTRLEN]);

/* Make the server accept the VIP's packets. *ret_known says whether the VIP was on record already,
 * with the same words; then what is missing is set again and nothing else happens. What cannot be
 * set from here stays for xlvs_rs_look() to tell.
 * -EEXIST on record with other words, or held by another interface; or another fullnat VIP has
 * other kinds
 * -ENODEV no such interface
 * -EBUSY an interface has another XDP program
 * On failure nothing has changed. */
int xlvs_rs_add(const struct xlvs_rs_vip *vip, bool *ret_known, struct xlvs_error *reterr);

/* Undo what xlvs_rs_add() did. A VIP not on record is left alone and *ret_known is false. */
int xlvs_rs_del(const struct in6_addr *address, bool *ret_known, struct xlvs_error *reterr);

/* Compare each VIP on record with what is. Free the answer with xlvs_rs_report_done(). */
int xlvs_rs_look(struct xlvs_rs_report *ret, struct xlvs_error *reterr);

void xlvs_rs_report_done(struct xlvs_rs_report *report);

#endif
