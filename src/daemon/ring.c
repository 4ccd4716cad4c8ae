// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/ring.h"

#include "abi/config.h"
#include "daemon/clock.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* The packet path may ask faster than it can be answered: others must have their turn. */
#define EVENTS_PER_TURN 4096

struct xlvs_ring {
	struct ring_buffer *buffer;
	struct xlvs_nexthops *nexthops;
	/* Of the turn under way. */
	uint64_t now_ms;
	unsigned int n_events;
};

static int on_event(void *context, void *data, size_t bytes)
{
	struct xlvs_ring *ring = context;
	struct xlvs_neigh_key key = {0};
	struct xlvs_event event;

	if (bytes < sizeof(event))
		return 0;
	memcpy(&event, data, sizeof(event));
	if (event.family != AF_INET && event.family != AF_INET6)
		return 0;
	key.ifindex = event.ifindex;
	key.family = event.family;
	memcpy(&key.address, event.address, sizeof(key.address));
	if (key.ifindex)
		xlvs_neighbours_want(xlvs_nexthops_neighbours(ring->nexthops), &key, ring->now_ms);
	else
		xlvs_nexthops_learn(ring->nexthops, (uint16_t)key.family, &key.address,
				    event.mtu_bytes);
	return ++ring->n_events < EVENTS_PER_TURN ? 0 : -EAGAIN;
}

int xlvs_ring_open(int map_fd, struct xlvs_nexthops *nexthops, struct xlvs_ring **ret_ring)
{
	struct xlvs_ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return -ENOMEM;
	ring->nexthops = nexthops;
	ring->buffer = ring_buffer__new(map_fd, on_event, ring, NULL);
	if (!ring->buffer) {
		int r = -errno;

		free(ring);
		return r;
	}
	*ret_ring = ring;
	return 0;
}

void xlvs_ring_close(struct xlvs_ring *ring)
{
	if (!ring)
		return;
	ring_buffer__free(ring->buffer);
	free(ring);
}

int xlvs_ring_fd(const struct xlvs_ring *ring)
{
	return ring_buffer__epoll_fd(ring->buffer);
}

void xlvs_ring_read(struct xlvs_ring *ring)
{
	ring->now_ms = xlvs_now_ns() / 1000000;
	ring->n_events = 0;
	ring_buffer__consume(ring->buffer);
}
