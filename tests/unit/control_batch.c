// SPDX-License-Identifier: GPL-2.0-or-later
/* How messages are laid into datagrams: several requests may come in one, and are answered in
 * order; data of a dump is joined, as the kernel does; acks and ends of single requests stand
 * alone, for libnl waits for the next datagram after data. */
#include "control_pair.h"

#include <errno.h>
#include <netlink/msg.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Requests one behind the other. */
struct batch {
	size_t bytes;
	_Alignas(struct nlmsghdr) char data[XLVS_DATAGRAM_MAX_BYTES];
};

static struct batch batch;

static void add(enum xlvs_family family, int command, bool dump, uint32_t sequence)
{
	const struct xlvs_request request = {.family = family,
					     .command = (uint8_t)command,
					     .dump = dump,
					     .wants_ack = true,
					     .sequence = sequence};
	struct nl_msg *message;

	assert_int_equal(xlvs_request_encode(&request, &message), 0);
	memcpy(batch.data + batch.bytes, nlmsg_hdr(message), nlmsg_hdr(message)->nlmsg_len);
	batch.bytes += NLMSG_ALIGN(nlmsg_hdr(message)->nlmsg_len);
	nlmsg_free(message);
}

static void send_batch(int fd)
{
	assert_int_equal(send(fd, batch.data, batch.bytes, 0), batch.bytes);
	batch.bytes = 0;
}

static void expect(struct pair *pair, int type, uint32_t sequence, int code)
{
	uint32_t got_sequence = 0;
	int got_code = 0;

	assert_int_equal(pair_receive(pair->fd, &got_sequence, &got_code), type);
	if (type >= 0)
		assert_int_equal(got_sequence, sequence);
	if (type == NLMSG_ERROR || type == NLMSG_DONE)
		assert_int_equal(got_code, code);
}

static void handle(struct pair *pair)
{
	assert_int_equal(xlvs_peer_handle(pair->peer, xlvs_peer_events(pair->peer)), 0);
}

static void test_data_and_ack_of_a_single_request_come_apart(void **state)
{
	struct source source = {.fails_at = -1};
	struct pair pair = pair_new(pair_handle, &source);

	(void)state;
	pair_send(pair.fd, XLVS_FAMILY_IPVS, IPVS_CMD_GET_INFO, false, 1);
	pair_send(pair.fd, XLVS_FAMILY_IPVS, IPVS_CMD_GET_INFO, false, 2);
	handle(&pair);
	for (uint32_t sequence = 1; sequence <= 2; sequence++) {
		expect(&pair, XLVS_FAMILY_IPVS, sequence, 0);
		expect(&pair, NLMSG_ERROR, sequence, 0);
	}
	assert_int_equal(pair_datagrams, 4);
	pair_free(&pair);
}

static void test_the_data_of_a_dump_is_joined_and_its_end_stands_alone(void **state)
{
	struct source source = {.n_portions = 20, .n_entries = 10, .fails_at = -1};
	struct pair pair = pair_new(pair_handle, &source);

	(void)state;
	pair_send(pair.fd, XLVS_FAMILY_XLVS, XLVS_CMD_GET_CONNS, true, 1);
	handle(&pair);
	for (int i = 0; i < 20; i++)
		expect(&pair, XLVS_FAMILY_XLVS, 1, 0);
	assert_int_equal(pair_datagrams, 1);
	expect(&pair, NLMSG_DONE, 1, 0);
	assert_int_equal(pair_datagrams, 2);
	pair_free(&pair);
}

static void test_several_requests_in_a_datagram_are_answered_in_order_and_together(void **state)
{
	struct source source = {.n_portions = 3, .n_entries = 1, .fails_at = -1};
	struct pair pair = pair_new(pair_handle, &source);

	(void)state;
	add(XLVS_FAMILY_IPVS, IPVS_CMD_FLUSH, false, 1);
	add(XLVS_FAMILY_IPVS, IPVS_CMD_NEW_SERVICE, false, 2);
	add(XLVS_FAMILY_XLVS, XLVS_CMD_GET_CONNS, true, 3);
	add(XLVS_FAMILY_IPVS, IPVS_CMD_GET_INFO, false, 4);
	send_batch(pair.fd);
	handle(&pair);
	expect(&pair, NLMSG_ERROR, 1, 0);
	expect(&pair, NLMSG_ERROR, 2, -EINVAL);
	for (int i = 0; i < 3; i++)
		expect(&pair, XLVS_FAMILY_XLVS, 3, 0);
	expect(&pair, NLMSG_DONE, 3, 0);
	expect(&pair, XLVS_FAMILY_IPVS, 4, 0);
	expect(&pair, NLMSG_ERROR, 4, 0);
	expect(&pair, -1, 0, 0);
	assert_int_equal(pair_datagrams, 1);
	pair_free(&pair);
}

/* The next datagram waits until the last one is answered whole. */
static void test_a_long_datagram_is_answered_over_several_turns(void **state)
{
	enum {
		REQUESTS = 1000
	};
	struct source source = {.fails_at = -1};
	struct pair pair = pair_new(pair_handle, &source);

	(void)state;
	for (uint32_t i = 0; i < REQUESTS; i++)
		add(XLVS_FAMILY_IPVS, IPVS_CMD_FLUSH, false, i);
	send_batch(pair.fd);
	pair_send(pair.fd, XLVS_FAMILY_IPVS, IPVS_CMD_FLUSH, false, REQUESTS);
	handle(&pair);
	assert_int_equal(xlvs_peer_events(pair.peer), POLLOUT);
	for (uint32_t i = 0; i <= REQUESTS; i++) {
		uint32_t sequence = 0;
		int code = 0;
		int type;

		while ((type = pair_receive(pair.fd, &sequence, &code)) < 0)
			handle(&pair);
		assert_int_equal(type, NLMSG_ERROR);
		assert_int_equal(sequence, i);
	}
	assert_int_equal(xlvs_peer_events(pair.peer), POLLIN);
	pair_free(&pair);
}

/* As in the kernel: what is behind a message that lies about its length is not looked at. */
static void test_a_message_that_lies_about_its_length_ends_the_datagram(void **state)
{
	struct source source = {.fails_at = -1};
	struct pair pair = pair_new(pair_handle, &source);
	struct nlmsghdr *second;

	(void)state;
	for (uint32_t length = 0; length < 2; length++) {
		add(XLVS_FAMILY_IPVS, IPVS_CMD_FLUSH, false, 1);
		second = (struct nlmsghdr *)(void *)(batch.data + batch.bytes);
		add(XLVS_FAMILY_IPVS, IPVS_CMD_FLUSH, false, 2);
		add(XLVS_FAMILY_IPVS, IPVS_CMD_FLUSH, false, 3);
		second->nlmsg_len = length ? 0xffffffff : NLMSG_HDRLEN - 1;
		send_batch(pair.fd);
		handle(&pair);
		expect(&pair, NLMSG_ERROR, 1, 0);
		expect(&pair, -1, 0, 0);
		assert_int_equal(xlvs_peer_events(pair.peer), POLLIN);
	}
	pair_free(&pair);
}

static void test_a_peer_that_leaves_amid_its_datagram_is_forgotten(void **state)
{
	struct source source = {.n_portions = 100000, .n_entries = 100, .fails_at = -1};
	struct pair pair = pair_new(pair_handle, &source);

	(void)state;
	add(XLVS_FAMILY_XLVS, XLVS_CMD_GET_CONNS, true, 1);
	add(XLVS_FAMILY_IPVS, IPVS_CMD_FLUSH, false, 2);
	send_batch(pair.fd);
	handle(&pair);
	close(pair.fd);
	pair.fd = -1;
	assert_true(xlvs_peer_handle(pair.peer, POLLOUT | POLLHUP) < 0);
	pair_free(&pair);
	assert_int_equal(source.n_freed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data_and_ack_of_a_single_request_come_apart),
		cmocka_unit_test(test_the_data_of_a_dump_is_joined_and_its_end_stands_alone),
		cmocka_unit_test(
			test_several_requests_in_a_datagram_are_answered_in_order_and_together),
		cmocka_unit_test(test_a_long_datagram_is_answered_over_several_turns),
		cmocka_unit_test(test_a_message_that_lies_about_its_length_ends_the_datagram),
		cmocka_unit_test(test_a_peer_that_leaves_amid_its_datagram_is_forgotten),
	};

	snprintf(pair_name, sizeof(pair_name), "xlvs-unit-batch-%d", (int)getpid());
	return cmocka_run_group_tests(tests, NULL, NULL);
}
