// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/director.h"

#include "daemon/clock.h"
#include "daemon/dispatch.h"
#include "daemon/log.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

static int open_socket(struct xlvs_director *director, struct xlvs_error *reterr)
{
	int r;

	r = xlvs_server_open(NULL, xlvs_dispatch, director, &director->server);
	if (r == -EADDRINUSE)
		return xlvs_refuse(reterr, r,
				   "another director runs in this network namespace: its control "
				   "socket @" XLVS_CONTROL_SOCKET " is taken");
	if (r < 0)
		return xlvs_refuse(reterr, r, "control socket: %s", strerror(-r));
	return 0;
}

/* Forwarding works without, but for what needs it. */
static void open_detour(struct xlvs_director *director)
{
	struct xlvs_error error = {{0}};

	if (xlvs_loader_open_detour(director->loader, &error) < 0)
		xlvs_log(LOG_WARNING,
			 "%s: fragments have to come in order, and packets too big "
			 "for the next link are dropped",
			 error.text);
}

/* The table stays as large as it is: connections live in it. */
static void compare_room(uint64_t wanted, const struct xlvs_runtime *runtime)
{
	uint64_t present = runtime->conn_limit / 2; /* two records each */

	if (present < wanted || present > wanted + XLVS_CONN_GROUP)
		xlvs_log(LOG_NOTICE,
			 "the connection table keeps its room for %" PRIu64
			 " connections: only a stop and a new start change it",
			 present);
}

static int adopt(struct xlvs_director *director, struct xlvs_error *reterr)
{
	const struct xlvs_model_dest *dest;
	uint32_t n_dests = 0;
	int r;

	r = xlvs_loader_adopt(director->loader, director->model, reterr);
	if (r < 0)
		return r;
	for (dest = xlvs_model_next_dest(director->model, 0); dest;
	     dest = xlvs_model_next_dest(director->model, dest->id + 1)) {
		struct xlvs_counters now;

		xlvs_loader_dest_counters(director->loader, dest->id, &now);
		xlvs_estimator_reset_dest(director->estimator, dest->id, &now);
		n_dests += dest->available;
	}
	xlvs_log(LOG_NOTICE,
		 "taken over from a former daemon: %" PRIu32 " services, %" PRIu32
		 " destinations, %" PRIu32 " connection records",
		 xlvs_model_n_services(director->model, AF_INET) +
			 xlvs_model_n_services(director->model, AF_INET6),
		 n_dests, xlvs_loader_maps(director->loader)->runtime->records);
	return 0;
}

static int start(const struct xlvs_options *options, struct xlvs_director *director,
		 struct xlvs_error *reterr)
{
	int r;

	r = open_socket(director, reterr);
	if (r == 0)
		r = xlvs_network_open(options, &director->network, reterr);
	if (r == 0)
		r = xlvs_estimator_new(&director->estimator);
	if (r == 0)
		r = xlvs_loader_open(&options->loader, &director->loader, &director->adopted,
				     reterr);
	if (r < 0)
		return r;
	director->model = xlvs_model_new();
	if (!director->model)
		return -ENOMEM;
	r = xlvs_trash_new(director->model, xlvs_loader_maps(director->loader)->dests,
			   &director->trash);
	if (r == 0 && director->adopted)
		r = adopt(director, reterr);
	if (r == 0 && director->adopted)
		compare_room(options->loader.connections,
			     xlvs_loader_maps(director->loader)->runtime);
	if (r == 0)
		open_detour(director);
	if (r == 0)
		r = xlvs_network_start(director->network, director->loader, director->model,
				       director->adopted, reterr);
	if (r == 0)
		r = xlvs_ring_open(xlvs_loader_events_fd(director->loader),
				   xlvs_network_nexthops(director->network), &director->ring);
	return r;
}

int xlvs_director_start(const struct xlvs_options *options, struct xlvs_director *director,
			struct xlvs_error *reterr)
{
	struct xlvs_error error = {{0}};
	int r;

	*director = (struct xlvs_director){.started_sec = xlvs_now_sec()};
	r = start(options, director, &error);
	if (r == 0)
		return 0;
	xlvs_director_stop(director, director->adopted ? XLVS_DIRECTOR_LEAVE : XLVS_DIRECTOR_STOP);
	return xlvs_refuse(reterr, r, "%s", error.text[0] ? error.text : strerror(-r));
}

void xlvs_director_stop(struct xlvs_director *director, enum xlvs_director_end end)
{
	xlvs_ring_close(director->ring);
	xlvs_network_close(director->network, end == XLVS_DIRECTOR_STOP);
	if (director->loader && end == XLVS_DIRECTOR_STOP)
		xlvs_loader_shutdown(director->loader);
	if (director->loader)
		xlvs_loader_close(director->loader);
	xlvs_trash_free(director->trash);
	xlvs_estimator_free(director->estimator);
	xlvs_model_free(director->model);
	xlvs_server_close(director->server);
}
