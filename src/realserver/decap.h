/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decapsulation program (decap.bpf.c) from outside: loading it, attaching it to interfaces, and
 * telling it what to accept.
 *
 * It is attached by netlink, so it stays when the command has ended, in whatever mount namespace it
 * ran, and goes with its interface. Nothing is pinned: the interfaces lead back to the program and
 * the program to its maps. All interfaces of a network namespace share one program. */
#ifndef XLVS_REALSERVER_DECAP_H
#define XLVS_REALSERVER_DECAP_H

#include "realserver/host.h"

struct xlvs_rs_decap {
	int program_fd;
	int vips_fd;
	int sources_fd;
	int locals_fd;
	int counts_fd;
};

enum xlvs_rs_attached {
	XLVS_RS_NOT_ATTACHED,
	XLVS_RS_NATIVE,
	XLVS_RS_GENERIC,
};

/* The program that is attached to an interface of this host; -ENOENT if there is none, -EPROTO if
 * it is that of another version of xlvs, which has to be removed first. On failure there is nothing
 * to close. */
int xlvs_rs_decap_find(const struct xlvs_rs_host *host, struct xlvs_rs_decap *ret,
		       struct xlvs_error *reterr);

/* A fresh one, attached nowhere: it is gone when closed. */
int xlvs_rs_decap_load(struct xlvs_rs_decap *ret, struct xlvs_error *reterr);

void xlvs_rs_decap_close(struct xlvs_rs_decap *decap);

/* Whether the program (of any version) is on this interface, and how. */
enum xlvs_rs_attached xlvs_rs_decap_attached(int ifindex);

/* Attach, native where the driver can, else generic; being attached already is fine. -EBUSY if
 * another program is. */
int xlvs_rs_decap_attach(const struct xlvs_rs_decap *decap,
			 const struct xlvs_rs_interface *interface, struct xlvs_error *reterr);

/* Detach, whatever its version; not being attached is fine. */
int xlvs_rs_decap_detach(const struct xlvs_rs_interface *interface, struct xlvs_error *reterr);

/* Accept packets for the VIP, from its directors only if it names any. */
int xlvs_rs_decap_accept(const struct xlvs_rs_decap *decap, const struct xlvs_rs_vip *vip,
			 struct xlvs_error *reterr);
void xlvs_rs_decap_refuse(const struct xlvs_rs_decap *decap, const struct xlvs_rs_vip *vip);

/* Whether it accepts just what the VIP says. */
bool xlvs_rs_decap_accepts(const struct xlvs_rs_decap *decap, const struct xlvs_rs_vip *vip);

/* The outer destinations: take these and no others, or say whether one is taken. */
int xlvs_rs_decap_set_locals(const struct xlvs_rs_decap *decap, const struct in6_addr *addresses,
			     size_t n_addresses, struct xlvs_error *reterr);
bool xlvs_rs_decap_has_local(const struct xlvs_rs_decap *decap, const struct in6_addr *address);

/* Totals of all CPUs. */
int xlvs_rs_decap_counts(const struct xlvs_rs_decap *decap, uint64_t ret[XLVS_RS_COUNTS_END]);

#endif
