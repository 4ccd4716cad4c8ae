// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/loop.h"

#include "daemon/apply.h"
#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/sysctl.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <uv.h>

/* Changes of routes come in bursts: they wait for each other this long. What a command needs does
 * not wait, but the next commands come first. */
#define SETTLE_DELAY_MS	  10
#define SETTLE_NS	  2000000
#define SETTLE_BESIDE_NS  50000
#define COMMANDS_PAUSE_NS 2000000
#define RETRY_PERIOD_MS	  10000

struct client {
	uv_poll_t poll; /* first: what libuv returns */
	struct xlvs_loop *loop;
	struct xlvs_peer *peer;
	LIST_ENTRY(client) link;
};

struct xlvs_loop {
	uv_loop_t uv;
	struct xlvs_director *director;
	enum xlvs_director_end end;
	uv_signal_t terminate, interrupt, quit, hangup;
	uv_poll_t accept, network, ring;
	uv_timer_t settle, retry, estimate, look, trash, defend;
	LIST_HEAD(, client) clients;
	uint64_t client_ns; /* when one was last served */
};

/* Signals. */

static void on_end(uv_signal_t *handle, int number)
{
	struct xlvs_loop *loop = handle->data;

	loop->end = number == SIGQUIT ? XLVS_DIRECTOR_LEAVE : XLVS_DIRECTOR_STOP;
	uv_stop(&loop->uv);
}

static void on_hangup(uv_signal_t *handle, int number)
{
	(void)handle;
	(void)number;
	xlvs_log(LOG_NOTICE, "SIGHUP: there is no configuration file to read");
}

static int start_signal(struct xlvs_loop *loop, uv_signal_t *handle, uv_signal_cb callback,
			int number)
{
	int r = uv_signal_init(&loop->uv, handle);

	handle->data = loop;
	return r < 0 ? r : uv_signal_start(handle, callback, number);
}

int xlvs_loop_new(struct xlvs_loop **ret_loop)
{
	struct xlvs_loop *loop = calloc(1, sizeof(*loop));
	int r;

	if (!loop)
		return -ENOMEM;
	LIST_INIT(&loop->clients);
	r = uv_loop_init(&loop->uv);
	if (r < 0) {
		free(loop);
		return r;
	}
	r = start_signal(loop, &loop->terminate, on_end, SIGTERM);
	if (r == 0)
		r = start_signal(loop, &loop->interrupt, on_end, SIGINT);
	if (r == 0)
		r = start_signal(loop, &loop->quit, on_end, SIGQUIT);
	if (r == 0)
		r = start_signal(loop, &loop->hangup, on_hangup, SIGHUP);
	if (r < 0) {
		xlvs_loop_free(loop);
		return r;
	}
	*ret_loop = loop;
	return 0;
}

static void close_client(uv_handle_t *handle)
{
	free(handle);
}

static void drop_client(struct client *client)
{
	LIST_REMOVE(client, link);
	uv_poll_stop(&client->poll);
	xlvs_peer_free(client->peer);
	uv_close((uv_handle_t *)&client->poll, close_client);
}

static void close_handle(uv_handle_t *handle, void *context)
{
	(void)context;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void xlvs_loop_free(struct xlvs_loop *loop)
{
	if (!loop)
		return;
	while (!LIST_EMPTY(&loop->clients))
		drop_client(LIST_FIRST(&loop->clients));
	uv_walk(&loop->uv, close_handle, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	uv_loop_close(&loop->uv);
	free(loop);
}

/* Next hops. */

static void on_settle(uv_timer_t *timer)
{
	struct xlvs_loop *loop = timer->data;
	struct xlvs_nexthops *nexthops = xlvs_network_nexthops(loop->director->network);

	bool is_busy = xlvs_now_ns() - loop->client_ns < COMMANDS_PAUSE_NS;

	xlvs_nexthops_settle(nexthops, is_busy ? SETTLE_BESIDE_NS : SETTLE_NS);
	if (xlvs_nexthops_pending(nexthops))
		uv_timer_start(timer, on_settle, 1, 0);
}

static void settle_soon(struct xlvs_loop *loop, uint64_t delay_ms)
{
	if (!uv_is_active((uv_handle_t *)&loop->settle) &&
	    xlvs_nexthops_pending(xlvs_network_nexthops(loop->director->network)))
		uv_timer_start(&loop->settle, on_settle, delay_ms, 0);
}

static void on_network(uv_poll_t *poll, int status, int events)
{
	struct xlvs_loop *loop = poll->data;

	(void)events;
	xlvs_network_read(loop->director->network);
	settle_soon(loop, SETTLE_DELAY_MS);
	/* An overflow counts as an error, on which libuv stops to poll; reading has cleared it. */
	if (status < 0)
		uv_poll_start(poll, UV_READABLE, on_network);
}

static void on_retry(uv_timer_t *timer)
{
	struct xlvs_loop *loop = timer->data;

	xlvs_nexthops_retry(xlvs_network_nexthops(loop->director->network));
	settle_soon(loop, SETTLE_DELAY_MS);
}

static void on_ring(uv_poll_t *poll, int status, int events)
{
	struct xlvs_loop *loop = poll->data;

	(void)status;
	(void)events;
	xlvs_ring_read(loop->director->ring);
}

/* The other timers. */

static void on_estimate(uv_timer_t *timer)
{
	struct xlvs_loop *loop = timer->data;
	struct xlvs_director *director = loop->director;

	if (xlvs_model_setting(director->model, XLVS_SETTING_run_estimation))
		xlvs_estimator_tick(director->estimator, director->model, director->loader);
}

static void on_defend(uv_timer_t *timer)
{
	struct xlvs_loop *loop = timer->data;

	xlvs_sysctl_defend(loop->director, NULL);
}

static void on_look(uv_timer_t *timer)
{
	struct xlvs_loop *loop = timer->data;
	struct xlvs_watch_sample sample = xlvs_watch_take_sample(loop->director->loader);

	xlvs_watch_look(&loop->director->watch, &sample);
}

static void on_trash(uv_timer_t *timer)
{
	struct xlvs_loop *loop = timer->data;
	struct xlvs_plan plan = {0};

	if (xlvs_trash_look(loop->director->trash, xlvs_now_sec(), &plan) < 0)
		xlvs_log(LOG_WARNING, "out of memory: deleted destinations stay a minute longer");
	xlvs_apply_final(loop->director, &plan, NULL);
}

/* The control socket. */

static int to_uv(short events)
{
	return (events & POLLIN ? UV_READABLE | UV_DISCONNECT : 0) |
	       (events & POLLOUT ? UV_WRITABLE | UV_DISCONNECT : 0);
}

static short from_uv(int status, int events)
{
	return (short)((events & UV_READABLE ? POLLIN : 0) | (events & UV_WRITABLE ? POLLOUT : 0) |
		       (events & UV_DISCONNECT ? POLLHUP : 0) | (status < 0 ? POLLERR : 0));
}

static void on_client(uv_poll_t *poll, int status, int events)
{
	struct client *client = (struct client *)poll;
	struct xlvs_loop *loop = client->loop;
	int r;

	r = xlvs_peer_handle(client->peer, from_uv(status, events));
	if (r == 0)
		r = uv_poll_start(poll, to_uv(xlvs_peer_events(client->peer)), on_client);
	if (r < 0)
		drop_client(client);
	loop->client_ns = xlvs_now_ns();
	settle_soon(loop, 0);
}

static int watch_peer(struct xlvs_loop *loop, struct xlvs_peer *peer)
{
	struct client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return -ENOMEM;
	r = uv_poll_init(&loop->uv, &client->poll, xlvs_peer_fd(peer));
	if (r < 0) {
		free(client);
		return r;
	}
	client->loop = loop;
	client->peer = peer;
	LIST_INSERT_HEAD(&loop->clients, client, link);
	r = uv_poll_start(&client->poll, to_uv(xlvs_peer_events(peer)), on_client);
	if (r < 0)
		drop_client(client);
	return 0;
}

static void on_accept(uv_poll_t *poll, int status, int events)
{
	struct xlvs_loop *loop = poll->data;
	struct xlvs_peer *peer;
	int r;

	(void)status;
	(void)events;
	while ((r = xlvs_server_accept(loop->director->server, &peer)) != -EAGAIN) {
		if (r == 0 && watch_peer(loop, peer) < 0)
			xlvs_peer_free(peer);
		if (r == -EMFILE || r == -ENFILE || r == -ENOMEM)
			return;
	}
}

static int start_poll(struct xlvs_loop *loop, uv_poll_t *handle, int fd, uv_poll_cb callback)
{
	int r = uv_poll_init(&loop->uv, handle, fd);

	handle->data = loop;
	return r < 0 ? r : uv_poll_start(handle, UV_READABLE, callback);
}

static void start_timer(struct xlvs_loop *loop, uv_timer_t *handle, uv_timer_cb callback,
			uint64_t period_ms)
{
	uv_timer_init(&loop->uv, handle);
	handle->data = loop;
	if (callback)
		uv_timer_start(handle, callback, period_ms, period_ms);
}

int xlvs_loop_start(struct xlvs_loop *loop, struct xlvs_director *director)
{
	int r;

	loop->director = director;
	start_timer(loop, &loop->settle, NULL, 0);
	start_timer(loop, &loop->retry, on_retry, RETRY_PERIOD_MS);
	start_timer(loop, &loop->estimate, on_estimate,
		    XLVS_ESTIMATOR_PERIOD_MS / XLVS_ESTIMATOR_PARTS);
	start_timer(loop, &loop->look, on_look, XLVS_WATCH_PERIOD_MS);
	start_timer(loop, &loop->defend, on_defend, XLVS_DEFENCE_PERIOD_MS);
	start_timer(loop, &loop->trash, on_trash, XLVS_TRASH_PERIOD_SEC * 1000ULL);
	r = start_poll(loop, &loop->network, xlvs_network_fd(director->network), on_network);
	if (r == 0)
		r = start_poll(loop, &loop->ring, xlvs_ring_fd(director->ring), on_ring);
	if (r == 0)
		r = start_poll(loop, &loop->accept, xlvs_server_fd(director->server), on_accept);
	settle_soon(loop, SETTLE_DELAY_MS);
	return r;
}

enum xlvs_director_end xlvs_loop_run(struct xlvs_loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	return loop->end;
}
