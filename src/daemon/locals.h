/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's local tables say of addresses: which are the director's own, which broadcast,
 * anycast or multicast. Every other address is some host's.
 *
 * A copy of these tables, so that a hundred thousand destinations can be looked at without as many
 * questions to the kernel. It is read again only when it may have changed and somebody asks. */
#ifndef XLVS_DAEMON_LOCALS_H
#define XLVS_DAEMON_LOCALS_H

#include "base/error.h"
#include "daemon/rtnl.h"

struct xlvs_locals;

int xlvs_locals_new(struct xlvs_rtnl *rtnl, struct xlvs_locals **ret_locals);
/* NULL is allowed. */
void xlvs_locals_free(struct xlvs_locals *locals);

/* The tables may have changed. */
void xlvs_locals_changed(struct xlvs_locals *locals);

/* RTN_LOCAL, RTN_BROADCAST, RTN_ANYCAST, RTN_MULTICAST, or RTN_UNICAST for all others. -errno when
 * the tables cannot be read. */
int xlvs_locals_type(struct xlvs_locals *locals, uint16_t family,
		     const struct xlvs_address *address, uint8_t *ret_type);

/* Whether the tables have anything against this address as a new destination's: -EINVAL for one
 * that is no single host's. */
int xlvs_locals_check(struct xlvs_locals *locals, const struct xlvs_dest_key *key,
		      struct xlvs_error *reterr);

#endif
