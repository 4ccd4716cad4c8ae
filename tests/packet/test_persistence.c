// SPDX-License-Identifier: GPL-2.0-or-later
/* Persistence templates: whom a client's new connections go to, for how long, and what ends that.
 */
#include "fixture.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <time.h>

enum {
	TIMEOUT_SEC = 30,
	PROLONG_SEC = 60,
	PATIENCE_MS = 10000,
	POLL_MS = 2,
};

#define for_each_family(family) for (int family = 4; family <= 6; family += 2)

/* A persistent service and its destinations. */
struct site {
	struct packet request;
	uint32_t slot;
	uint32_t dests[3];
};

static uint32_t add_dest(struct site *site, int n, uint8_t method)
{
	struct dest_words words = {
		.family = site->request.family,
		.address = server_address(site->request.family, n + 1),
		.port = method == XLVS_FORWARD_nat ? SERVER_PORT : VIP_PORT,
		.method = method,
		.weight = 1,
		.ifindex = INGRESS,
	};

	return director_add_dest(site->slot, &words);
}

static struct site make_site(int family, uint8_t protocol, uint8_t method)
{
	struct site site = {.request = request_packet(family, protocol)};

	director_reset();
	director_say("IPv%d, protocol %d, method %d", family, protocol, method);
	site.slot = director_add_service(&site.request, XLVS_SCHEDULER_rr);
	for (int n = 0; n < 3; n++)
		site.dests[n] = add_dest(&site, n, method);
	director_persist(site.slot, TIMEOUT_SEC, 0);
	return site;
}

static const char *client(int family, int network, int host)
{
	static char text[40];

	snprintf(text, sizeof(text), family == 4 ? "198.51.%d.%d" : "2001:db8:1:%d::%d",
		 100 + network, host);
	return text;
}

/* Open one more connection from this client; returns its destination. */
static uint32_t open_from(struct site *site, const char *from)
{
	site->request.from = from;
	site->request.sport++;
	site->request.tcp_flags = site->request.protocol == PACKET_TCP ? SYN : 0;
	expect_forwarded(&site->request);
	return director_conn(&site->request)->dest;
}

static uint32_t index_of(const struct xlvs_conn *conn)
{
	return (uint32_t)(conn - director.table.conns);
}

static uint32_t n_controlled(const struct xlvs_conn *template)
{
	return director.table.controls[index_of(template)].n_controlled;
}

static uint32_t persistent(uint32_t dest)
{
	return director.table.dests[dest].persistent;
}

static void test_client_stays_with_its_destination(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct site site = make_site(family, PACKET_TCP, XLVS_FORWARD_dr);
		const struct xlvs_conn *template;

		for (int i = 0; i < 3; i++)
			assert_int_equal(open_from(&site, client(family, 0, 7)), site.dests[2]);
		template = director_template(&site.request, VIP_PORT);
		assert_non_null(template);
		assert_int_equal(n_controlled(template), 3);
		assert_int_equal(persistent(site.dests[2]), 1);
		assert_int_equal(director.table.dests[site.dests[2]].conns, 3);
		for (int i = 0; i < 3; i++)
			assert_int_equal(open_from(&site, client(family, 0, 8)), site.dests[1]);
		expect_sound_table();
	}
}

static void test_clients_of_one_network_share_a_template(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct site site = make_site(family, PACKET_UDP, XLVS_FORWARD_dr);

		director_persist(site.slot, TIMEOUT_SEC, family == 4 ? htonl(0xffffff00) : 61);
		for (int host = 1; host < 5; host++)
			assert_int_equal(open_from(&site, client(family, 0, host)), site.dests[2]);
		if (family == 6) /* the last of the 2001:db8:1:0::/61 */
			assert_int_equal(open_from(&site, client(6, 7, 1)), site.dests[2]);
		assert_int_equal(open_from(&site, client(family, 8, 1)), site.dests[1]);
		assert_int_equal(persistent(site.dests[2]), 1);
		expect_sound_table();
	}
}

static void test_mask_of_nothing_is_one_template_for_all(void **state)
{
	struct site site = make_site(4, PACKET_TCP, XLVS_FORWARD_nat);

	(void)state;
	director.services[site.slot].netmask = 0;
	for (int i = 0; i < 20; i++)
		assert_int_equal(open_from(&site, client(4, i, i + 1)), site.dests[2]);
	assert_int_equal(persistent(site.dests[2]), 1);
	expect_sound_table();
}

static void test_established_connection_assures_its_template(void **state)
{
	static const uint8_t methods[] = {XLVS_FORWARD_dr, XLVS_FORWARD_nat};

	(void)state;
	for (int i = 0; i < 4; i++) {
		int family = i % 2 ? 6 : 4;
		struct site site = make_site(family, PACKET_TCP, methods[i / 2]);
		const struct xlvs_conn *template;

		open_from(&site, client(family, 0, 7));
		template = director_template(&site.request, VIP_PORT);
		assert_int_equal(template->meta & XLVS_META_STATE, XLVS_TEMPLATE_NONE);
		assert_int_equal(director.table.runtime->unproven, 2);
		site.request.tcp_flags = ACK;
		expect_forwarded(&site.request);
		assert_int_equal(template->meta & XLVS_META_STATE, XLVS_TEMPLATE_ASSURED);
		expect_sound_table();
	}
}

static void test_answered_datagram_assures_its_template(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct site site = make_site(family, PACKET_UDP, XLVS_FORWARD_nat);
		const struct xlvs_conn *template;
		struct packet reply;

		open_from(&site, client_address[family]);
		expect_forwarded(&site.request);
		template = director_template(&site.request, VIP_PORT);
		assert_int_equal(template->meta & XLVS_META_STATE, XLVS_TEMPLATE_NONE);
		reply = reply_packet(&site.request, server_address(family, 3), SERVER_PORT);
		expect_forwarded(&reply);
		assert_int_equal(template->meta & XLVS_META_STATE, XLVS_TEMPLATE_ASSURED);
		expect_sound_table();
	}
}

static void test_quiesced_and_overloaded_destinations_keep_their_clients(void **state)
{
	struct site site = make_site(4, PACKET_TCP, XLVS_FORWARD_dr);

	(void)state;
	assert_int_equal(open_from(&site, client(4, 0, 7)), site.dests[2]);
	director_weigh_dest(site.slot, site.dests[2], 0);
	assert_int_equal(open_from(&site, client(4, 0, 7)), site.dests[2]);
	director_weigh_dest(site.slot, site.dests[2], 1);
	director.table.dests[site.dests[2]].overloaded = 1;
	assert_int_equal(open_from(&site, client(4, 0, 7)), site.dests[2]);
	/* The scheduler was not asked meanwhile. */
	assert_int_equal(open_from(&site, client(4, 0, 8)), site.dests[1]);
	expect_sound_table();
}

static void test_quiesced_destination_loses_its_clients_when_set_so(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct site site = make_site(family, PACKET_TCP, XLVS_FORWARD_dr);
		struct xlvs_conn *old, *new;

		open_from(&site, client(family, 0, 7));
		old = director_template(&site.request, VIP_PORT);
		director_age(old, 10 * TICKS_PER_SEC);
		director.table.runtime->settings[XLVS_SETTING_expire_quiescent_template] = 1;
		director_weigh_dest(site.slot, site.dests[2], 0);
		assert_int_equal(open_from(&site, client(family, 0, 7)), site.dests[1]);
		new = director_template(&site.request, VIP_PORT);
		assert_ptr_not_equal(new, old);
		assert_true(old->meta & XLVS_META_INVALID);
		assert_false(new->meta &XLVS_META_INVALID);
		expect_timeout(old, TIMEOUT_SEC - 10); /* was not renewed */
		assert_int_equal(n_controlled(old), 1);
		assert_int_equal(persistent(site.dests[2]), 1);
		assert_int_equal(persistent(site.dests[1]), 1);
		expect_sound_table();
	}
}

static void test_clients_of_a_deleted_destination_go_elsewhere(void **state)
{
	struct site site = make_site(4, PACKET_TCP, XLVS_FORWARD_nat);
	struct xlvs_conn *old;

	(void)state;
	open_from(&site, client(4, 0, 7));
	old = director_template(&site.request, VIP_PORT);
	director_delete_dest(site.slot, site.dests[2]);
	assert_int_equal(open_from(&site, client(4, 0, 7)), site.dests[1]);
	assert_true(old->meta & XLVS_META_INVALID);
	/* Back again, it gets its client back from no one. */
	director.table.dests[site.dests[2]].flags |= XLVS_DEST_AVAILABLE;
	assert_int_equal(open_from(&site, client(4, 0, 7)), site.dests[1]);
	director_delete_dest(site.slot, site.dests[1]);
	director_delete_dest(site.slot, site.dests[0]);
	site.request.sport++;
	expect_no_dest(&site.request);
	expect_sound_table();
}

static void test_new_connections_renew_and_packets_of_old_ones_do_not(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct site site = make_site(family, PACKET_TCP, XLVS_FORWARD_dr);
		struct xlvs_conn *template;

		open_from(&site, client(family, 0, 7));
		template = director_template(&site.request, VIP_PORT);
		expect_timeout(template, TIMEOUT_SEC);
		director_age(template, 20 * TICKS_PER_SEC);
		site.request.tcp_flags = ACK;
		expect_forwarded(&site.request);
		expect_timeout(template, TIMEOUT_SEC - 20);
		/* With its own timeout, whatever the service's is by now. */
		director_persist(site.slot, 100, 0);
		open_from(&site, client(family, 0, 7));
		expect_timeout(template, TIMEOUT_SEC);
	}
}

static void test_template_past_its_time_goes_with_its_last_connection(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct site site = make_site(family, PACKET_TCP, XLVS_FORWARD_dr);
		struct xlvs_conn *template, *conn;

		open_from(&site, client(family, 0, 7));
		conn = director_conn(&site.request);
		template = director_template(&site.request, VIP_PORT);
		/* Still in use: 60 seconds more from the next connection on, too. */
		director_age(template, (TIMEOUT_SEC + 1) * TICKS_PER_SEC);
		assert_int_equal(open_from(&site, client(family, 0, 7)), site.dests[2]);
		expect_timeout(template, PROLONG_SEC);

		/* Nobody's, it is made anew in the same place. */
		director_age(conn, 1000 * TICKS_PER_SEC);
		director_age(director_conn(&site.request), 1000 * TICKS_PER_SEC);
		site.request.sport--;
		expect_forwarded(&site.request);
		site.request.sport++;
		expect_forwarded(&site.request);
		assert_int_equal(n_controlled(template), 2);
		expect_sound_table();
	}
}

static void await(const volatile uint32_t *value, uint32_t wanted)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000};
	int waited_ms = 0;

	while (*value != wanted) {
		if (waited_ms > PATIENCE_MS)
			fail_msg("%u, waited for %u", *value, wanted);
		nanosleep(&pause, NULL);
		waited_ms += POLL_MS;
	}
}

static void test_expiry_spares_templates_in_use(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct site site = make_site(family, PACKET_TCP, XLVS_FORWARD_nat);
		const struct xlvs_control *control;
		struct xlvs_conn *template, *conn;

		open_from(&site, client(family, 0, 7));
		conn = director_conn(&site.request);
		template = director_template(&site.request, VIP_PORT);
		control = &director.table.controls[index_of(template)];
		director_age(template, (TIMEOUT_SEC + 1) * TICKS_PER_SEC);
		director_start_expiry();
		await(&control->timeout_ticks, PROLONG_SEC * TICKS_PER_SEC);
		assert_int_equal((uint32_t) template->word & XLVS_LIFE_MASK, XLVS_LIFE_LIVE);
		assert_int_equal(persistent(site.dests[2]), 1);

		director_age(conn, 1000 * TICKS_PER_SEC);
		await(&control->n_controlled, 0);
		assert_int_equal(persistent(site.dests[2]), 1);
		director_age(template, 2 * PROLONG_SEC * TICKS_PER_SEC);
		await(&director.table.dests[site.dests[2]].persistent, 0);
		await(&director.table.runtime->records, 0);
		expect_sound_table();
	}
}

static void test_finished_connection_is_reused_where_its_template_says(void **state)
{
	struct site site = make_site(4, PACKET_TCP, XLVS_FORWARD_dr);
	struct xlvs_conn *conn;

	(void)state;
	open_from(&site, client(4, 0, 7));
	conn = director_conn(&site.request);
	site.request.tcp_flags = ACK;
	expect_forwarded(&site.request);
	site.request.tcp_flags = RST;
	expect_forwarded(&site.request);
	assert_int_equal(conn->meta & XLVS_META_STATE, XLVS_TCP_CLOSE);
	site.request.tcp_flags = SYN;
	expect_forwarded(&site.request);
	assert_int_equal(conn->meta & XLVS_META_STATE, XLVS_TCP_SYN_RECV);
	assert_int_equal(director.table.dests[site.dests[2]].conns, 1);
	expect_sound_table();
}

static void test_packet_with_client_port_0_is_no_template(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct site site = make_site(family, PACKET_TCP, XLVS_FORWARD_dr);
		const struct xlvs_conn *template;

		open_from(&site, client(family, 0, 7));
		template = director_template(&site.request, VIP_PORT);
		site.request.sport = 0;
		expect_forwarded(&site.request);
		assert_ptr_not_equal(director_conn(&site.request), template);
		assert_int_equal(n_controlled(template), 2);
		expect_sound_table();
	}
}

static void test_unassured_templates_give_way_in_a_flood(void **state)
{
	struct site site = make_site(4, PACKET_TCP, XLVS_FORWARD_dr);
	struct packet kept;

	(void)state;
	open_from(&site, client(4, 0, 7));
	site.request.tcp_flags = ACK;
	expect_forwarded(&site.request);
	kept = site.request;
	director.table.runtime->unproven_limit = director.table.n_conns / 4;
	for (int network = 1; network < 40; network++) {
		for (int host = 1; host < 100; host++) {
			struct frame in, out;

			site.request.from = client(4, network, host);
			site.request.tcp_flags = SYN;
			packet_build(&site.request, &in);
			director_run(&in, &out);
		}
	}
	assert_true(director.table.runtime->unproven <= director.table.n_conns / 4 + 1);
	assert_true(director_reason(XLVS_EVENT_DISPLACED) > 1000);
	kept.tcp_flags = SYN;
	kept.sport++;
	director.table.runtime->unproven_limit = director.table.n_conns;
	kept.from = client(4, 0, 7);
	expect_forwarded(&kept);
	assert_int_equal(director_conn(&kept)->dest, site.dests[2]);
	expect_sound_table();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client_stays_with_its_destination),
		cmocka_unit_test(test_clients_of_one_network_share_a_template),
		cmocka_unit_test(test_mask_of_nothing_is_one_template_for_all),
		cmocka_unit_test(test_established_connection_assures_its_template),
		cmocka_unit_test(test_answered_datagram_assures_its_template),
		cmocka_unit_test(test_quiesced_and_overloaded_destinations_keep_their_clients),
		cmocka_unit_test(test_quiesced_destination_loses_its_clients_when_set_so),
		cmocka_unit_test(test_clients_of_a_deleted_destination_go_elsewhere),
		cmocka_unit_test(test_new_connections_renew_and_packets_of_old_ones_do_not),
		cmocka_unit_test(test_template_past_its_time_goes_with_its_last_connection),
		cmocka_unit_test(test_finished_connection_is_reused_where_its_template_says),
		cmocka_unit_test(test_packet_with_client_port_0_is_no_template),
		cmocka_unit_test(test_unassured_templates_give_way_in_a_flood),
		cmocka_unit_test(test_expiry_spares_templates_in_use), /* last: its timer runs on */
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
