/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the packet path asks of the daemon, as it comes through the ring xlvs_events. */
#ifndef XLVS_DAEMON_RING_H
#define XLVS_DAEMON_RING_H

#include "daemon/nexthop.h"

struct xlvs_ring;

/* map_fd: of xlvs_events, stays the loader's. *nexthops is told. */
int xlvs_ring_open(int map_fd, struct xlvs_nexthops *nexthops, struct xlvs_ring **ret_ring);
void xlvs_ring_close(struct xlvs_ring *ring);

/* When the fd is readable. */
int xlvs_ring_fd(const struct xlvs_ring *ring);
void xlvs_ring_read(struct xlvs_ring *ring);

#endif
