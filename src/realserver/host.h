/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The interfaces, addresses and routes of the network namespace, by route netlink: a picture taken
 * when opened, and the two changes `xlvs rs` makes. */
#ifndef XLVS_REALSERVER_HOST_H
#define XLVS_REALSERVER_HOST_H

#include "realserver/realserver.h"

struct nl_cache;
struct nl_sock;

struct xlvs_rs_host {
	struct nl_sock *sock;
	struct nl_cache *links;
	struct nl_cache *addresses;
};

struct xlvs_rs_interface {
	int ifindex;
	char name[IF_NAMESIZE];
};

/* On failure there is nothing to close. */
int xlvs_rs_host_open(struct xlvs_rs_host *ret, struct xlvs_error *reterr);
void xlvs_rs_host_close(struct xlvs_rs_host *host);

/* The interfaces that face the director: those the VIP names, as far as they exist, or else every
 * Ethernet interface that is up and no part of a bridge or bond. Free *ret. */
int xlvs_rs_host_facing(const struct xlvs_rs_host *host, const struct xlvs_rs_vip *vip,
			struct xlvs_rs_interface **ret, size_t *ret_n);

/* Every interface. Free *ret. */
int xlvs_rs_host_interfaces(const struct xlvs_rs_host *host, struct xlvs_rs_interface **ret,
			    size_t *ret_n);

/* The loopback interface. */
bool xlvs_rs_host_lo_up(const struct xlvs_rs_host *host);
bool xlvs_rs_host_on_lo(const struct xlvs_rs_host *host, const struct in6_addr *address);

/* Any other interface that has the address: its name in `name`. */
bool xlvs_rs_host_elsewhere(const struct xlvs_rs_host *host, const struct in6_addr *address,
			    char name[static IF_NAMESIZE]);

/* Every address of the host but 127.0.0.0/8 and ::1. Free *ret. */
int xlvs_rs_host_addresses(const struct xlvs_rs_host *host, struct in6_addr **ret, size_t *ret_n);

/* The gateways of the default route (of several, that with the lowest metric) in the main table of
 * the address family of `like`; none is an answer too. */
int xlvs_rs_host_gateways(const struct xlvs_rs_host *host, const struct in6_addr *like,
			  struct in6_addr ret[static XLVS_RS_DIRECTORS_MAX], size_t *ret_n,
			  struct xlvs_error *reterr);

/* The VIP on lo, as a host address; there, or not there, already is no error. */
int xlvs_rs_host_add_vip(const struct xlvs_rs_host *host, const struct in6_addr *vip,
			 struct xlvs_error *reterr);
int xlvs_rs_host_del_vip(const struct xlvs_rs_host *host, const struct in6_addr *vip,
			 struct xlvs_error *reterr);

#endif
