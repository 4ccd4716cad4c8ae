// SPDX-License-Identifier: GPL-2.0-or-later
/* Packets with a firewall mark whose service has no destination: with cache_bypass they go on to
 * where they were going. */
#include "fixture.h"

#include <linux/bpf.h>
#include <string.h>

#include "abi/mark.h"

enum {
	MARK = 1,
};

/* As an address of a service: the mark. */
static const char *const mark_address[7] = {[4] = "0.0.0.1", [6] = "0:1::"};
static const char *const origin_address[7] = {[4] = "192.0.2.101", [6] = "2001:db8:3::101"};
static const char *const own_address[7] = {[4] = "198.51.100.1", [6] = "2001:db8:1::1"};

#define for_each_family(family) for (int family = 4; family <= 6; family += 2)

/* A packet that netfilter marked, to a host behind the director. */
static struct packet marked_packet(int family, uint8_t protocol)
{
	const struct xlvs_mark_source source = {.prefix = XLVS_MARK_SOURCE, .mark = MARK};
	struct packet packet = request_packet(family, protocol);

	packet.to = origin_address[family];
	memcpy(packet.smac, &source, sizeof(packet.smac));
	return packet;
}

static void serve_mark(int family, int cache_bypass)
{
	struct packet by_mark = {.family = family, .to = mark_address[family]};

	director_reset();
	director_say("IPv%d", family);
	director.services[director_add_service(&by_mark, XLVS_SCHEDULER_rr)].fwmark = MARK;
	*director.lookups |= XLVS_LOOKUP_MARK;
	director.table.runtime->mark_ifindex = INGRESS;
	director.table.runtime->settings[XLVS_SETTING_cache_bypass] = cache_bypass;
}

static void expect_bypassed(const struct packet *packet)
{
	struct frame in;

	packet_build(packet, &in);
	expect_passed(&in);
}

static void test_bypass_goes_through_the_states_of_a_connection(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct packet packet = marked_packet(family, PACKET_TCP);
		const struct xlvs_conn *conn;

		serve_mark(family, 1);
		expect_bypassed(&packet);
		conn = director_conn(&packet);
		assert_non_null(conn);
		assert_int_equal(conn->dest, XLVS_NONE);
		assert_int_equal(conn->meta & XLVS_META_STATE, XLVS_TCP_SYN_RECV);
		packet.tcp_flags = ACK;
		expect_bypassed(&packet);
		assert_int_equal(conn->meta & XLVS_META_STATE, XLVS_TCP_ESTABLISHED);
		expect_timeout(conn, 900);
		assert_int_equal(director.table.runtime->unproven, 0);
		packet.tcp_flags = FIN | ACK;
		expect_bypassed(&packet);
		assert_int_equal(conn->meta & XLVS_META_STATE, XLVS_TCP_CLOSE_WAIT);
	}
}

static void test_bypass_lasts_when_a_destination_comes(void **state)
{
	struct packet packet = marked_packet(4, PACKET_UDP), other = packet;
	struct packet by_mark = {.family = 4, .to = mark_address[4]};
	struct dest_words words = {
		.family = 4,
		.address = server_address(4, 2),
		.method = XLVS_FORWARD_dr,
		.weight = 1,
		.ifindex = INGRESS,
	};

	(void)state;
	serve_mark(4, 1);
	expect_bypassed(&packet);
	director_add_dest(director_slot(&by_mark), &words);
	expect_bypassed(&packet);
	other.sport++;
	expect_forwarded(&other);
}

static void test_without_the_setting_a_mark_or_another_host_there_is_none(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct packet packet = marked_packet(family, PACKET_TCP);

		serve_mark(family, 0);
		expect_no_dest(&packet);
		serve_mark(family, 1);
		packet.to = own_address[family];
		expect_no_dest(&packet);
		assert_null(director_conn(&packet));
		packet = request_packet(family, PACKET_TCP);
		director_add_service(&packet, XLVS_SCHEDULER_rr);
		expect_no_dest(&packet);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bypass_goes_through_the_states_of_a_connection),
		cmocka_unit_test(test_bypass_lasts_when_a_destination_comes),
		cmocka_unit_test(test_without_the_setting_a_mark_or_another_host_there_is_none),
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
