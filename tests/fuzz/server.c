// SPDX-License-Identifier: GPL-2.0-or-later
/* The control socket's server before a director in memory, fed arbitrary datagrams: each two bytes
 * of length and as many of content. Whatever comes, what goes out is well-formed, every dump ends,
 * and the server comes to rest and reads on. */
#include "control_fake.h"

#include "base/error.h"
#include "control/answer.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum {
	TURNS_MAX = 10000, /* until the server must have come to rest */
	CONNS = 450, /* more than two portions of a dump */
};

static struct xlvs_server *server;
static struct fake_director *director;
static char name[32];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	snprintf(name, sizeof(name), "xlvs-fuzz-%d", (int)getpid());
	director = fake_new();
	if (!director || xlvs_server_open(name, fake_handle, director, &server) < 0)
		abort();
	director->status = "{}";
	director->drops = "[]";
	director->n_conns = CONNS;
	director->conns = calloc(CONNS, sizeof(*director->conns));
	return 0;
}

static int connect_peer(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t bytes = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path + 1, name);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, (socklen_t)bytes) < 0)
		abort();
	return fd;
}

/* Data of the IPVS family is what our own client understands. */
static void check_data(const struct nlmsghdr *message)
{
	const struct genlmsghdr *genl = NLMSG_DATA(message);
	struct xlvs_service_info service;
	struct xlvs_director_info info;
	struct xlvs_timeouts timeouts;
	struct xlvs_dest_info dest;
	struct xlvs_sync_spec sync;
	int r = 0;

	if (message->nlmsg_type != XLVS_FAMILY_IPVS)
		return;
	if (genl->cmd == IPVS_CMD_NEW_SERVICE)
		r = xlvs_answer_service(message, &service);
	else if (genl->cmd == IPVS_CMD_NEW_DEST)
		r = xlvs_answer_dest(message, &dest);
	else if (genl->cmd == IPVS_CMD_NEW_DAEMON)
		r = xlvs_answer_sync(message, &sync);
	else if (genl->cmd == IPVS_CMD_SET_CONFIG)
		r = xlvs_answer_config(message, &timeouts);
	else if (genl->cmd == IPVS_CMD_SET_INFO)
		r = xlvs_answer_info(message, &info);
	else
		abort();
	if (r < 0)
		abort();
}

/* A datagram of answers holds whole messages and nothing else. */
static void check_datagram(const char *datagram, size_t bytes)
{
	size_t offset = 0;

	while (offset < bytes) {
		const void *at = datagram + offset;
		const struct nlmsghdr *message = at;
		enum xlvs_answer_kind kind;
		struct xlvs_error error;
		int code;

		if (xlvs_answer_kind(message, bytes - offset, &kind, &code, &error) < 0)
			abort();
		if (kind == XLVS_ANSWER_DATA)
			check_data(message);
		offset += NLMSG_ALIGN(message->nlmsg_len);
	}
}

/* Read all answers and let the server go on, until there is nothing left to do. */
static bool come_to_rest(struct xlvs_peer *peer, int fd)
{
	static _Alignas(struct nlmsghdr) char datagram[XLVS_DATAGRAM_MAX_BYTES];

	for (int i = 0; i < TURNS_MAX; i++) {
		ssize_t bytes = 0;

		if (xlvs_peer_handle(peer, xlvs_peer_events(peer)) < 0)
			return false;
		while ((bytes = recv(fd, datagram, sizeof(datagram), MSG_DONTWAIT)) > 0)
			check_datagram(datagram, (size_t)bytes);
		if (xlvs_peer_events(peer) == POLLIN)
			return true;
	}
	abort();
}

static void forget_services(void)
{
	const struct xlvs_request flush = {.family = XLVS_FAMILY_IPVS, .command = IPVS_CMD_FLUSH};

	fake_handle(director, &flush, NULL, NULL);
	memset(director->syncs, 0, sizeof(director->syncs));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	int fd = connect_peer();
	struct xlvs_peer *peer;

	if (xlvs_server_accept(server, &peer) < 0)
		abort();
	while (bytes > 2) {
		size_t length = (size_t)data[0] | (size_t)data[1] << 8;

		data += 2;
		bytes -= 2;
		length = length < bytes ? length : bytes;
		if (length && send(fd, data, length, MSG_NOSIGNAL) < 0)
			break;
		data += length;
		bytes -= length;
		if (!come_to_rest(peer, fd))
			break;
	}
	xlvs_peer_free(peer);
	close(fd);
	forget_services();
	return 0;
}
