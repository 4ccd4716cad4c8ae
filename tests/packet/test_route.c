// SPDX-License-Identifier: GPL-2.0-or-later
/* Next hops the daemon has not resolved: looked up in the kernel's routing table, kept while no
 * route changes, and asked for when a neighbour is missing. */
#include "fixture.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

#include "xlvs.skel.h"

enum {
	CLIENTS = 50,
};

#define for_each_family(family) for (int family = 4; family <= 6; family += 2)

/* On the client's network, without a neighbour. */
static const char *const unknown_client[7] = {[4] = "198.51.100.66", [6] = "2001:db8:1::66"};
/* On no network at all. */
static const char *const lost_client[7] = {[4] = "233.252.0.9", [6] = "2001:db8:dead::9"};

static const uint8_t server_mac[6] = {2, 0, 0, 0, 0x5e, 0x65};
static const uint8_t server_side_mac[6] = {2, 0, 0, 0, 0x5e, 1};

static struct packet serve_nat(int family, uint32_t *ret_dest)
{
	struct packet request = request_packet(family, PACKET_TCP);
	struct dest_words words = {.method = XLVS_FORWARD_nat};

	director_reset();
	director_say("IPv%d", family);
	*ret_dest = director_serve(&request, &words);
	return request;
}

static struct packet reply_to(const struct packet *request)
{
	return reply_packet(request, server_address(request->family, 1), VIP_PORT);
}

static void expect_reply_sent(const struct packet *reply, const uint8_t *dmac)
{
	struct packet sent = sent_to_client(reply);
	struct frame in, wanted;

	sent.from = vip_address[reply->family];
	memcpy(sent.dmac, dmac, sizeof(sent.dmac));
	packet_build(reply, &in);
	packet_build(&sent, &wanted);
	expect_sent(&in, &wanted, director.client_ifindex);
}

static void expect_reply_dropped(const struct packet *reply, uint32_t reason)
{
	struct frame in;

	packet_build(reply, &in);
	expect_dropped(&in, reason);
}

static uint32_t count_gateways(void)
{
	uint32_t n = 0;

	for (int i = 0; i < XLVS_GATEWAYS_MAX; i++)
		n += director.gateways[i].state == XLVS_NEXTHOP_READY;
	return n;
}

static void test_request_without_a_next_hop_is_routed(void **state)
{
	static const uint8_t methods[] = {XLVS_FORWARD_dr, XLVS_FORWARD_nat};

	(void)state;
	for (int i = 0; i < 4; i++) {
		int family = i & 1 ? 6 : 4;
		struct packet request = request_packet(family, PACKET_UDP), sent;
		struct dest_words words = {.method = methods[i / 2]};
		struct frame in, wanted;
		uint32_t dest;

		director_reset();
		director_say("method %d, IPv%d", words.method, family);
		dest = director_serve(&request, &words);
		director.table.dests[dest].nexthop = 0;
		sent = request;
		sent.ttl--;
		memcpy(sent.dmac, server_mac, sizeof(server_mac));
		memcpy(sent.smac, server_side_mac, sizeof(server_side_mac));
		if (words.method == XLVS_FORWARD_nat)
			sent.to = server_address(family, 1);
		packet_build(&request, &in);
		packet_build(&sent, &wanted);
		expect_sent(&in, &wanted, director.server_ifindex);
	}
}

/* The routing table's answer does not say which address a tunnel begins at. */
static void test_tunnel_without_a_next_hop_is_dropped(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct packet request = request_packet(family, PACKET_UDP);
		struct dest_words words = {.method = XLVS_FORWARD_tun};
		struct frame in;
		uint32_t dest;

		director_reset();
		director_say("IPv%d", family);
		dest = director_serve(&request, &words);
		director.table.dests[dest].nexthop = 0;
		packet_build(&request, &in);
		expect_dropped(&in, XLVS_DROP_NO_ROUTE);
	}
}

static void test_clients_behind_one_next_hop_share_its_entry(void **state)
{
	(void)state;
	for_each_family(family)
	{
		uint32_t dest;
		struct packet request = serve_nat(family, &dest);

		for (int i = 0; i < CLIENTS; i++) {
			struct packet reply;

			request.sport++;
			expect_forwarded(&request);
			reply = reply_to(&request);
			expect_forwarded(&reply);
			assert_int_not_equal(director_conn(&reply)->gateway, 0);
		}
		assert_int_equal(count_gateways(), 1);
	}
}

static void test_kept_next_hop_is_looked_up_anew_when_routes_have_changed(void **state)
{
	static const uint8_t old_mac[6] = {2, 0, 0, 0, 0xc0, 7}, new_mac[6] = {2, 0, 0, 0, 0xc0, 8};

	(void)state;
	for_each_family(family)
	{
		uint32_t dest;
		struct packet request = serve_nat(family, &dest), reply;
		char commands[120];

		expect_forwarded(&request);
		reply = reply_to(&request);
		expect_reply_sent(&reply, old_mac);
		snprintf(commands, sizeof(commands),
			 "neigh replace %s lladdr 02:00:00:00:c0:08 dev client\n",
			 client_address[family]);
		assert_int_equal(director_ip(commands), 0);
		expect_reply_sent(&reply, old_mac);
		director.table.runtime->generation++;
		expect_reply_sent(&reply, new_mac);
		snprintf(commands, sizeof(commands),
			 "neigh replace %s lladdr 02:00:00:00:c0:07 dev client\n",
			 client_address[family]);
		assert_int_equal(director_ip(commands), 0);
		expect_reply_sent(&reply, new_mac);
		director.table.runtime->generation += 0xffff;
		expect_reply_sent(&reply, old_mac);
	}
}

struct wanted_neighbour {
	struct xlvs_event event;
	int n;
};

static int on_event(void *context, void *data, size_t bytes)
{
	struct wanted_neighbour *wanted = context;

	assert_int_equal(bytes, sizeof(wanted->event));
	memcpy(&wanted->event, data, sizeof(wanted->event));
	wanted->n++;
	return 0;
}

static void expect_event(struct ring_buffer *ring, struct wanted_neighbour *wanted,
			 const char *address, int family)
{
	uint8_t bytes[16] = {};

	ring_buffer__consume(ring);
	assert_true(wanted->n > 0);
	assert_int_equal(wanted->event.ifindex, director.client_ifindex);
	assert_int_equal(wanted->event.family, family == 4 ? AF_INET : AF_INET6);
	inet_pton(family == 4 ? AF_INET : AF_INET6, address, bytes);
	assert_memory_equal(wanted->event.address, bytes, sizeof(bytes));
	assert_int_equal(director_reason(XLVS_EVENT_NEIGHBOUR_WANTED), wanted->n);
}

static void test_missing_neighbour_is_asked_for_and_used_once_it_is_there(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0xc0, 0x66};

	(void)state;
	for_each_family(family)
	{
		uint32_t dest;
		struct packet request = serve_nat(family, &dest), reply;
		struct wanted_neighbour wanted = {};
		struct ring_buffer *ring = ring_buffer__new(
			bpf_map__fd(director.skeleton->maps.xlvs_events), on_event, &wanted, NULL);
		char commands[120];

		assert_non_null(ring);
		request.from = unknown_client[family];
		expect_forwarded(&request);
		expect_event(ring, &wanted, unknown_client[family], family);
		reply = reply_to(&request);
		expect_reply_dropped(&reply, XLVS_DROP_NO_NEIGHBOUR);
		expect_event(ring, &wanted, unknown_client[family], family);

		snprintf(commands, sizeof(commands),
			 "neigh replace %s lladdr 02:00:00:00:c0:66 dev client\n",
			 unknown_client[family]);
		assert_int_equal(director_ip(commands), 0);
		expect_reply_sent(&reply, mac);
		snprintf(commands, sizeof(commands), "neigh del %s dev client\n",
			 unknown_client[family]);
		assert_int_equal(director_ip(commands), 0);
		ring_buffer__free(ring);
	}
}

static void test_reply_without_a_route_is_dropped(void **state)
{
	(void)state;
	for_each_family(family)
	{
		uint32_t dest;
		struct packet request = serve_nat(family, &dest), reply;

		request.from = lost_client[family];
		expect_forwarded(&request);
		reply = reply_to(&request);
		expect_reply_dropped(&reply, XLVS_DROP_NO_ROUTE);
	}
}

static void test_request_without_a_route_is_dropped(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct packet request = request_packet(family, PACKET_TCP);
		struct dest_words words = {.address = family == 4 ? "203.0.113.99"
								  : "2001:db8:dead::99"};
		struct frame frame;
		uint32_t dest;

		director_reset();
		words.method = XLVS_FORWARD_dr;
		dest = director_serve(&request, &words);
		director.table.dests[dest].nexthop = 0;
		packet_build(&request, &frame);
		expect_dropped(&frame, XLVS_DROP_NO_ROUTE);
	}
}

static void test_server_is_told_of_a_reply_larger_than_the_route_allows(void **state)
{
	(void)state;
	for_each_family(family)
	{
		uint32_t dest;
		struct packet request = serve_nat(family, &dest), reply;

		assert_int_equal(director_ip("link set client mtu 1400\n"), 0);
		expect_forwarded(&request);
		reply = reply_to(&request);
		reply.payload_bytes = (uint16_t)(1400 - (family == 4 ? 40 : 60));
		expect_forwarded(&reply);
		reply.payload_bytes++;
		reply.fragment = DONT_FRAGMENT;
		expect_server_told(&reply, dest, XLVS_DROP_TOO_BIG,
				   family == 4 ? &(struct packet_error){3, 4, 1400, 0}
					       : &(struct packet_error){2, 0, 1400, 0});
		assert_int_equal(director_ip("link set client mtu 1500\n"), 0);
	}
}

/* All entries taken by others: the answer serves this packet and is not kept. */
static void test_full_gateway_table_costs_a_lookup_each_time(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0xc0, 7};

	(void)state;
	for_each_family(family)
	{
		uint32_t dest;
		struct packet request = serve_nat(family, &dest), reply;

		for (uint32_t i = 0; i < XLVS_GATEWAYS_MAX; i++)
			director.gateways[i] = (struct xlvs_nexthop){
				.state = XLVS_NEXTHOP_READY,
				.ifindex = 1000 + i,
			};
		expect_forwarded(&request);
		reply = reply_to(&request);
		expect_reply_sent(&reply, mac);
		expect_reply_sent(&reply, mac);
		assert_int_equal(director_conn(&reply)->gateway, 0);
		assert_int_equal(director_reason(XLVS_EVENT_GATEWAYS_FULL), 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request_without_a_next_hop_is_routed),
		cmocka_unit_test(test_tunnel_without_a_next_hop_is_dropped),
		cmocka_unit_test(test_clients_behind_one_next_hop_share_its_entry),
		cmocka_unit_test(test_kept_next_hop_is_looked_up_anew_when_routes_have_changed),
		cmocka_unit_test(test_missing_neighbour_is_asked_for_and_used_once_it_is_there),
		cmocka_unit_test(test_reply_without_a_route_is_dropped),
		cmocka_unit_test(test_request_without_a_route_is_dropped),
		cmocka_unit_test(test_server_is_told_of_a_reply_larger_than_the_route_allows),
		cmocka_unit_test(test_full_gateway_table_costs_a_lookup_each_time),
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
