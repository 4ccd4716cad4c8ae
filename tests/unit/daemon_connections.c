// SPDX-License-Identifier: GPL-2.0-or-later
/* The listing of connections: which records are shown, and how. */
#include "daemon_fake.h"

#include "control/request.h"
#include "daemon/connections.h"
#include "daemon/ticks.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NOW 1000000U /* in ticks, 250 a second */

static int setup(void **state)
{
	*state = fake_loader_new();
	return 0;
}

static int teardown(void **state)
{
	fake_loader_free(*state);
	return 0;
}

static struct xlvs_dest *put_dest(struct xlvs_loader *loader, uint32_t id, const char *address,
				  uint16_t port)
{
	struct xlvs_dest *dest = &loader->maps.dests[id];
	struct xlvs_address bytes = fake_address(address);

	*dest = (struct xlvs_dest){.family = (uint8_t)fake_family(address), .port = htons(port)};
	memcpy(dest->address, &bytes, sizeof(dest->address));
	return dest;
}

/* Live, established TCP, 100 seconds left. */
static struct xlvs_conn *put_conn(struct xlvs_loader *loader, uint32_t index, const char *client,
				  const char *vip, uint32_t dest)
{
	struct xlvs_address from = fake_address(client), to = fake_address(vip);
	struct xlvs_conn *conn = &loader->maps.conns[index];

	*conn = (struct xlvs_conn){
		.word = 3 * XLVS_WORD_PASS | 0x1234560 | XLVS_LIFE_LIVE,
		.sport = htons(40000),
		.dport = htons(80),
		.protocol = IPPROTO_TCP,
		.family = (uint8_t)fake_family(client),
		.meta = XLVS_TCP_ESTABLISHED | 7U << XLVS_META_GENERATION_SHIFT,
		.deadline = NOW + 100 * 250,
		.dest = dest,
	};
	if (conn->family == AF_INET) {
		memcpy(&conn->key.v4.saddr, &from, sizeof(conn->key.v4.saddr));
		memcpy(&conn->key.v4.daddr, &to, sizeof(conn->key.v4.daddr));
	} else {
		memcpy(conn->key.v6.saddr, &from, sizeof(from));
		memcpy(conn->key.v6.daddr, &to, sizeof(to));
	}
	return conn;
}

static bool show(struct xlvs_loader *loader, uint32_t index, struct xlvs_conn_entry *entry)
{
	return xlvs_connection_entry(&loader->maps, index, NOW, entry);
}

static void expect_address(const struct xlvs_address *address, const char *expected)
{
	struct xlvs_address bytes = fake_address(expected);

	assert_memory_equal(address, &bytes, sizeof(bytes));
}

static void test_connection_is_shown_with_its_destination(void **state)
{
	struct xlvs_loader *loader = *state;
	struct xlvs_conn_entry entry;

	put_dest(loader, 7, "198.51.100.1", 8080);
	put_conn(loader, 5, "203.0.113.9", "192.0.2.80", 7);
	assert_true(show(loader, 5, &entry));
	assert_int_equal(entry.family, AF_INET);
	assert_int_equal(entry.dest_family, AF_INET);
	assert_int_equal(entry.protocol, IPPROTO_TCP);
	assert_int_equal(entry.flags, 0);
	expect_address(&entry.client, "203.0.113.9");
	expect_address(&entry.virtual_address, "192.0.2.80");
	expect_address(&entry.dest, "198.51.100.1");
	assert_int_equal(ntohs(entry.client_port), 40000);
	assert_int_equal(ntohs(entry.virtual_port), 80);
	assert_int_equal(ntohs(entry.dest_port), 8080);
	assert_int_equal(entry.expires_sec, 100);
	assert_string_equal(entry.state, "ESTABLISHED");
}

static void test_states_of_sctp_have_their_names(void **state)
{
	static const char *const names[XLVS_SCTP_STATES] = {
		"NONE",	      "INIT1",	    "INIT",	"C-SENT",      "C-REPLIED",
		"C-WAIT",     "COOKIE",	    "C-ECHOED", "ESTABLISHED", "S-SENT",
		"S-RECEIVED", "S-ACK-SENT", "REJECTED", "CLOSED",
	};
	struct xlvs_loader *loader = *state;
	struct xlvs_conn_entry entry;
	struct xlvs_conn *conn;

	put_dest(loader, 7, "198.51.100.1", 8080);
	conn = put_conn(loader, 5, "203.0.113.9", "192.0.2.80", 7);
	conn->protocol = IPPROTO_SCTP;
	for (__u32 n = 0; n < XLVS_SCTP_STATES; n++) {
		conn->meta = n;
		assert_true(show(loader, 5, &entry));
		assert_string_equal(entry.state, names[n]);
	}
}

static void test_ipv6_client_in_a_tunnel_to_an_ipv4_destination(void **state)
{
	struct xlvs_loader *loader = *state;
	struct xlvs_conn_entry entry;

	put_dest(loader, 7, "198.51.100.1", 80);
	put_conn(loader, 5, "2001:db8::9", "2001:db8:80::1", 7);
	assert_true(show(loader, 5, &entry));
	assert_int_equal(entry.family, AF_INET6);
	assert_int_equal(entry.dest_family, AF_INET);
	expect_address(&entry.client, "2001:db8::9");
	expect_address(&entry.virtual_address, "2001:db8:80::1");
	expect_address(&entry.dest, "198.51.100.1");
}

static void test_destination_without_port_has_the_virtual_one(void **state)
{
	struct xlvs_loader *loader = *state;
	struct xlvs_conn_entry entry;

	put_dest(loader, 7, "198.51.100.1", 0);
	put_conn(loader, 5, "203.0.113.9", "192.0.2.80", 7);
	assert_true(show(loader, 5, &entry));
	assert_int_equal(ntohs(entry.dest_port), 80);
}

static void test_states_have_the_names_of_ipvs(void **state)
{
	static const char *const names[] = {
		"NONE",	 "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT", "TIME_WAIT",
		"CLOSE", "CLOSE_WAIT",	"LAST_ACK", "LISTEN",	"SYNACK",   "ERR!",
	};
	struct xlvs_loader *loader = *state;
	struct xlvs_conn_entry entry;
	struct xlvs_conn *conn;

	conn = put_conn(loader, 5, "203.0.113.9", "192.0.2.80", 7);
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		conn->meta = i | XLVS_META_PROVEN | XLVS_META_INACTIVE;
		assert_true(show(loader, 5, &entry));
		assert_string_equal(entry.state, names[i]);
	}
	conn->protocol = IPPROTO_UDP;
	conn->meta = 1;
	assert_true(show(loader, 5, &entry));
	assert_string_equal(entry.state, "UDP");
}

static void test_connection_that_keeps_its_port_shows_it(void **state)
{
	struct xlvs_loader *loader = *state;
	struct xlvs_conn_entry entry;

	put_dest(loader, 7, "198.51.100.1", 8080);
	put_conn(loader, 5, "203.0.113.9", "192.0.2.80", 7)->meta |= XLVS_META_KEEP_PORT;
	assert_true(show(loader, 5, &entry));
	assert_int_equal(ntohs(entry.dest_port), 80);
}

static void test_templates_are_shown_as_ipvs_shows_them(void **state)
{
	static const struct {
		uint16_t port;
		uint32_t meta;
		uint16_t virtual_port, dest_port;
		const char *state;
	} rows[] = {
		{80, XLVS_TEMPLATE_NONE, 80, 8080, "NONE"},
		{80, XLVS_TEMPLATE_ASSURED, 80, 8080, "ASSURED"},
		{0, XLVS_TEMPLATE_ASSURED, 0, 0, "ASSURED"},
		{80, XLVS_TEMPLATE_ASSURED | XLVS_META_INVALID, 65535, 65535, "ASSURED"},
		{0, XLVS_TEMPLATE_NONE | XLVS_META_INVALID, 65535, 65535, "NONE"},
	};
	struct xlvs_loader *loader = *state;

	put_dest(loader, 7, "198.51.100.1", 8080);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct xlvs_conn *conn = put_conn(loader, 5, "203.0.113.0", "192.0.2.80", 7);
		struct xlvs_conn_entry entry;

		conn->family |= XLVS_FAMILY_TEMPLATE;
		conn->sport = 0;
		conn->dport = htons(rows[i].port);
		conn->meta = rows[i].meta;
		assert_true(show(loader, 5, &entry));
		assert_int_equal(entry.family, AF_INET);
		assert_int_equal(entry.flags, XLVS_CONN_TEMPLATE);
		expect_address(&entry.client, "203.0.113.0");
		expect_address(&entry.virtual_address, "192.0.2.80");
		assert_int_equal(entry.client_port, 0);
		assert_int_equal(ntohs(entry.virtual_port), rows[i].virtual_port);
		assert_int_equal(ntohs(entry.dest_port), rows[i].dest_port);
		assert_string_equal(entry.state, rows[i].state);
	}
}

static void test_template_past_its_time_is_shown_while_it_has_connections(void **state)
{
	struct xlvs_loader *loader = *state;
	struct xlvs_conn *conn = put_conn(loader, 5, "203.0.113.0", "192.0.2.80", 7);
	struct xlvs_conn_entry entry;

	conn->family |= XLVS_FAMILY_TEMPLATE;
	conn->deadline = NOW - 250;
	assert_false(show(loader, 5, &entry));
	loader->maps.controls[5].n_controlled = 1;
	assert_true(show(loader, 5, &entry));
	assert_int_equal(entry.expires_sec, 59);
}

static void test_only_live_first_records_are_shown(void **state)
{
	struct xlvs_loader *loader = *state;
	struct xlvs_conn_entry entry;
	struct xlvs_conn *conn;

	assert_false(show(loader, 0, &entry));
	conn = put_conn(loader, 5, "203.0.113.9", "192.0.2.80", 7);
	conn->meta |= XLVS_META_REPLY;
	assert_false(show(loader, 5, &entry));
	conn = put_conn(loader, 5, "203.0.113.9", "192.0.2.80", 7);
	conn->meta |= XLVS_META_ENDED;
	assert_false(show(loader, 5, &entry));
	for (__u64 life = XLVS_LIFE_BUSY; life <= XLVS_LIFE_ZOMBIE; life++) {
		conn = put_conn(loader, 5, "203.0.113.9", "192.0.2.80", 7);
		conn->word = (conn->word & ~(__u64)XLVS_LIFE_MASK) | life;
		assert_false(show(loader, 5, &entry));
	}
}

static void test_time_left_is_in_whole_seconds_and_what_is_over_is_not_shown(void **state)
{
	struct xlvs_loader *loader = *state;
	struct xlvs_conn_entry entry;
	struct xlvs_conn *conn = put_conn(loader, 5, "203.0.113.9", "192.0.2.80", 7);

	conn->deadline = NOW + 499;
	assert_true(show(loader, 5, &entry));
	assert_int_equal(entry.expires_sec, 1);
	conn->deadline = NOW + 1;
	assert_true(show(loader, 5, &entry));
	assert_int_equal(entry.expires_sec, 0);
	conn->deadline = NOW;
	assert_false(show(loader, 5, &entry));
	conn->deadline = NOW - 5000;
	assert_false(show(loader, 5, &entry));
	/* Ticks wrap. */
	conn->deadline = 500;
	assert_true(xlvs_connection_entry(&loader->maps, 5, 0xffffffffU - 249, &entry));
	assert_int_equal(entry.expires_sec, 3);
}

struct received {
	unsigned int datagrams;
	size_t bytes;
};

static int receive(void *context, const void *datagram, size_t bytes)
{
	struct received *received = context;

	(void)datagram;
	received->datagrams++;
	received->bytes += bytes;
	return 0;
}

static void test_long_listing_is_sent_in_portions(void **state)
{
	struct xlvs_loader *loader = *state;
	struct xlvs_request request = {
		.family = XLVS_FAMILY_XLVS,
		.command = XLVS_CMD_GET_CONNS,
		.dump = true,
	};
	struct received received = {0};
	struct xlvs_reply reply;
	struct xlvs_ticks ticks;
	unsigned int portions = 1;

	assert_int_equal(xlvs_ticks_init(&loader->maps.runtime->constants, &ticks), 0);
	put_dest(loader, 7, "198.51.100.1", 80);
	for (uint32_t i = 0; i < FAKE_CONNS; i += 2)
		put_conn(loader, i, "203.0.113.9", "192.0.2.80", 7)->deadline =
			xlvs_ticks_now(&ticks) + 250 * 100;
	xlvs_reply_init(&reply, &request, receive, &received);
	assert_int_equal(xlvs_connections_dump(&loader->maps, &reply, NULL), 0);
	assert_int_equal(received.datagrams, 0);
	while (reply.dump.next(reply.dump.cursor, &reply) == 1)
		portions++;
	reply.dump.free(reply.dump.cursor);
	assert_int_equal(portions, 3); /* 200 + 200 + 112 */
	assert_int_equal(received.datagrams, 3);
	assert_true(received.bytes >= FAKE_CONNS / 2 * sizeof(struct xlvs_conn_entry));
}

static void test_jiffies_are_found_in_the_kernels_listing(void **state)
{
	static char text[] = "now at 2248583173250 nsecs\n  .last_jiffies   : 4295457029\n"
			     "jiffies: 4295457037\njiffies: 4295457038\n";
	FILE *file = fmemopen(text, sizeof(text) - 1, "r");
	__u64 jiffies = 0;

	(void)state;
	assert_int_equal(xlvs_ticks_read_jiffies(file, &jiffies), 0);
	assert_int_equal(jiffies, 4295457037ULL);
	fclose(file);
	file = fmemopen(text, 20, "r");
	assert_int_equal(xlvs_ticks_read_jiffies(file, &jiffies), -ENODATA);
	fclose(file);
}

static __u32 kernels_ticks(const struct xlvs_constants *constants)
{
	FILE *file = fopen("/proc/timer_list", "re");
	__u64 jiffies;

	if (!file)
		skip();
	assert_int_equal(xlvs_ticks_read_jiffies(file, &jiffies), 0);
	fclose(file);
	return (__u32)(jiffies >> constants->tick_shift);
}

static void test_ticks_are_the_kernels(void **state)
{
	struct xlvs_constants constants = {0};
	struct timespec jiffy;
	struct xlvs_ticks ticks;
	__u32 before, now, after;

	(void)state;
	clock_getres(CLOCK_MONOTONIC_COARSE, &jiffy);
	constants.ticks_per_sec = (__u32)(1000000000 / jiffy.tv_nsec) >> 1;
	constants.tick_shift = 1;
	before = kernels_ticks(&constants);
	assert_int_equal(xlvs_ticks_init(&constants, &ticks), 0);
	now = xlvs_ticks_now(&ticks);
	after = kernels_ticks(&constants);
	assert_in_range(now - before + 1, 0, after - before + 2);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_connection_is_shown_with_its_destination),
		TEST(test_states_of_sctp_have_their_names),
		TEST(test_ipv6_client_in_a_tunnel_to_an_ipv4_destination),
		TEST(test_destination_without_port_has_the_virtual_one),
		TEST(test_states_have_the_names_of_ipvs),
		TEST(test_connection_that_keeps_its_port_shows_it),
		TEST(test_templates_are_shown_as_ipvs_shows_them),
		TEST(test_template_past_its_time_is_shown_while_it_has_connections),
		TEST(test_only_live_first_records_are_shown),
		TEST(test_time_left_is_in_whole_seconds_and_what_is_over_is_not_shown),
		TEST(test_long_listing_is_sent_in_portions),
		cmocka_unit_test(test_jiffies_are_found_in_the_kernels_listing),
		cmocka_unit_test(test_ticks_are_the_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
