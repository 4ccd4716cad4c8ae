// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/server.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* How much one call of xlvs_peer_handle() does before the loop may look at others. */
#define REQUESTS_PER_TURN 64
#define PORTIONS_PER_TURN 64

/* Connections of users who may do nothing are kept only to tell them so. */
#define UNPRIVILEGED_PEERS_MAX 16

struct xlvs_server {
	int fd;
	xlvs_server_handler *handler;
	void *context;
	unsigned int n_unprivileged;
	_Alignas(struct nlmsghdr) char datagram[XLVS_DATAGRAM_MAX_BYTES];
};

struct queued {
	struct queued *next;
	size_t bytes;
	char datagram[];
};

/* Either nothing is queued and no dump is under way, and the peer is read from; or one of both,
 * and it is only written to. */
struct xlvs_peer {
	struct xlvs_server *server;
	int fd;
	bool is_privileged;
	bool is_dumping;
	struct xlvs_reply reply; /* of the dump under way */
	struct queued *first;
	struct queued **last;
};

int xlvs_server_open(const char *name, xlvs_server_handler *handler, void *context,
		     struct xlvs_server **ret_server)
{
	XLVS_AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct xlvs_server *server;
	size_t bytes;

	if (fd < 0)
		return -errno;
	if (!name)
		name = XLVS_CONTROL_SOCKET;
	bytes = strlen(name);
	if (bytes > sizeof(address.sun_path) - 1)
		return -ENAMETOOLONG;
	memcpy(address.sun_path + 1, name, bytes);
	bytes += offsetof(struct sockaddr_un, sun_path) + 1;
	if (bind(fd, (struct sockaddr *)&address, (socklen_t)bytes) < 0 || listen(fd, 128) < 0)
		return -errno;
	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	server->fd = xlvs_take_fd(&fd);
	server->handler = handler;
	server->context = context;
	*ret_server = server;
	return 0;
}

void xlvs_server_close(struct xlvs_server *server)
{
	if (!server)
		return;
	close(server->fd);
	free(server);
}

int xlvs_server_fd(const struct xlvs_server *server)
{
	return server->fd;
}

/* Root, and who runs the director: the same, but in its unit tests. */
static bool is_privileged(int fd)
{
	struct ucred credentials;
	socklen_t bytes = sizeof(credentials);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) == 0 &&
	       (credentials.uid == 0 || credentials.uid == geteuid());
}

int xlvs_server_accept(struct xlvs_server *server, struct xlvs_peer **ret_peer)
{
	XLVS_AUTO_CLOSE int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct xlvs_peer *peer;
	bool privileged;

	if (fd < 0)
		return -errno;
	privileged = is_privileged(fd);
	if (!privileged && server->n_unprivileged >= UNPRIVILEGED_PEERS_MAX)
		return -EPERM;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return -ENOMEM;
	peer->server = server;
	peer->fd = xlvs_take_fd(&fd);
	peer->is_privileged = privileged;
	peer->last = &peer->first;
	if (!privileged)
		server->n_unprivileged++;
	*ret_peer = peer;
	return 0;
}

int xlvs_peer_fd(const struct xlvs_peer *peer)
{
	return peer->fd;
}

short xlvs_peer_events(const struct xlvs_peer *peer)
{
	return peer->first || peer->is_dumping ? POLLOUT : POLLIN;
}

static void end_dump(struct xlvs_peer *peer)
{
	if (peer->is_dumping && peer->reply.dump.free)
		peer->reply.dump.free(peer->reply.dump.cursor);
	peer->is_dumping = false;
}

void xlvs_peer_free(struct xlvs_peer *peer)
{
	if (!peer)
		return;
	end_dump(peer);
	while (peer->first) {
		struct queued *next = peer->first->next;

		free(peer->first);
		peer->first = next;
	}
	if (!peer->is_privileged)
		peer->server->n_unprivileged--;
	close(peer->fd);
	free(peer);
}

/* 0 when sent, 1 when the peer's socket is full. */
static int send_now(struct xlvs_peer *peer, const void *datagram, size_t bytes)
{
	ssize_t sent;

	do
		sent = send(peer->fd, datagram, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 0;
	return errno == EAGAIN || errno == ENOBUFS ? 1 : -errno;
}

/* The sink of every reply: send at once while that goes, else keep. */
static int deliver(void *context, const void *datagram, size_t bytes)
{
	struct xlvs_peer *peer = context;
	struct queued *queued;
	int r = 1;

	if (!peer->first)
		r = send_now(peer, datagram, bytes);
	if (r <= 0)
		return r;
	queued = malloc(sizeof(*queued) + bytes);
	if (!queued)
		return -ENOMEM;
	queued->next = NULL;
	queued->bytes = bytes;
	memcpy(queued->datagram, datagram, bytes);
	*peer->last = queued;
	peer->last = &queued->next;
	return 0;
}

static int flush_queue(struct xlvs_peer *peer)
{
	while (peer->first) {
		struct queued *queued = peer->first;
		int r = send_now(peer, queued->datagram, queued->bytes);

		if (r != 0)
			return r < 0 ? r : 0;
		peer->first = queued->next;
		if (!peer->first)
			peer->last = &peer->first;
		free(queued);
	}
	return 0;
}

/* A failing sink is the peer's end; any other failure of a portion is told to the peer. */
static int continue_dump(struct xlvs_peer *peer)
{
	for (int i = 0; i < PORTIONS_PER_TURN && peer->is_dumping && !peer->first; i++) {
		int r = peer->reply.dump.next(peer->reply.dump.cursor, &peer->reply);

		if (r == -EPIPE || r == -ECONNRESET)
			return r;
		if (r > 0)
			continue;
		end_dump(peer);
		r = xlvs_reply_done(&peer->reply, r);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Let the handler answer. A dump it began goes on in continue_dump(), also where it is refused
 * after it began: then the cursor is freed and the refusal sent. */
static int dispatch(struct xlvs_peer *peer, const struct xlvs_request *request,
		    struct xlvs_reply *reply)
{
	struct xlvs_error error = {{0}};
	int r;

	if (request->family == XLVS_FAMILY_CONTROL)
		r = xlvs_reply_family(reply, request->family_name);
	else if (!peer->is_privileged)
		r = -EPERM;
	else
		r = peer->server->handler(peer->server->context, request, reply, &error);

	if (r == 0 && reply->dump.next) {
		peer->reply = *reply;
		peer->is_dumping = true;
		return 0;
	}
	if (reply->dump.free)
		reply->dump.free(reply->dump.cursor);
	if (r == 0 && request->dump)
		return xlvs_reply_done(reply, 0);
	if (r == 0 && !request->wants_ack)
		return 0;
	return xlvs_reply_end(reply, r, &error);
}

static int answer(struct xlvs_peer *peer, const void *datagram, size_t bytes)
{
	struct xlvs_request request;
	struct xlvs_reply reply;
	int r;

	r = xlvs_request_decode(datagram, bytes, &request);
	if (r == -EBADMSG)
		return 0;
	xlvs_reply_init(&reply, &request, deliver, peer);
	if (r == -ENODATA)
		return request.wants_ack ? xlvs_reply_end(&reply, 0, NULL) : 0;
	/* As in the kernel, who may do nothing does not learn what would have been well-formed. */
	if (r < 0 && !peer->is_privileged && request.family == XLVS_FAMILY_IPVS)
		r = -EPERM;
	if (r < 0)
		return xlvs_reply_end(&reply, r, NULL);
	return dispatch(peer, &request, &reply);
}

static int read_requests(struct xlvs_peer *peer)
{
	struct xlvs_server *server = peer->server;

	for (int i = 0; i < REQUESTS_PER_TURN && xlvs_peer_events(peer) == POLLIN; i++) {
		ssize_t bytes = recv(peer->fd, server->datagram, sizeof(server->datagram),
				     MSG_DONTWAIT | MSG_TRUNC);
		int r;

		if (bytes < 0 && errno == EINTR)
			continue;
		if (bytes < 0)
			return errno == EAGAIN ? 0 : -errno;
		if (bytes == 0)
			return -ECONNRESET;
		if ((size_t)bytes > sizeof(server->datagram))
			return -EMSGSIZE;
		r = answer(peer, server->datagram, (size_t)bytes);
		if (r < 0)
			return r;
	}
	return 0;
}

int xlvs_peer_handle(struct xlvs_peer *peer, short events)
{
	int r;

	r = flush_queue(peer);
	if (r == 0)
		r = continue_dump(peer);
	if (r == 0 && (events & POLLIN))
		r = read_requests(peer);
	if (r == 0 && (events & (POLLHUP | POLLERR)) && !(events & POLLIN))
		r = -ECONNRESET;
	return r;
}
