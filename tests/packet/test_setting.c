// SPDX-License-Identifier: GPL-2.0-or-later
/* What the settings of IPVS change about packets. */
#include "fixture.h"

#include <string.h>

static const uint8_t methods[] = {XLVS_FORWARD_nat, XLVS_FORWARD_dr, XLVS_FORWARD_tun};

#define for_each_family(family) for (int family = 4; family <= 6; family += 2)
#define for_each_method(method) \
	for (const uint8_t *method = methods; method < methods + sizeof(methods); method++)

/* Two destinations of weight 1, in turn. */
struct site {
	struct packet request;
	uint32_t slot;
	uint32_t dests[2];
};

static struct site make_site(int family, uint8_t protocol, uint8_t method)
{
	struct site site = {.request = request_packet(family, protocol)};

	director_reset();
	director_say("IPv%d, protocol %d, method %d", family, protocol, method);
	site.slot = director_add_service(&site.request, XLVS_SCHEDULER_rr);
	for (int n = 0; n < 2; n++) {
		struct dest_words words = {
			.family = family,
			.address = server_address(family, n + 1),
			.port = VIP_PORT,
			.method = method,
			.weight = 1,
			.ifindex = INGRESS,
		};

		site.dests[n] = director_add_dest(site.slot, &words);
	}
	return site;
}

static void set(enum xlvs_setting setting, int value)
{
	director.table.runtime->settings[setting] = value;
}

static uint32_t state_of(const struct packet *packet)
{
	return director_conn(packet)->meta & XLVS_META_STATE;
}

static void expect_passing(const struct packet *packet)
{
	struct frame frame;

	packet_build(packet, &frame);
	expect_passed(&frame);
}

static void test_sloppy_tcp_opens_by_whatever_is_no_rst(void **state)
{
	(void)state;
	for_each_family(family) for_each_method(method)
	{
		struct site site = make_site(family, PACKET_TCP, *method);

		site.request.tcp_flags = ACK;
		expect_passing(&site.request);
		set(XLVS_SETTING_sloppy_tcp, 1);
		expect_forwarded(&site.request);
		assert_int_equal(state_of(&site.request), XLVS_TCP_ESTABLISHED);
		site.request.sport++;
		site.request.tcp_flags = FIN | ACK;
		expect_forwarded(&site.request);
		assert_int_equal(state_of(&site.request), XLVS_TCP_CLOSE);
		site.request.sport++;
		site.request.tcp_flags = RST;
		expect_passing(&site.request);
		site.request.tcp_flags = ACK;
		site.request.sport = 20;
		expect_passing(&site.request);
		expect_sound_table();
	}
}

/* Open a connection, put it in a state, and look whether a SYN begins another one. */
static bool is_begun_anew(int mode, uint32_t tcp_state, uint8_t method)
{
	struct site site = make_site(4, PACKET_TCP, method);
	struct xlvs_conn *conn;
	uint32_t dest;

	set(XLVS_SETTING_conn_reuse_mode, mode);
	expect_forwarded(&site.request);
	conn = director_conn(&site.request);
	dest = conn->dest;
	conn->meta = (conn->meta & ~(uint32_t)XLVS_META_STATE) | tcp_state;
	expect_forwarded(&site.request);
	return director_conn(&site.request)->dest != dest;
}

static void test_conn_reuse_mode_says_which_connections_are_begun_anew(void **state)
{
	(void)state;
	for (int mode = 0; mode < 4; mode++) {
		assert_int_equal(is_begun_anew(mode, XLVS_TCP_TIME_WAIT, XLVS_FORWARD_dr),
				 mode > 0);
		assert_int_equal(is_begun_anew(mode, XLVS_TCP_CLOSE, XLVS_FORWARD_nat), mode > 0);
		assert_int_equal(is_begun_anew(mode, XLVS_TCP_FIN_WAIT, XLVS_FORWARD_dr), mode > 1);
		assert_false(is_begun_anew(mode, XLVS_TCP_FIN_WAIT, XLVS_FORWARD_nat));
		assert_false(is_begun_anew(mode, XLVS_TCP_ESTABLISHED, XLVS_FORWARD_dr));
		assert_false(is_begun_anew(mode, XLVS_TCP_CLOSE_WAIT, XLVS_FORWARD_dr));
	}
}

static void test_expire_nodest_conn_ends_what_a_deleted_destination_had(void **state)
{
	(void)state;
	for_each_family(family) for_each_method(method)
	{
		struct site site = make_site(family, PACKET_TCP, *method);
		struct packet ack = site.request;
		uint32_t dest;

		ack.tcp_flags = ACK;
		expect_forwarded(&site.request);
		expect_forwarded(&ack);
		dest = director_conn(&ack)->dest;
		director_delete_dest(site.slot, dest);
		set(XLVS_SETTING_expire_nodest_conn, 1);
		expect_passing(&ack); /* to be reset by the host */
		expect_forwarded(&site.request);
		assert_int_not_equal(director_conn(&ack)->dest, dest);
		assert_int_equal(director.table.dests[dest].active, 0);
		assert_int_equal(director.table.dests[dest].inactive, 0);
	}
}

static void test_expire_nodest_conn_gives_a_datagram_another_destination(void **state)
{
	(void)state;
	for_each_method(method)
	{
		struct site site = make_site(4, PACKET_UDP, *method);
		uint32_t dest;

		expect_forwarded(&site.request);
		dest = director_conn(&site.request)->dest;
		director_delete_dest(site.slot, dest);
		set(XLVS_SETTING_expire_nodest_conn, 1);
		expect_forwarded(&site.request);
		assert_int_not_equal(director_conn(&site.request)->dest, dest);
	}
}

static void test_expire_nodest_conn_moves_a_new_connection_from_weight_zero(void **state)
{
	(void)state;
	for (int setting = 0; setting < 2; setting++) {
		struct site site = make_site(4, PACKET_TCP, XLVS_FORWARD_dr);
		struct packet ack = site.request;
		uint32_t dest;

		ack.tcp_flags = ACK;
		set(XLVS_SETTING_expire_nodest_conn, setting);
		expect_forwarded(&site.request);
		dest = director_conn(&ack)->dest;
		director_weigh_dest(site.slot, dest, 0);
		expect_forwarded(&ack);
		assert_int_equal(director_conn(&ack)->dest, dest);
		expect_forwarded(&site.request);
		assert_int_equal(director_conn(&ack)->dest != dest, setting);
	}
}

static void wait_until_gone(const struct packet *packet)
{
	time_t start = time(NULL);

	while (director_conn(packet))
		assert_true(time(NULL) - start < 30);
}

static void test_expire_nodest_conn_ends_idle_connections_too(void **state)
{
	struct site site = make_site(4, PACKET_TCP, XLVS_FORWARD_nat);
	struct packet other = site.request;

	(void)state;
	other.sport++;
	expect_forwarded(&site.request);
	expect_forwarded(&other);
	director_delete_dest(site.slot, director_conn(&site.request)->dest);
	set(XLVS_SETTING_expire_nodest_conn, 1);
	director_start_expiry();
	wait_until_gone(&site.request);
	assert_non_null(director_conn(&other));
}

static void test_drop_entry_ends_half_open_connections_alone(void **state)
{
	struct site site = make_site(4, PACKET_TCP, XLVS_FORWARD_dr);
	struct packet established = site.request;

	(void)state;
	established.sport++;
	expect_forwarded(&site.request);
	expect_forwarded(&established);
	established.tcp_flags = ACK;
	expect_forwarded(&established);
	set(XLVS_SETTING_drop_entry, XLVS_DEFENCE_ALERT);
	director_start_expiry();
	wait_until_gone(&site.request);
	assert_non_null(director_conn(&established));
}

static void test_drop_packet_drops_one_new_connection_in_so_many(void **state)
{
	(void)state;
	for (int rate = 2; rate < 5; rate++) {
		struct site site = make_site(4, PACKET_TCP, XLVS_FORWARD_dr);
		struct packet none = site.request;

		none.dport++;
		director.table.runtime->drop_rate = rate;
		for (int n = 0; n < 3 * rate; n++) {
			struct frame frame;

			site.request.sport++;
			packet_build(&site.request, &frame);
			if (n % rate == 0)
				expect_dropped(&frame, XLVS_DROP_CHOSEN);
			else
				expect_forwarded(&site.request);
			expect_passing(&none);
			none.sport++;
		}
	}
}

static void test_secure_tcp_waits_for_the_server(void **state)
{
	struct site site = make_site(4, PACKET_TCP, XLVS_FORWARD_nat);
	struct packet ack = site.request;

	(void)state;
	ack.tcp_flags = ACK;
	set(XLVS_SETTING_secure_tcp, XLVS_DEFENCE_ALWAYS);
	expect_forwarded(&site.request);
	expect_forwarded(&ack);
	assert_int_equal(state_of(&ack), XLVS_TCP_SYN_RECV);
	site = make_site(4, PACKET_TCP, XLVS_FORWARD_dr);
	set(XLVS_SETTING_secure_tcp, XLVS_DEFENCE_ALERT);
	expect_forwarded(&site.request);
	assert_int_equal(state_of(&ack), XLVS_TCP_SYNACK);
	expect_forwarded(&ack);
	assert_int_equal(state_of(&ack), XLVS_TCP_ESTABLISHED);
}

/* From a router on the client's side, about a reply that the service's address sent. */
static void build_error(const struct site *site, struct frame *ret_frame)
{
	struct packet reply =
		reply_packet(&site->request, vip_address[site->request.family], VIP_PORT);
	struct packet_error unreachable = {.type = site->request.family == 4 ? 3 : 1};
	struct packet router = reply;
	struct frame quoted;

	router.from = site->request.family == 4 ? "198.51.100.77" : "2001:db8:77::1";
	router.to = vip_address[site->request.family];
	packet_build(&reply, &quoted);
	packet_tell(&router, &unreachable, &quoted, ret_frame);
}

static void test_schedule_icmp_opens_a_connection_by_an_error(void **state)
{
	static const uint8_t protocols[] = {PACKET_TCP, PACKET_UDP};

	(void)state;
	for_each_family(family) for_each_method(method)
	{
		struct site site = make_site(family, protocols[family == 4], *method);
		struct xlvs_conn *conn;
		struct frame frame, out;

		build_error(&site, &frame);
		expect_passed(&frame);
		set(XLVS_SETTING_schedule_icmp, 1);
		assert_int_not_equal(director_run(&frame, &out), 2 /* XDP_PASS */);
		conn = director_conn(&site.request);
		assert_non_null(conn);
		assert_int_equal(conn->meta & XLVS_META_STATE, XLVS_TCP_NONE);
		assert_int_equal(director_traffic(conn->dest).in_packets, 1);
		expect_timeout(conn, 3);
		expect_sound_table();
		director_delete_dest(site.slot, site.dests[0]);
		director_delete_dest(site.slot, site.dests[1]);
		site.request.sport++;
		build_error(&site, &frame);
		expect_dropped(&frame, XLVS_DROP_NO_DEST);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sloppy_tcp_opens_by_whatever_is_no_rst),
		cmocka_unit_test(test_conn_reuse_mode_says_which_connections_are_begun_anew),
		cmocka_unit_test(test_expire_nodest_conn_ends_what_a_deleted_destination_had),
		cmocka_unit_test(test_expire_nodest_conn_gives_a_datagram_another_destination),
		cmocka_unit_test(test_expire_nodest_conn_moves_a_new_connection_from_weight_zero),
		cmocka_unit_test(test_drop_packet_drops_one_new_connection_in_so_many),
		cmocka_unit_test(test_secure_tcp_waits_for_the_server),
		cmocka_unit_test(test_schedule_icmp_opens_a_connection_by_an_error),
		/* The expiry's timer goes on from here. */
		cmocka_unit_test(test_expire_nodest_conn_ends_idle_connections_too),
		cmocka_unit_test(test_drop_entry_ends_half_open_connections_alone),
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
