/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The links of this network namespace, and which of them the packet path is attached to: those
 * named on the command line, or all that could bring packets for the director, as they come and
 * go.
 *
 * -i all means every Ethernet interface that delivers packets to the IP stack itself: not the
 * loopback, not a port of a bridge, bond or team (the bridge, bond or team is attached instead),
 * not a VRF (its ports are). */
#ifndef XLVS_DAEMON_INTERFACE_H
#define XLVS_DAEMON_INTERFACE_H

#include "daemon/options.h"
#include "daemon/rtnl.h"

struct xlvs_interfaces;

struct xlvs_interface {
	struct xlvs_link link;
	bool attached;
	bool native;
	bool by_detour; /* what leaves by it takes the detour: packets come by others, natively */
	bool complained; /* that packets leave by it although it is not attached */
	bool failed; /* to attach; tried again when the link changes */
	bool seen; /* in the dump under way */
	struct xlvs_interface *next; /* by ifindex */
};

/* *options must outlive the rest. */
int xlvs_interfaces_new(const struct xlvs_options *options,
			struct xlvs_interfaces **ret_interfaces);
void xlvs_interfaces_free(struct xlvs_interfaces *interfaces);

/* -ENODEV for a name on the command line that is no interface, -EOPNOTSUPP for one that is not
 * Ethernet. */
int xlvs_interfaces_check(const struct xlvs_interfaces *interfaces, struct xlvs_error *reterr);

/* Attach to every wanted interface, now and from now on as they appear. Of an adopted packet path,
 * interfaces that are no longer wanted are detached. Fails if a named interface cannot be attached;
 * those that only -i all means are left out with a warning. */
int xlvs_interfaces_start(struct xlvs_interfaces *interfaces, struct xlvs_loader *loader,
			  bool adopted, struct xlvs_error *reterr);

/* From now on replies of the director's own stack are seen where they leave. */
void xlvs_interfaces_want_egress(struct xlvs_interfaces *interfaces);

/* What the kernel said. True when it may concern where packets go. */
bool xlvs_interfaces_event(struct xlvs_interfaces *interfaces, const struct xlvs_link *link,
			   bool is_gone);
/* Around a dump that tells of all links: those not told of are gone. */
void xlvs_interfaces_before_dump(struct xlvs_interfaces *interfaces);
void xlvs_interfaces_after_dump(struct xlvs_interfaces *interfaces);

/* NULL when there is none. Borrowed until the next event. */
struct xlvs_interface *xlvs_interfaces_find(const struct xlvs_interfaces *interfaces,
					    uint32_t ifindex);
const struct xlvs_interface *xlvs_interfaces_first(const struct xlvs_interfaces *interfaces);

#endif
