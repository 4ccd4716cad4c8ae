// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/status.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

struct xlvs_ld_status {
	uv_poll_t poll; /* first: what libuv returns */
	int fd;
	struct xlvs_ld_status_facts (*facts)(void *context);
	void *context;
};

struct asker {
	uv_pipe_t pipe; /* first */
	uv_write_t write;
	char *document;
};

static int set_address(const char *name, struct sockaddr_un *address, socklen_t *ret_bytes)
{
	int length;

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	length = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
			  "xlvs-ldirectord.%s", name);
	if (length < 0 || (size_t)length >= sizeof(address->sun_path) - 1)
		return -ENAMETOOLONG;
	*ret_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
	return 0;
}

static bool is_trusted(int fd)
{
	struct ucred peer;
	socklen_t bytes = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0 &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static void free_asker(uv_handle_t *handle)
{
	struct asker *asker = (struct asker *)handle;

	free(asker->document);
	free(asker);
}

static void on_written(uv_write_t *write, int status)
{
	(void)status;
	uv_close((uv_handle_t *)write->handle, free_asker);
}

static void answer(struct xlvs_ld_status *status, int fd)
{
	const struct xlvs_ld_status_facts facts = status->facts(status->context);
	struct asker *asker = calloc(1, sizeof(*asker));
	uv_buf_t buffer;

	if (!asker) {
		close(fd);
		return;
	}
	uv_pipe_init(status->poll.loop, &asker->pipe, 0);
	asker->document = xlvs_ld_status_document(&facts);
	if (uv_pipe_open(&asker->pipe, fd) < 0)
		close(fd);
	buffer = uv_buf_init(asker->document,
			     asker->document ? (unsigned int)strlen(asker->document) : 0);
	if (!asker->document ||
	    uv_write(&asker->write, (uv_stream_t *)&asker->pipe, &buffer, 1, on_written) < 0)
		uv_close((uv_handle_t *)&asker->pipe, free_asker);
}

static void on_ask(uv_poll_t *poll, int error, int events)
{
	struct xlvs_ld_status *status = (struct xlvs_ld_status *)poll;
	int fd = accept4(status->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)error;
	(void)events;
	if (fd < 0)
		return;
	if (is_trusted(fd))
		answer(status, fd);
	else
		close(fd);
}

int xlvs_ld_status_serve(uv_loop_t *loop, const char *name,
			 struct xlvs_ld_status_facts (*facts)(void *context), void *context,
			 struct xlvs_ld_status **ret_status)
{
	XLVS_AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct xlvs_ld_status *status;
	struct sockaddr_un address;
	socklen_t bytes;
	int r = set_address(name, &address, &bytes);

	if (r < 0)
		return r;
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, bytes) < 0 || listen(fd, 16) < 0)
		return -errno;
	status = calloc(1, sizeof(*status));
	if (!status)
		return -ENOMEM;
	status->facts = facts;
	status->context = context;
	status->fd = xlvs_take_fd(&fd);
	uv_poll_init(loop, &status->poll, status->fd);
	uv_poll_start(&status->poll, UV_READABLE, on_ask);
	*ret_status = status;
	return 0;
}

static void free_status(uv_handle_t *handle)
{
	struct xlvs_ld_status *status = (struct xlvs_ld_status *)handle;

	close(status->fd);
	free(status);
}

void xlvs_ld_status_close(struct xlvs_ld_status *status)
{
	if (!status)
		return;
	uv_poll_stop(&status->poll);
	uv_close((uv_handle_t *)&status->poll, free_status);
}

int xlvs_ld_status_ask(const char *name, char **ret_document)
{
	XLVS_AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct timeval patience = {.tv_sec = 10};
	struct sockaddr_un address;
	char piece[65536];
	char *document = NULL;
	size_t size = 0;
	socklen_t bytes;
	ssize_t n;
	FILE *out;
	int r = set_address(name, &address, &bytes);

	if (r < 0)
		return r;
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, bytes) < 0)
		return -errno;
	if (!is_trusted(fd))
		return -ECONNREFUSED;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	out = open_memstream(&document, &size);
	if (!out)
		return -ENOMEM;
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		fwrite(piece, 1, (size_t)n, out);
	r = n < 0 ? -errno : 0;
	if (fclose(out) != 0 && r == 0)
		r = -ENOMEM;
	/* It closes the connection of whom it does not trust. */
	if (r == 0 && size == 0)
		r = geteuid() == 0 ? -EPROTO : -EPERM;
	if (r < 0)
		free(document);
	else
		*ret_document = document;
	return r;
}
