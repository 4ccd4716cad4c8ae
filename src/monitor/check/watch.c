// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/check/watch.h"

#include <stdlib.h>

#include "monitor/check/engine.h"

static void fired(uv_poll_t *poll, int status, int events)
{
	struct xlvs_watch *watch = poll->data;

	/* An error is for the library to find. */
	if (!xlvs_attempt_over(watch->attempt))
		watch->ready(watch, status < 0 ? UV_READABLE | UV_WRITABLE : events);
}

static void closed(uv_handle_t *handle)
{
	struct xlvs_watch *watch = handle->data;

	xlvs_attempt_release(watch->attempt);
	free(watch);
}

static struct xlvs_watch *open_watch(struct xlvs_attempt *attempt, int fd)
{
	struct xlvs_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	if (uv_poll_init(attempt->engine->loop, &watch->poll, fd)) {
		free(watch);
		return NULL;
	}
	watch->poll.data = watch;
	watch->attempt = attempt;
	watch->fd = fd;
	watch->ready = attempt->checker->ready;
	xlvs_attempt_hold(attempt);
	return watch;
}

bool xlvs_watch_set(struct xlvs_watch **watch, struct xlvs_attempt *attempt, int fd, int events)
{
	if (*watch && (*watch)->fd != fd)
		xlvs_watch_close(watch);
	if (!*watch)
		*watch = open_watch(attempt, fd);
	if (*watch && !uv_poll_start(&(*watch)->poll, events, fired))
		return true;
	xlvs_attempt_failed(attempt, "wait", UV_ENOMEM);
	return false;
}

void xlvs_watch_pause(struct xlvs_watch *watch)
{
	if (watch)
		uv_poll_stop(&watch->poll);
}

void xlvs_watch_close(struct xlvs_watch **watch)
{
	if (*watch)
		uv_close((uv_handle_t *)&(*watch)->poll, closed);
	*watch = NULL;
}
