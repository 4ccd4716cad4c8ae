/* SPDX-License-Identifier: GPL-2.0-or-later */
/* This network namespace as the director uses it: what the kernel tells of links, neighbours and
 * routes goes to those it concerns. */
#ifndef XLVS_DAEMON_NETWORK_H
#define XLVS_DAEMON_NETWORK_H

#include "daemon/interface.h"
#include "daemon/nexthop.h"

struct xlvs_network;

/* Read what there is, before anything is loaded: refuses what the command line asks for and the
 * machine does not have. *options must outlive the rest. */
int xlvs_network_open(const struct xlvs_options *options, struct xlvs_network **ret_network,
		      struct xlvs_error *reterr);
/* Attach the packet path, and give the model's destinations their next hops. */
int xlvs_network_start(struct xlvs_network *network, struct xlvs_loader *loader,
		       const struct xlvs_model *model, bool adopted, struct xlvs_error *reterr);
/* release: as xlvs_nexthops_free(). */
void xlvs_network_close(struct xlvs_network *network, bool release);

/* When the fd is readable. */
int xlvs_network_fd(const struct xlvs_network *network);
void xlvs_network_read(struct xlvs_network *network);
/* Read what has happened up to now, before something is judged by it. */
void xlvs_network_catch_up(struct xlvs_network *network);

struct xlvs_interfaces *xlvs_network_interfaces(struct xlvs_network *network);
struct xlvs_nexthops *xlvs_network_nexthops(struct xlvs_network *network);

#endif
