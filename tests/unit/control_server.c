// SPDX-License-Identifier: GPL-2.0-or-later
/* The control socket: who is served, answers in order, dumps of any length in bounded memory, and
 * peers that do not read, lie or leave. */
#include "control_fake.h"
#include "control_pair.h"

#include "base/error.h"
#include "control/client.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/msg.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	NOBODY = 65534,
	ROUNDS_MAX = 100000, /* of an event loop that must come to an end */
};

static void test_a_dump_waits_for_its_reader_and_comes_whole(void **state)
{
	struct source source = {
		.n_entries = XLVS_CONNS_PER_REPLY, .n_portions = 2000, .fails_at = -1};
	struct pair pair = pair_new(pair_handle, &source);
	uint32_t sequence;
	int n_messages = 0;
	int code = -1;
	int type = 0;

	(void)state;
	pair_send(pair.fd, XLVS_FAMILY_XLVS, XLVS_CMD_GET_CONNS, true, 7);
	assert_int_equal(xlvs_peer_events(pair.peer), POLLIN);
	for (int i = 0; i < 100; i++)
		assert_int_equal(xlvs_peer_handle(pair.peer, POLLIN | POLLOUT), 0);
	assert_int_equal(xlvs_peer_events(pair.peer), POLLOUT);
	/* Nobody reads: no more was made than the socket's buffer holds. */
	assert_true(source.n_sent < 100);

	for (int i = 0; i < ROUNDS_MAX && type != NLMSG_DONE; i++) {
		type = pair_receive(pair.fd, &sequence, &code);
		if (type == XLVS_FAMILY_XLVS)
			n_messages++;
		if (type >= 0)
			assert_int_equal(sequence, 7);
		else
			assert_int_equal(xlvs_peer_handle(pair.peer, POLLOUT), 0);
	}
	assert_int_equal(type, NLMSG_DONE);
	assert_int_equal(code, 0);
	assert_int_equal(n_messages, 2000);
	assert_int_equal(source.n_freed, 1);
	assert_int_equal(xlvs_peer_events(pair.peer), POLLIN);
	pair_free(&pair);
}

static void test_requests_behind_a_dump_are_answered_after_it(void **state)
{
	struct source source = {.n_entries = XLVS_CONNS_PER_REPLY, .n_portions = 3, .fails_at = -1};
	struct pair pair = pair_new(pair_handle, &source);
	uint32_t sequence = 0;
	int code = -1;

	(void)state;
	pair_send(pair.fd, XLVS_FAMILY_XLVS, XLVS_CMD_GET_CONNS, true, 1);
	pair_send(pair.fd, XLVS_FAMILY_IPVS, IPVS_CMD_FLUSH, false, 2);
	for (int i = 0; i < 4; i++)
		assert_int_equal(xlvs_peer_handle(pair.peer, xlvs_peer_events(pair.peer) | POLLIN),
				 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pair_receive(pair.fd, &sequence, &code), XLVS_FAMILY_XLVS);
	assert_int_equal(pair_receive(pair.fd, &sequence, &code), NLMSG_DONE);
	assert_int_equal(sequence, 1);
	assert_int_equal(pair_receive(pair.fd, &sequence, &code), NLMSG_ERROR);
	assert_int_equal(sequence, 2);
	assert_int_equal(code, 0);
	pair_free(&pair);
}

static void test_a_dump_that_fails_says_so_at_its_end(void **state)
{
	struct source source = {.n_entries = XLVS_CONNS_PER_REPLY, .n_portions = 5, .fails_at = 1};
	struct pair pair = pair_new(pair_handle, &source);
	uint32_t sequence;
	int code = 0;

	(void)state;
	pair_send(pair.fd, XLVS_FAMILY_XLVS, XLVS_CMD_GET_CONNS, true, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(xlvs_peer_handle(pair.peer, POLLIN | POLLOUT), 0);
	assert_int_equal(pair_receive(pair.fd, &sequence, &code), XLVS_FAMILY_XLVS);
	assert_int_equal(pair_receive(pair.fd, &sequence, &code), NLMSG_DONE);
	assert_int_equal(code, -EIO);
	assert_int_equal(source.n_freed, 1);
	pair_free(&pair);
}

static void test_a_dump_that_is_refused_frees_its_cursor(void **state)
{
	struct source source = {.fails_at = -1, .handler_result = -EBUSY};
	struct pair pair = pair_new(pair_handle, &source);
	uint32_t sequence;
	int code = 0;

	(void)state;
	pair_send(pair.fd, XLVS_FAMILY_XLVS, XLVS_CMD_GET_CONNS, true, 1);
	assert_int_equal(xlvs_peer_handle(pair.peer, POLLIN), 0);
	assert_int_equal(pair_receive(pair.fd, &sequence, &code), NLMSG_ERROR);
	assert_int_equal(code, -EBUSY);
	assert_int_equal(source.n_freed, 1);
	pair_free(&pair);
}

static void test_a_peer_that_leaves_in_mid_dump_is_noticed(void **state)
{
	struct source source = {
		.n_entries = XLVS_CONNS_PER_REPLY, .n_portions = 2000, .fails_at = -1};
	struct pair pair = pair_new(pair_handle, &source);

	(void)state;
	pair_send(pair.fd, XLVS_FAMILY_XLVS, XLVS_CMD_GET_CONNS, true, 1);
	assert_int_equal(xlvs_peer_handle(pair.peer, POLLIN), 0);
	assert_int_equal(xlvs_peer_handle(pair.peer, POLLOUT), 0);
	close(pair.fd);
	pair.fd = -1;
	assert_true(xlvs_peer_handle(pair.peer, POLLOUT | POLLHUP) < 0);
	assert_int_equal(source.n_freed, 0);
	pair_free(&pair);
	assert_int_equal(source.n_freed, 1);
}

static void test_malformed_datagrams_are_refused_dropped_or_end_the_peer(void **state)
{
	static char long_datagram[XLVS_DATAGRAM_MAX_BYTES + 1];
	struct source source = {.fails_at = -1};
	struct pair pair = pair_new(pair_handle, &source);
	uint32_t sequence;
	int code = 0;

	(void)state;
	assert_int_equal(send(pair.fd, "x", 1, 0), 1);
	pair_send(pair.fd, XLVS_FAMILY_CONTROL, CTRL_CMD_GETFAMILY, false, 3);
	pair_send(pair.fd, 0x77, 1, false, 4);
	pair_send(pair.fd, XLVS_FAMILY_IPVS, IPVS_CMD_NEW_SERVICE, false, 5);
	assert_int_equal(xlvs_peer_handle(pair.peer, POLLIN), 0);
	assert_int_equal(pair_receive(pair.fd, &sequence, &code), NLMSG_ERROR);
	assert_int_equal(sequence, 3);
	assert_int_equal(code, -ENOENT);
	assert_int_equal(pair_receive(pair.fd, &sequence, &code), NLMSG_ERROR);
	assert_int_equal(sequence, 4);
	assert_int_equal(code, -ENOENT);
	assert_int_equal(pair_receive(pair.fd, &sequence, &code), NLMSG_ERROR);
	assert_int_equal(sequence, 5);
	assert_int_equal(code, -EINVAL);
	assert_true(send(pair.fd, long_datagram, sizeof(long_datagram), 0) > 0);
	assert_int_equal(xlvs_peer_handle(pair.peer, POLLIN), -EMSGSIZE);
	pair_free(&pair);
}

static void test_an_orderly_end_is_a_reset(void **state)
{
	struct source source = {.fails_at = -1};
	struct pair pair = pair_new(pair_handle, &source);

	(void)state;
	shutdown(pair.fd, SHUT_RDWR);
	assert_int_equal(xlvs_peer_handle(pair.peer, POLLIN | POLLHUP), -ECONNRESET);
	pair_free(&pair);
}

static void test_one_director_per_name(void **state)
{
	struct source source = {.fails_at = -1};
	struct xlvs_server *server, *other;

	(void)state;
	assert_int_equal(xlvs_server_open(pair_name, pair_handle, &source, &server), 0);
	assert_int_equal(xlvs_server_open(pair_name, pair_handle, &source, &other), -EADDRINUSE);
	xlvs_server_close(server);
}

static void test_commands_sent_ahead_are_answered_in_order(void **state)
{
	struct fake_director *director = fake_new();
	pid_t pid = fake_start(pair_name, director);
	struct xlvs_request add = {
		.family = XLVS_FAMILY_IPVS,
		.command = IPVS_CMD_NEW_SERVICE,
		.given = XLVS_GIVEN_SERVICE_FULL,
		.service = {.key = {.family = AF_INET, .protocol = 6, .port = 80},
			    .scheduler = "rr"},
	};
	struct xlvs_client *client;
	int code;

	(void)state;
	assert_int_equal(xlvs_client_open(pair_name, &client), 0);
	for (int i = 0; i < XLVS_CLIENT_WINDOW; i++) {
		add.service.key.port = (__be16)(i / 2);
		assert_int_equal(xlvs_client_send(client, &add), 0);
	}
	assert_int_equal(xlvs_client_send(client, &add), -EAGAIN);
	assert_int_equal(xlvs_client_pending(client), XLVS_CLIENT_WINDOW);
	for (int i = 0; i < XLVS_CLIENT_WINDOW; i++) {
		assert_int_equal(xlvs_client_collect(client, &code, NULL), 0);
		assert_int_equal(code, i % 2 ? -EEXIST : 0);
	}
	assert_int_equal(xlvs_client_pending(client), 0);
	xlvs_client_close(client);
	fake_stop(pid);
	free(director);
}

static int count_conn(void *context, const struct xlvs_conn_entry *entry,
		      const struct xlvs_conn_pe *pe)
{
	(void)pe;
	uint32_t *n = context;

	assert_int_equal(entry->expires_sec, *n);
	++*n;
	return 0;
}

static void test_a_hundred_thousand_connections_and_a_long_document_arrive(void **state)
{
	struct fake_director *director = fake_new();
	char *document = malloc(200001);
	char *received = NULL;
	struct xlvs_client *client;
	uint32_t n = 0;
	pid_t pid;

	(void)state;
	memset(document, 'x', 200000);
	document[200000] = '\0';
	director->status = document;
	director->drops = "";
	director->n_conns = 100000;
	director->conns = calloc(director->n_conns, sizeof(*director->conns));
	for (uint32_t i = 0; i < director->n_conns; i++)
		director->conns[i].expires_sec = i;
	pid = fake_start(pair_name, director);
	assert_int_equal(xlvs_client_open(pair_name, &client), 0);
	assert_int_equal(xlvs_client_conns(client, count_conn, &n), 0);
	assert_int_equal(n, 100000);
	assert_int_equal(xlvs_client_json(client, XLVS_CMD_GET_STATUS, &received), 0);
	assert_string_equal(received, document);
	free(received);
	assert_int_equal(xlvs_client_json(client, XLVS_CMD_GET_DROPS, &received), 0);
	assert_string_equal(received, "");
	free(received);
	xlvs_client_close(client);
	fake_stop(pid);
	free(director->conns);
	free(director);
	free(document);
}

/* Run `body` in a child that is not root; its result is the child's exit code. */
static int as_nobody(int (*body)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(setuid(NOBODY) == 0 ? body() : 99);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static int ask_for_info(void)
{
	struct xlvs_director_info info;
	struct xlvs_client *client;
	int r;

	r = xlvs_client_open(pair_name, &client);
	return r < 0 ? -r : -xlvs_client_info(client, &info);
}

static int keep_twenty(void)
{
	struct xlvs_director_info info;
	struct xlvs_client *client;
	int n_served = 0;

	for (int i = 0; i < 20; i++)
		if (xlvs_client_open(pair_name, &client) == 0 &&
		    xlvs_client_info(client, &info) == -EPERM)
			n_served++;
	return n_served;
}

static void test_others_than_root_are_told_so_and_few_are_kept(void **state)
{
	struct fake_director *director = fake_new();
	struct xlvs_director_info info;
	struct xlvs_client *client;
	pid_t pid;

	(void)state;
	if (geteuid() != 0) {
		free(director);
		skip();
	}
	pid = fake_start(pair_name, director);
	assert_int_equal(as_nobody(ask_for_info), EPERM);
	assert_int_equal(as_nobody(keep_twenty), 16);
	assert_int_equal(xlvs_client_open(pair_name, &client), 0);
	assert_int_equal(xlvs_client_info(client, &info), 0);
	assert_int_equal(info.version, IP_VS_VERSION_CODE);
	xlvs_client_close(client);
	fake_stop(pid);
	free(director);
}

/* Whoever takes the name first: an impostor's answers are not read. */
static void test_a_director_run_by_somebody_else_is_not_believed(void **state)
{
	struct fake_director *director = fake_new();
	struct xlvs_client *client;
	int ready[2];
	char byte;
	pid_t pid;

	(void)state;
	if (geteuid() != 0) {
		free(director);
		skip();
	}
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct xlvs_server *server;

		if (setuid(NOBODY) < 0 ||
		    xlvs_server_open(pair_name, fake_handle, director, &server) ||
		    write(ready[1], "r", 1) != 1)
			_exit(1);
		fake_serve(server);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(xlvs_client_open(pair_name, &client), -ECONNREFUSED);
	fake_stop(pid);
	close(ready[0]);
	close(ready[1]);
	free(director);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_dump_waits_for_its_reader_and_comes_whole),
		cmocka_unit_test(test_requests_behind_a_dump_are_answered_after_it),
		cmocka_unit_test(test_a_dump_that_fails_says_so_at_its_end),
		cmocka_unit_test(test_a_dump_that_is_refused_frees_its_cursor),
		cmocka_unit_test(test_a_peer_that_leaves_in_mid_dump_is_noticed),
		cmocka_unit_test(test_malformed_datagrams_are_refused_dropped_or_end_the_peer),
		cmocka_unit_test(test_an_orderly_end_is_a_reset),
		cmocka_unit_test(test_one_director_per_name),
		cmocka_unit_test(test_commands_sent_ahead_are_answered_in_order),
		cmocka_unit_test(test_a_hundred_thousand_connections_and_a_long_document_arrive),
		cmocka_unit_test(test_others_than_root_are_told_so_and_few_are_kept),
		cmocka_unit_test(test_a_director_run_by_somebody_else_is_not_believed),
	};

	snprintf(pair_name, sizeof(pair_name), "xlvs-unit-server-%d", (int)getpid());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
