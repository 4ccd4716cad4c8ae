// SPDX-License-Identifier: GPL-2.0-or-later
#include "control_pair.h"

#include <errno.h>
#include <netlink/msg.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

char pair_name[64];
int pair_datagrams;

static struct {
	size_t offset, bytes;
	_Alignas(struct nlmsghdr) char data[XLVS_DATAGRAM_MAX_BYTES];
} answer;

static int connect_raw(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t bytes = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(pair_name);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	strcpy(address.sun_path + 1, pair_name);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, (socklen_t)bytes), 0);
	return fd;
}

struct pair pair_new(xlvs_server_handler *handler, void *context)
{
	struct pair pair;

	answer.bytes = answer.offset = 0;
	pair_datagrams = 0;
	assert_int_equal(xlvs_server_open(pair_name, handler, context, &pair.server), 0);
	pair.fd = connect_raw();
	assert_int_equal(xlvs_server_accept(pair.server, &pair.peer), 0);
	return pair;
}

void pair_free(struct pair *pair)
{
	xlvs_peer_free(pair->peer);
	xlvs_server_close(pair->server);
	close(pair->fd);
}

void pair_send(int fd, enum xlvs_family family, int command, bool dump, uint32_t sequence)
{
	struct xlvs_request request = {.family = family,
				       .command = (uint8_t)command,
				       .dump = dump,
				       .wants_ack = true,
				       .sequence = sequence};
	struct nl_msg *message;

	strcpy(request.family_name, "nosuch");
	assert_int_equal(xlvs_request_encode(&request, &message), 0);
	assert_true(send(fd, nlmsg_hdr(message), nlmsg_hdr(message)->nlmsg_len, 0) > 0);
	nlmsg_free(message);
}

int pair_receive(int fd, uint32_t *ret_sequence, int *ret_code)
{
	const struct nlmsghdr *header;

	if (answer.offset >= answer.bytes) {
		ssize_t bytes = recv(fd, answer.data, sizeof(answer.data), MSG_DONTWAIT);

		if (bytes <= 0)
			return -1;
		pair_datagrams++;
		answer.offset = 0;
		answer.bytes = (size_t)bytes;
	}
	header = (const struct nlmsghdr *)(const void *)(answer.data + answer.offset);
	assert_true(header->nlmsg_len >= NLMSG_HDRLEN);
	assert_true(header->nlmsg_len <= answer.bytes - answer.offset);
	*ret_sequence = header->nlmsg_seq;
	if (header->nlmsg_type < NLMSG_MIN_TYPE)
		memcpy(ret_code, answer.data + answer.offset + NLMSG_HDRLEN, sizeof(*ret_code));
	answer.offset += NLMSG_ALIGN(header->nlmsg_len);
	return header->nlmsg_type;
}

static int next_portion(void *cursor, struct xlvs_reply *reply)
{
	struct source *source = cursor;
	struct xlvs_conn_entry entries[XLVS_CONNS_PER_REPLY];
	int r;

	memset(entries, 0, sizeof(entries));
	if (source->n_sent == source->fails_at)
		return -EIO;
	if (source->n_sent == source->n_portions)
		return 0;
	source->n_sent++;
	r = xlvs_reply_conns(reply, entries, (size_t)source->n_entries, NULL);
	return r < 0 ? r : 1;
}

static void count_free(void *cursor)
{
	((struct source *)cursor)->n_freed++;
}

int pair_handle(void *context, const struct xlvs_request *request, struct xlvs_reply *reply,
		struct xlvs_error *reterr)
{
	const struct xlvs_director_info info = {IP_VS_VERSION_CODE, 4096};
	struct source *source = context;
	const struct xlvs_dump dump = {next_portion, count_free, source};
	int r = 0;

	(void)reterr;
	if (request->dump)
		xlvs_reply_dump(reply, &dump);
	else if (request->command == IPVS_CMD_GET_INFO)
		r = xlvs_reply_info(reply, &info);
	return r < 0 ? r : source->handler_result;
}
