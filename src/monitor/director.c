// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/director.h"

#include "base/cleanup.h"
#include "control/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>

/* No answer takes the director so long. */
#define PATIENCE_SEC 5

struct xlvs_ld_director {
	uv_poll_t poll; /* first: what libuv returns */
	struct xlvs_client *client;
	struct xlvs_ld_director_user user;
};

static int take_answer(struct xlvs_ld_director *director)
{
	struct xlvs_error error = {""};
	int code = 0;
	int r = xlvs_client_collect(director->client, &code, &error);

	if (r == 0)
		director->user.answer(director->user.context, code, error.text);
	return r;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct xlvs_ld_director *director = (struct xlvs_ld_director *)poll;
	int r = status < 0 ? status : 0;

	(void)events;
	/* Readable without a request under way is the end of the connection. */
	if (r == 0 && !xlvs_client_pending(director->client))
		r = -ECONNRESET;
	if (r == 0)
		r = take_answer(director);
	while (r == 0 && xlvs_client_has_answer(director->client))
		r = take_answer(director);
	if (r < 0)
		director->user.lost(director->user.context);
}

int xlvs_ld_director_open(uv_loop_t *loop, const struct xlvs_ld_director_user *user,
			  struct xlvs_ld_director **ret_director)
{
	const struct timeval patience = {.tv_sec = PATIENCE_SEC};
	struct xlvs_ld_director *director = calloc(1, sizeof(*director));
	int r, fd;

	if (!director)
		return -ENOMEM;
	r = xlvs_client_open(NULL, &director->client);
	if (r < 0) {
		free(director);
		return r;
	}
	director->user = *user;
	fd = xlvs_client_fd(director->client);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	r = uv_poll_init(loop, &director->poll, fd);
	if (r < 0) {
		xlvs_client_close(director->client);
		free(director);
		return r;
	}
	/* libuv makes it so that no call waits; reading the table does wait. */
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	uv_poll_start(&director->poll, UV_READABLE | UV_DISCONNECT, on_readable);
	*ret_director = director;
	return 0;
}

static void free_director(uv_handle_t *handle)
{
	struct xlvs_ld_director *director = (struct xlvs_ld_director *)handle;

	xlvs_client_close(director->client);
	free(director);
}

void xlvs_ld_director_close(struct xlvs_ld_director *director)
{
	if (!director)
		return;
	uv_poll_stop(&director->poll);
	uv_close((uv_handle_t *)&director->poll, free_director);
}

int xlvs_ld_director_drain(struct xlvs_ld_director *director)
{
	int r = 0;

	while (r == 0 && xlvs_client_pending(director->client))
		r = take_answer(director);
	return r;
}

static int list_dests(struct xlvs_client *client, struct xlvs_listed_service *listed)
{
	XLVS_AUTO_FREE struct xlvs_dest_info *dests = NULL;
	size_t n = 0;
	int r;

	r = xlvs_client_ask_dests(client, &listed->spec.key);
	if (r == 0)
		r = xlvs_client_take_dests(client, &dests, &n);
	if (r < 0)
		return r;
	listed->dests = calloc(n + 1, sizeof(*listed->dests));
	if (!listed->dests)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		listed->dests[i] = dests[i].spec;
	listed->n_dests = n;
	return 0;
}

int xlvs_ld_director_adopt(struct xlvs_ld_director *director, struct xlvs_machine *machine,
			   enum xlvs_adopt how, struct xlvs_time time)
{
	XLVS_AUTO_FREE struct xlvs_service_info *services = NULL;
	XLVS_AUTO_FREE struct xlvs_listed_service *listed = NULL;
	size_t n = 0;
	int r;

	r = xlvs_client_services(director->client, &services, &n);
	if (r < 0)
		return r;
	listed = calloc(n + 1, sizeof(*listed));
	if (!listed)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < n; i++) {
		listed[i].spec = services[i].spec;
		r = list_dests(director->client, &listed[i]);
	}
	if (r == 0)
		r = xlvs_machine_adopt(machine, listed, n, how, time);
	for (size_t i = 0; i < n; i++)
		free(listed[i].dests);
	return r;
}

int xlvs_ld_director_send(struct xlvs_ld_director *director, const struct xlvs_request *request)
{
	return xlvs_client_send(director->client, request);
}

void xlvs_ld_director_flush(struct xlvs_ld_director *director)
{
	xlvs_client_flush(director->client);
}
