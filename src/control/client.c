// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/client.h"

#include "base/cleanup.h"
#include "control/answer.h"
#include "control/connect.h"

#include <errno.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

/* A full buffer of requests is sent; so is half a window, for the director to begin with. */
#define OUTGOING_BYTES 32768

struct xlvs_client {
	int fd;
	unsigned int n_pending;
	uint32_t next_sequence;
	/* Requests that have not been sent yet. */
	unsigned int n_outgoing;
	size_t outgoing_bytes;
	char outgoing[OUTGOING_BYTES];
	/* The last datagram received, read up to `offset`. */
	size_t offset;
	size_t bytes;
	_Alignas(struct nlmsghdr) char datagram[XLVS_DATAGRAM_MAX_BYTES];
};

/* What is done with each data message of an answer. */
struct visitor {
	int (*visit)(void *context, const struct nlmsghdr *message);
	void *context;
};

int xlvs_client_new(int fd, struct xlvs_client **ret_client)
{
	struct xlvs_client *client = calloc(1, sizeof(*client));

	if (!client)
		return -ENOMEM;
	client->fd = fd;
	client->next_sequence = 1;
	*ret_client = client;
	return 0;
}

int xlvs_client_open(const char *name, struct xlvs_client **ret_client)
{
	XLVS_AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	r = xlvs_control_connect(fd, name);
	if (r == 0)
		r = xlvs_client_new(fd, ret_client);
	if (r == 0)
		xlvs_take_fd(&fd);
	return r;
}

void xlvs_client_close(struct xlvs_client *client)
{
	if (!client)
		return;
	close(client->fd);
	free(client);
}

static int send_outgoing(struct xlvs_client *client)
{
	ssize_t sent;

	if (!client->outgoing_bytes)
		return 0;
	do
		sent = send(client->fd, client->outgoing, client->outgoing_bytes, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	client->n_outgoing = 0;
	client->outgoing_bytes = 0;
	return sent < 0 ? -errno : 0;
}

static int enqueue(struct xlvs_client *client, const struct xlvs_request *request)
{
	struct xlvs_request numbered = *request;
	struct nl_msg *message;
	size_t bytes;
	int r;

	numbered.sequence = client->next_sequence;
	numbered.wants_ack = true;
	r = xlvs_request_encode(&numbered, &message);
	if (r < 0)
		return r;
	bytes = NLMSG_ALIGN(nlmsg_hdr(message)->nlmsg_len);
	if (client->outgoing_bytes + bytes > OUTGOING_BYTES)
		r = send_outgoing(client);
	if (r == 0) {
		memcpy(client->outgoing + client->outgoing_bytes, nlmsg_hdr(message), bytes);
		client->outgoing_bytes += bytes;
		client->n_outgoing++;
		client->next_sequence++;
		client->n_pending++;
	}
	nlmsg_free(message);
	return r;
}

/* The next message of the last datagram, or else of the next one. */
static int receive(struct xlvs_client *client, const struct nlmsghdr **ret_message,
		   size_t *ret_bytes)
{
	ssize_t bytes;

	if (client->bytes < client->offset + NLMSG_HDRLEN) {
		do
			bytes = recv(client->fd, client->datagram, sizeof(client->datagram),
				     MSG_TRUNC);
		while (bytes < 0 && errno == EINTR);
		if (bytes < 0)
			return -errno;
		if (bytes == 0)
			return -ECONNRESET;
		if ((size_t)bytes > sizeof(client->datagram))
			return -EPROTO;
		client->offset = 0;
		client->bytes = (size_t)bytes;
	}
	*ret_message = (const struct nlmsghdr *)(const void *)(client->datagram + client->offset);
	*ret_bytes = client->bytes - client->offset;
	return 0;
}

/* Read the oldest request's answer up to its end. A visitor's failure does not end the reading, or
 * the rest would be taken for the next answer; it becomes the outcome. */
static int collect(struct xlvs_client *client, const struct visitor *visitor, int *ret_code,
		   struct xlvs_error *reterr)
{
	uint32_t sequence = client->next_sequence - client->n_pending;
	const struct nlmsghdr *message = NULL;
	enum xlvs_answer_kind kind = XLVS_ANSWER_END;
	int failure = 0;
	int code = 0;
	int r;

	r = send_outgoing(client);
	if (r < 0)
		return r;
	for (;;) {
		size_t bytes = 0;

		r = receive(client, &message, &bytes);
		if (r == 0)
			r = xlvs_answer_kind(message, bytes, &kind, &code, reterr);
		if (r == 0 && message->nlmsg_seq != sequence)
			r = -EPROTO;
		if (r < 0)
			return r;
		client->offset += NLMSG_ALIGN(message->nlmsg_len);
		if (kind == XLVS_ANSWER_END)
			break;
		if (visitor && !failure)
			failure = visitor->visit(visitor->context, message);
	}
	client->n_pending--;
	*ret_code = failure ? failure : code;
	return 0;
}

static int exchange(struct xlvs_client *client, const struct xlvs_request *request,
		    const struct visitor *visitor, struct xlvs_error *reterr)
{
	int code = 0;
	int r;

	r = enqueue(client, request);
	if (r == 0)
		r = collect(client, visitor, &code, reterr);
	return r < 0 ? r : code;
}

int xlvs_client_call(struct xlvs_client *client, const struct xlvs_request *request,
		     struct xlvs_error *reterr)
{
	return exchange(client, request, NULL, reterr);
}

int xlvs_client_send(struct xlvs_client *client, const struct xlvs_request *request)
{
	int r;

	if (client->n_pending >= XLVS_CLIENT_WINDOW)
		return -EAGAIN;
	r = enqueue(client, request);
	if (r == 0 && client->n_outgoing == XLVS_CLIENT_WINDOW / 2)
		r = send_outgoing(client);
	return r;
}

int xlvs_client_fd(const struct xlvs_client *client)
{
	return client->fd;
}

int xlvs_client_flush(struct xlvs_client *client)
{
	return send_outgoing(client);
}

bool xlvs_client_has_answer(const struct xlvs_client *client)
{
	return client->n_pending && client->bytes >= client->offset + NLMSG_HDRLEN;
}

unsigned int xlvs_client_pending(const struct xlvs_client *client)
{
	return client->n_pending;
}

int xlvs_client_collect(struct xlvs_client *client, int *ret_code, struct xlvs_error *reterr)
{
	return collect(client, NULL, ret_code, reterr);
}

/* A growing array of equal entries; `read` fills one from one message. */
struct array {
	char *entries;
	size_t n;
	size_t n_allocated;
	size_t entry_bytes;
	int (*read)(const struct nlmsghdr *message, void *entry);
};

static int append(void *context, const struct nlmsghdr *message)
{
	struct array *array = context;
	int r;

	if (array->n == array->n_allocated) {
		size_t n = array->n_allocated ? 2 * array->n_allocated : 16;
		char *entries = reallocarray(array->entries, n, array->entry_bytes);

		if (!entries)
			return -ENOMEM;
		array->entries = entries;
		array->n_allocated = n;
	}
	r = array->read(message, array->entries + array->n * array->entry_bytes);
	if (r == 0)
		array->n++;
	return r;
}

/* All entries of an answer: an array the caller frees, NULL when there are none. */
static int fetch(struct xlvs_client *client, const struct xlvs_request *request,
		 struct array *array, void *ret_entries, size_t *ret_n)
{
	const struct visitor visitor = {append, array};
	int r = exchange(client, request, &visitor, NULL);

	if (r < 0) {
		free(array->entries);
		return r;
	}
	*(void **)ret_entries = array->entries;
	*ret_n = array->n;
	return 0;
}

/* The one entry of an answer. */
static int fetch_one(struct xlvs_client *client, const struct xlvs_request *request,
		     struct array *array, void *ret_entry)
{
	XLVS_AUTO_FREE char *entries = NULL;
	size_t n = 0;
	int r = fetch(client, request, array, &entries, &n);

	if (r < 0)
		return r;
	if (n != 1)
		return -EPROTO;
	memcpy(ret_entry, entries, array->entry_bytes);
	return 0;
}

static int read_service(const struct nlmsghdr *message, void *entry)
{
	return xlvs_answer_service(message, entry);
}

static int read_dest(const struct nlmsghdr *message, void *entry)
{
	return xlvs_answer_dest(message, entry);
}

static int read_local(const struct nlmsghdr *message, void *entry)
{
	return xlvs_answer_local(message, entry);
}

static int read_info(const struct nlmsghdr *message, void *entry)
{
	return xlvs_answer_info(message, entry);
}

static int read_config(const struct nlmsghdr *message, void *entry)
{
	return xlvs_answer_config(message, entry);
}

static int read_sync(const struct nlmsghdr *message, void *entry)
{
	return xlvs_answer_sync(message, entry);
}

int xlvs_client_info(struct xlvs_client *client, struct xlvs_director_info *ret_info)
{
	struct xlvs_request request = {.family = XLVS_FAMILY_IPVS, .command = IPVS_CMD_GET_INFO};
	struct array array = {.entry_bytes = sizeof(*ret_info), .read = read_info};

	return fetch_one(client, &request, &array, ret_info);
}

int xlvs_client_timeouts(struct xlvs_client *client, struct xlvs_timeouts *ret_timeouts)
{
	struct xlvs_request request = {.family = XLVS_FAMILY_IPVS, .command = IPVS_CMD_GET_CONFIG};
	struct array array = {.entry_bytes = sizeof(*ret_timeouts), .read = read_config};

	return fetch_one(client, &request, &array, ret_timeouts);
}

int xlvs_client_service(struct xlvs_client *client, const struct xlvs_service_key *key,
			struct xlvs_service_info *ret_service)
{
	struct xlvs_request request = {
		.family = XLVS_FAMILY_IPVS,
		.command = IPVS_CMD_GET_SERVICE,
		.given = XLVS_GIVEN_SERVICE_KEY,
		.service.key = *key,
	};
	struct array array = {.entry_bytes = sizeof(*ret_service), .read = read_service};

	return fetch_one(client, &request, &array, ret_service);
}

int xlvs_client_services(struct xlvs_client *client, struct xlvs_service_info **ret_services,
			 size_t *ret_n)
{
	struct xlvs_request request = {
		.family = XLVS_FAMILY_IPVS, .command = IPVS_CMD_GET_SERVICE, .dump = true};
	struct array array = {.entry_bytes = sizeof(**ret_services), .read = read_service};

	return fetch(client, &request, &array, ret_services, ret_n);
}

int xlvs_client_ask_dests(struct xlvs_client *client, const struct xlvs_service_key *key)
{
	const struct xlvs_request request = {
		.family = XLVS_FAMILY_IPVS,
		.command = IPVS_CMD_GET_DEST,
		.dump = true,
		.given = XLVS_GIVEN_SERVICE_KEY,
		.service.key = *key,
	};

	return xlvs_client_send(client, &request);
}

int xlvs_client_take_dests(struct xlvs_client *client, struct xlvs_dest_info **ret_dests,
			   size_t *ret_n)
{
	struct array array = {.entry_bytes = sizeof(**ret_dests), .read = read_dest};
	const struct visitor visitor = {append, &array};
	int code = 0;
	int r;

	r = collect(client, &visitor, &code, NULL);
	if (r == 0)
		r = code;
	if (r < 0) {
		free(array.entries);
		return r;
	}
	*(void **)ret_dests = array.entries;
	*ret_n = array.n;
	return 0;
}

int xlvs_client_locals(struct xlvs_client *client, const struct xlvs_service_key *key,
		       struct xlvs_local_info **ret_locals, size_t *ret_n)
{
	struct xlvs_request request = {
		.family = XLVS_FAMILY_XLVS, .command = XLVS_CMD_GET_LADDR, .dump = true};
	struct array array = {.entry_bytes = sizeof(**ret_locals), .read = read_local};

	if (key) {
		request.given = XLVS_GIVEN_SERVICE_KEY;
		request.service.key = *key;
	}
	return fetch(client, &request, &array, ret_locals, ret_n);
}

int xlvs_client_syncs(struct xlvs_client *client, struct xlvs_sync_spec ret_syncs[static 2],
		      size_t *ret_n)
{
	struct xlvs_request request = {
		.family = XLVS_FAMILY_IPVS, .command = IPVS_CMD_GET_DAEMON, .dump = true};
	struct array array = {.entry_bytes = sizeof(ret_syncs[0]), .read = read_sync};
	XLVS_AUTO_FREE struct xlvs_sync_spec *syncs = NULL;
	size_t n = 0;
	int r;

	r = fetch(client, &request, &array, &syncs, &n);
	if (r < 0)
		return r;
	if (n > 2)
		return -EPROTO;
	if (n)
		memcpy(ret_syncs, syncs, n * sizeof(*syncs));
	*ret_n = n;
	return 0;
}

struct conn_visitor {
	int (*visit)(void *context, const struct xlvs_conn_entry *entry,
		     const struct xlvs_conn_pe *pe);
	void *context;
};

static int visit_conns(void *context, const struct nlmsghdr *message)
{
	const struct conn_visitor *visitor = context;
	const struct xlvs_conn_entry *entries;
	const struct xlvs_conn_pe *pe;
	size_t n;
	int r;

	r = xlvs_answer_conns(message, &entries, &n, &pe);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = visitor->visit(visitor->context, &entries[i], i + 1 == n ? pe : NULL);
	return r;
}

int xlvs_client_conns(struct xlvs_client *client,
		      int (*visit)(void *context, const struct xlvs_conn_entry *entry,
				   const struct xlvs_conn_pe *pe),
		      void *context)
{
	struct xlvs_request request = {
		.family = XLVS_FAMILY_XLVS, .command = XLVS_CMD_GET_CONNS, .dump = true};
	struct conn_visitor conns = {visit, context};
	const struct visitor visitor = {visit_conns, &conns};

	return exchange(client, &request, &visitor, NULL);
}

static int append_piece(void *context, const struct nlmsghdr *message)
{
	FILE *stream = context;
	const char *piece;
	int r;

	r = xlvs_answer_json(message, &piece);
	if (r == 0 && fputs(piece, stream) < 0)
		r = -ENOMEM;
	return r;
}

int xlvs_client_json(struct xlvs_client *client, enum xlvs_command command, char **ret_document)
{
	struct xlvs_request request = {.family = XLVS_FAMILY_XLVS, .command = (uint8_t)command};
	XLVS_AUTO_FREE char *document = NULL;
	size_t bytes = 0;
	FILE *stream = open_memstream(&document, &bytes);
	const struct visitor visitor = {append_piece, stream};
	int r;

	if (!stream)
		return -errno;
	r = exchange(client, &request, &visitor, NULL);
	if (fclose(stream) != 0 && r == 0)
		r = -ENOMEM;
	if (r == 0)
		*ret_document = xlvs_take_ptr(document);
	return r;
}
