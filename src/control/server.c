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

/* How many messages are answered, or portions of dumps sent, before the loop may look at others. */
#define STEPS_PER_TURN 64

/* Messages that go together are joined up to here; as the kernel's dumps, which fill a buffer. */
#define JOINED_BYTES 16384

/* Connections of users who may do nothing are kept only to tell them so. */
#define UNPRIVILEGED_PEERS_MAX 16

struct xlvs_server {
	int fd;
	xlvs_server_handler *handler;
	void *context;
	unsigned int n_unprivileged;
	_Alignas(struct nlmsghdr) char datagram[XLVS_DATAGRAM_MAX_BYTES];
	/* What the peer whose turn it is will be sent next: empty between turns. */
	size_t n_joined;
	char joined[JOINED_BYTES];
};

struct queued {
	struct queued *next;
	size_t bytes;
	char datagram[];
};

/* What comes first is done first: what is queued is sent, then the dump under way goes on, then the
 * rest of the last datagram is answered, and only then another one is read. */
struct xlvs_peer {
	struct xlvs_server *server;
	int fd;
	bool is_privileged;
	bool is_batch; /* the last datagram held several messages */
	bool is_dumping;
	struct xlvs_reply reply; /* of the dump under way */
	struct queued *first;
	struct queued **last;
	struct queued *rest; /* of a datagram, from `rest_offset` on, or NULL */
	size_t rest_offset;
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
	return peer->first || peer->is_dumping || peer->rest ? POLLOUT : POLLIN;
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
	free(peer->rest);
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

static struct queued *keep(const void *datagram, size_t bytes)
{
	struct queued *queued = malloc(sizeof(*queued) + bytes);

	if (!queued)
		return NULL;
	queued->next = NULL;
	queued->bytes = bytes;
	memcpy(queued->datagram, datagram, bytes);
	return queued;
}

/* Send at once while that goes, else keep. */
static int transmit(struct xlvs_peer *peer, const void *datagram, size_t bytes)
{
	struct queued *queued;
	int r = 1;

	if (!peer->first)
		r = send_now(peer, datagram, bytes);
	if (r <= 0)
		return r;
	queued = keep(datagram, bytes);
	if (!queued)
		return -ENOMEM;
	*peer->last = queued;
	peer->last = &queued->next;
	return 0;
}

static int transmit_joined(struct xlvs_peer *peer)
{
	struct xlvs_server *server = peer->server;
	size_t bytes = server->n_joined;

	server->n_joined = 0;
	return bytes ? transmit(peer, server->joined, bytes) : 0;
}

/* The sink of every reply. Data is joined; what ends an answer has a datagram of its own, for libnl
 * waits for one. Only who sends several messages at once is answered so as well. */
static int deliver(void *context, const void *datagram, size_t bytes)
{
	struct xlvs_peer *peer = context;
	struct xlvs_server *server = peer->server;
	const struct nlmsghdr *header = datagram;
	bool is_alone =
		bytes > JOINED_BYTES || (header->nlmsg_type < NLMSG_MIN_TYPE && !peer->is_batch);
	int r = 0;

	if (is_alone || NLMSG_ALIGN(server->n_joined) + bytes > JOINED_BYTES)
		r = transmit_joined(peer);
	if (r < 0)
		return r;
	if (is_alone)
		return transmit(peer, datagram, bytes);
	server->n_joined = NLMSG_ALIGN(server->n_joined);
	memcpy(server->joined + server->n_joined, datagram, bytes);
	server->n_joined += bytes;
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

/* One portion. A failing sink is the peer's end; any other failure is told to the peer. */
static int continue_dump(struct xlvs_peer *peer)
{
	int r = peer->reply.dump.next(peer->reply.dump.cursor, &peer->reply);

	if (r == -EPIPE || r == -ECONNRESET || r > 0)
		return r < 0 ? r : 0;
	end_dump(peer);
	return xlvs_reply_done(&peer->reply, r);
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

static int answer(struct xlvs_peer *peer, const void *message, size_t bytes)
{
	struct xlvs_request request;
	struct xlvs_reply reply;
	int r;

	r = xlvs_request_decode(message, bytes, &request);
	if (r == -EBADMSG)
		return 0;
	request.is_of_many = peer->is_batch;
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

/* Where the next message of a datagram begins, behind the one at `offset`; `bytes` when there is
 * none. A message that lies about its length is the last one, as in the kernel. */
static size_t next_message(const char *datagram, size_t bytes, size_t offset)
{
	const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)(datagram + offset);
	size_t left = bytes - offset;

	if (left < NLMSG_HDRLEN || header->nlmsg_len < NLMSG_HDRLEN || header->nlmsg_len > left ||
	    left - header->nlmsg_len < NLMSG_HDRLEN)
		return bytes;
	return offset + NLMSG_ALIGN(header->nlmsg_len);
}

static int answer_rest(struct xlvs_peer *peer)
{
	struct queued *rest = peer->rest;
	size_t offset = peer->rest_offset;
	int r;

	peer->rest_offset = next_message(rest->datagram, rest->bytes, offset);
	r = answer(peer, rest->datagram + offset, rest->bytes - offset);
	if (peer->rest_offset < rest->bytes)
		return r;
	peer->rest = NULL;
	free(rest);
	return r;
}

/* Read a datagram and answer its first message. 1: none was there. */
static int read_request(struct xlvs_peer *peer)
{
	struct xlvs_server *server = peer->server;
	ssize_t bytes = recv(peer->fd, server->datagram, sizeof(server->datagram),
			     MSG_DONTWAIT | MSG_TRUNC);
	size_t next;

	if (bytes < 0 && errno == EINTR)
		return 0;
	if (bytes < 0)
		return errno == EAGAIN ? 1 : -errno;
	if (bytes == 0)
		return -ECONNRESET;
	if ((size_t)bytes > sizeof(server->datagram))
		return -EMSGSIZE;
	next = next_message(server->datagram, (size_t)bytes, 0);
	peer->is_batch = next < (size_t)bytes;
	if (peer->is_batch) {
		peer->rest = keep(server->datagram + next, (size_t)bytes - next);
		if (!peer->rest)
			return -ENOMEM;
		peer->rest_offset = 0;
	}
	return answer(peer, server->datagram, (size_t)bytes);
}

/* 1: there is nothing to do. */
static int step(struct xlvs_peer *peer, short events)
{
	if (peer->first)
		return 1;
	if (peer->is_dumping)
		return continue_dump(peer);
	if (peer->rest)
		return answer_rest(peer);
	return events & POLLIN ? read_request(peer) : 1;
}

int xlvs_peer_handle(struct xlvs_peer *peer, short events)
{
	int r;

	peer->server->n_joined = 0;
	r = flush_queue(peer);
	for (int i = 0; i < STEPS_PER_TURN && r == 0; i++)
		r = step(peer, events);
	if (r >= 0)
		r = transmit_joined(peer);
	if (r == 0 && (events & (POLLHUP | POLLERR)) && !(events & POLLIN))
		r = -ECONNRESET;
	return r;
}
