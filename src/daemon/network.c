// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/network.h"

#include "daemon/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct xlvs_network {
	struct xlvs_rtnl_handler handler;
	struct xlvs_rtnl *rtnl;
	struct xlvs_interfaces *interfaces;
	struct xlvs_nexthops *nexthops;
};

static void on_link(void *context, const struct xlvs_link *link, bool is_gone)
{
	struct xlvs_network *network = context;

	/* The kernel removes the routes of a link that goes down without a word. */
	if (xlvs_interfaces_event(network->interfaces, link, is_gone))
		xlvs_nexthops_changed(network->nexthops, AF_UNSPEC, NULL);
}

static void on_neigh(void *context, const struct xlvs_neigh *neigh, bool is_gone)
{
	struct xlvs_network *network = context;

	xlvs_neighbours_event(xlvs_nexthops_neighbours(network->nexthops), neigh, is_gone);
}

static void on_changed(void *context, uint16_t family, const struct xlvs_prefix *prefix)
{
	struct xlvs_network *network = context;

	xlvs_nexthops_changed(network->nexthops, family, prefix);
}

/* Learn everything anew; what is not there any more is told as gone. */
static int read_all(struct xlvs_network *network)
{
	struct xlvs_neighbours *neighbours = xlvs_nexthops_neighbours(network->nexthops);
	int r;

	xlvs_interfaces_before_dump(network->interfaces);
	xlvs_neighbours_before_dump(neighbours);
	r = xlvs_rtnl_dump(network->rtnl);
	if (r < 0)
		return r;
	xlvs_interfaces_after_dump(network->interfaces);
	xlvs_neighbours_after_dump(neighbours);
	xlvs_nexthops_changed(network->nexthops, AF_UNSPEC, NULL);
	return 0;
}

int xlvs_network_open(const struct xlvs_options *options, struct xlvs_network **ret_network,
		      struct xlvs_error *reterr)
{
	struct xlvs_network *network = calloc(1, sizeof(*network));
	int r;

	if (!network)
		return -ENOMEM;
	network->handler = (struct xlvs_rtnl_handler){
		.context = network,
		.link = on_link,
		.neigh = on_neigh,
		.changed = on_changed,
	};
	r = xlvs_rtnl_open(&network->handler, &network->rtnl);
	if (r == 0)
		r = xlvs_interfaces_new(options, &network->interfaces);
	if (r == 0)
		r = xlvs_nexthops_new(network->rtnl, network->interfaces, &network->nexthops);
	if (r == 0)
		r = read_all(network);
	if (r < 0)
		xlvs_refuse(reterr, r, "links and neighbours cannot be read: %s", strerror(-r));
	else
		r = xlvs_interfaces_check(network->interfaces, reterr);
	if (r < 0) {
		xlvs_network_close(network, false);
		return r;
	}
	*ret_network = network;
	return 0;
}

int xlvs_network_start(struct xlvs_network *network, struct xlvs_loader *loader,
		       const struct xlvs_model *model, bool adopted, struct xlvs_error *reterr)
{
	const struct xlvs_model_dest *dest;
	int r;

	r = xlvs_interfaces_start(network->interfaces, loader, adopted, reterr);
	if (r < 0)
		return r;
	xlvs_nexthops_start(network->nexthops, loader);
	for (dest = xlvs_model_next_dest(model, 0); dest;
	     dest = xlvs_model_next_dest(model, dest->id + 1)) {
		r = xlvs_nexthops_track(network->nexthops, dest->id, &dest->spec.key);
		if (r < 0)
			return xlvs_refuse(reterr, r, "out of memory");
	}
	return 0;
}

void xlvs_network_close(struct xlvs_network *network, bool release)
{
	if (!network)
		return;
	xlvs_nexthops_free(network->nexthops, release);
	xlvs_interfaces_free(network->interfaces);
	xlvs_rtnl_close(network->rtnl);
	free(network);
}

int xlvs_network_fd(const struct xlvs_network *network)
{
	return xlvs_rtnl_fd(network->rtnl);
}

void xlvs_network_read(struct xlvs_network *network)
{
	int r;

	r = xlvs_rtnl_read(network->rtnl);
	if (r == 0)
		return;
	/* More happened than the socket could hold. */
	if (r == -ENOBUFS)
		r = read_all(network);
	if (r < 0)
		xlvs_log(LOG_ERR, "links and neighbours cannot be followed: %s", strerror(-r));
}

void xlvs_network_catch_up(struct xlvs_network *network)
{
	if (xlvs_rtnl_has_news(network->rtnl))
		xlvs_network_read(network);
}

struct xlvs_interfaces *xlvs_network_interfaces(struct xlvs_network *network)
{
	return network->interfaces;
}

struct xlvs_nexthops *xlvs_network_nexthops(struct xlvs_network *network)
{
	return network->nexthops;
}
