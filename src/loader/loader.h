/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet path's life in the kernel: load, pin, attach, adopt what a former daemon left, and
 * write what the model planned into the maps.
 *
 * Owns every write to the maps, and the order of writes: what is new is complete before anything
 * points to it, and what is old is reused only when no packet can still be reading it. A kill at
 * any instant leaves the plan under way wholly carried out or not begun, once the next daemon has
 * adopted the maps.
 * Called by the daemon's event loop alone, and by one daemon in a network namespace. */
#ifndef XLVS_LOADER_LOADER_H
#define XLVS_LOADER_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/config.h"
#include "abi/connection.h"
#include "abi/destination.h"
#include "abi/limits.h"
#include "abi/mark.h"
#include "abi/reason.h"
#include "abi/schedule.h"
#include "abi/service.h"
#include "base/error.h"
#include "model/model.h"

struct xlvs_loader;

/* What the names of our own interfaces begin with: see loader/detour.h. */
#define XLVS_DETOUR_NAME "xlvs-detour"

enum xlvs_mode {
	XLVS_MODE_AUTO,
	XLVS_MODE_NATIVE,
	XLVS_MODE_GENERIC,
};

struct xlvs_loader_options {
	uint64_t connections; /* two-way connections to have room for; ignored when adopting */
	uint32_t mh_slots; /* of a table of the scheduler mh; 0: XLVS_MH_SLOTS_DEFAULT */
};

/* The maps as memory. n_conns records, n_cpus rows of traffic and reasons. */
struct xlvs_maps {
	struct xlvs_conn *conns;
	struct xlvs_control *controls; /* one a record */
	uint32_t n_conns;
	uint32_t n_cpus;
	struct xlvs_service *services;
	struct xlvs_dest *dests;
	union xlvs_chunk *chunks;
	struct xlvs_nexthop *nexthops;
	struct xlvs_nexthop *gateways;
	struct xlvs_traffic *traffic;
	uint64_t *reasons; /* [cpu * XLVS_REASONS_MAX + reason] */
	struct xlvs_ledger *dest_ledger;
	struct xlvs_ledger *service_ledger;
	struct xlvs_mark_rule *marks;
	struct xlvs_runtime *runtime;
	int pe_data_fd; /* of the map xlvs_pe_data, which is no memory */
};

/* Take over the packet path of this network namespace, found on its interfaces or else by its pins,
 * or load one afresh; *ret_adopted tells which, and if so xlvs_loader_adopt() must be next. The
 * programs are always the ones this daemon was built with: interfaces that run a former one run
 * them from now on, without a gap. Refuses in one line what cannot work here: -EPERM not root,
 * -EOPNOTSUPP kernel too old, -EPROTONOSUPPORT another version's layout, -EINVAL or -ENOMEM such a
 * connection table, or what the kernel says. */
int xlvs_loader_open(const struct xlvs_loader_options *options, struct xlvs_loader **ret_loader,
		     bool *ret_adopted, struct xlvs_error *reterr);

/* Rebuild the new, empty model from adopted maps, and finish or forget the plan that a killed
 * daemon was carrying out. -EINVAL: the maps contradict themselves; they are left as they are and
 * forwarding goes on, but this loader can only be closed. */
int xlvs_loader_adopt(struct xlvs_loader *loader, struct xlvs_model *model,
		      struct xlvs_error *reterr);

const struct xlvs_maps *xlvs_loader_maps(const struct xlvs_loader *loader);
int xlvs_loader_events_fd(const struct xlvs_loader *loader); /* of the ring xlvs_events */

/* Attach to an interface, in the mode asked for; *ret_native tells which it became. AUTO leaves an
 * attached one in the mode it is in; a change of mode leaves a gap of some milliseconds. -ENODEV,
 * -EOPNOTSUPP (no native XDP there), -EBUSY (another program). */
int xlvs_loader_attach(struct xlvs_loader *loader, uint32_t ifindex, enum xlvs_mode mode,
		       bool *ret_native, struct xlvs_error *reterr);
/* See what leaves by an interface that is attached, too, until it is detached. */
int xlvs_loader_attach_egress(struct xlvs_loader *loader, uint32_t ifindex,
			      struct xlvs_error *reterr);
/* Programs of the director's own reach services from now on by this pair of interfaces; without one
 * (0, 0) not any more. Errors as those of attaching. */
int xlvs_loader_serve_host(struct xlvs_loader *loader, uint32_t near_ifindex, uint32_t far_ifindex,
			   struct xlvs_error *reterr);
/* -ENODEV, -ENOENT (not attached there, or to carry marks). */
int xlvs_loader_detach(struct xlvs_loader *loader, uint32_t ifindex);
/* Make the way for packets that XDP cannot finish (loader/detour.h), unless it is there. Errors as
 * those of attaching; without it fragments that come before their first one are not forwarded, and
 * packets too big for the next link are dropped. */
int xlvs_loader_open_detour(struct xlvs_loader *loader, struct xlvs_error *reterr);
/* What leaves by this interface takes the detour from now on, or does not: for interfaces that
 * cannot send what comes from native XDP. Next hops that lead there have to be set anew. -errno of
 * the map. */
int xlvs_loader_set_detour(struct xlvs_loader *loader, uint32_t ifindex, bool by_detour);
/* From now on packets that enter by the near end of a veth pair bring netfilter's mark with them;
 * a far end of 0 ends that. Errors as those of attaching. */
int xlvs_loader_carry_marks(struct xlvs_loader *loader, uint32_t near_ifindex, uint32_t far_ifindex,
			    struct xlvs_error *reterr);
/* Clean shutdown: detach everywhere and remove the pins. Nothing but closing may follow. */
void xlvs_loader_shutdown(struct xlvs_loader *loader);
/* Let go of the maps; the packet path goes on unless it was shut down. */
void xlvs_loader_close(struct xlvs_loader *loader);

/* Carry out the plan that one change of this model made, before the model changes again. All or
 * nothing: on failure (-ENOSPC: no room for a list or a service, -ENOMEM) the maps are as before,
 * and the model is ahead of them. */
int xlvs_loader_apply(struct xlvs_loader *loader, const struct xlvs_model *model,
		      const struct xlvs_plan *plan, struct xlvs_error *reterr);

/* Give destination `dest` a next hop, or none (NULL): one store switches packets over. One whose
 * behind_ifindex is not 0 is reached by the detour. -ENOENT no
 * such destination, -ENOSPC, -ENOMEM. */
int xlvs_loader_set_nexthop(struct xlvs_loader *loader, uint32_t dest,
			    const struct xlvs_nexthop *nexthop);
/* Whether destination `dest`, which has no next hop then, is an address of the director. */
void xlvs_loader_set_local(struct xlvs_loader *loader, uint32_t dest, bool is_local);
/* Routes, neighbours or addresses changed: cached next hops towards clients are stale. */
void xlvs_loader_bump_generation(struct xlvs_loader *loader);

/* Counters as shown: carried + counted - zeroed. A service's are the sum of its destinations',
 * removed ones included. */
void xlvs_loader_dest_counters(const struct xlvs_loader *loader, uint32_t dest,
			       struct xlvs_counters *ret_counters);
void xlvs_loader_service_counters(const struct xlvs_loader *loader, const struct xlvs_model *model,
				  uint32_t service, struct xlvs_counters *ret_counters);
uint64_t xlvs_loader_reason(const struct xlvs_loader *loader, uint32_t reason);

#endif
