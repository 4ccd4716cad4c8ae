// SPDX-License-Identifier: GPL-2.0-or-later
/* Connection thresholds: a destination at its upper one takes no new connections until it has
 * fallen below the lower one, or below three quarters of the upper one where there is no other. */
#include "fixture.h"

struct site {
	struct packet request;
	uint32_t slot;
	uint32_t dest;
};

static struct site make_site(uint8_t method, uint32_t upper, uint32_t lower)
{
	struct dest_words words = {.method = method};
	struct site site = {.request = request_packet(4, PACKET_TCP)};

	director_reset();
	site.dest = director_serve(&site.request, &words);
	site.slot = director_slot(&site.request);
	director.table.dests[site.dest].upper_threshold = upper;
	director.table.dests[site.dest].lower_threshold = lower;
	return site;
}

static struct packet nth(const struct site *site, int n)
{
	struct packet request = site->request;

	request.sport = (uint16_t)(request.sport + n);
	return request;
}

static void expect_opened(const struct site *site, int from, int n)
{
	for (int i = 0; i < n; i++) {
		struct packet request = nth(site, from + i);

		expect_forwarded(&request);
	}
}

static void expect_refused(const struct site *site, int n)
{
	struct packet request = nth(site, n);

	expect_no_dest(&request);
}

/* The connection gives its record to another of its own, which the service refuses or takes. */
static void end(const struct site *site, int n)
{
	struct packet request = nth(site, n);
	struct xlvs_conn *conn = director_conn(&request);

	director_age(conn, 1000 * TICKS_PER_SEC);
	director_start_expiry();
	while (((volatile struct xlvs_conn *)conn)->word & XLVS_LIFE_MASK)
		;
}

static void test_exactly_so_many_connections_get_in(void **state)
{
	static const uint8_t methods[] = {XLVS_FORWARD_dr, XLVS_FORWARD_nat};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct site site = make_site(methods[i], 4, 0);
		struct packet first = nth(&site, 0);

		expect_opened(&site, 0, 4);
		expect_refused(&site, 4);
		first.tcp_flags = ACK;
		expect_forwarded(&first); /* those that are in stay in */
		expect_sound_table();
	}
}

static void test_three_quarters_end_the_overload(void **state)
{
	struct site site = make_site(XLVS_FORWARD_dr, 4, 0);

	(void)state;
	expect_opened(&site, 0, 4);
	end(&site, 0);
	expect_refused(&site, 4); /* 3 of 4 are not below three quarters */
	end(&site, 1);
	expect_opened(&site, 4, 2);
	expect_refused(&site, 6);
}

static void test_lower_threshold_ends_the_overload(void **state)
{
	struct site site = make_site(XLVS_FORWARD_dr, 4, 2);

	(void)state;
	expect_opened(&site, 0, 4);
	end(&site, 0);
	end(&site, 1);
	expect_refused(&site, 4); /* 2 are not below 2 */
	end(&site, 2);
	expect_opened(&site, 4, 3);
	expect_refused(&site, 7);
}

static void test_overload_ends_with_the_threshold(void **state)
{
	struct site site = make_site(XLVS_FORWARD_dr, 2, 0);

	(void)state;
	expect_opened(&site, 0, 2);
	expect_refused(&site, 2);
	director.table.dests[site.dest].upper_threshold = 0;
	end(&site, 0);
	expect_opened(&site, 2, 3);
}

static void test_lowered_threshold_counts_from_the_next_connection_on(void **state)
{
	struct site site = make_site(XLVS_FORWARD_dr, 0, 0);

	(void)state;
	expect_opened(&site, 0, 5);
	director.table.dests[site.dest].upper_threshold = 3;
	expect_opened(&site, 5, 1);
	expect_refused(&site, 6);
}

static void test_templates_are_no_connections_but_bring_the_overload(void **state)
{
	struct site site = make_site(XLVS_FORWARD_dr, 0, 0);
	struct packet client = nth(&site, 1);

	(void)state;
	site.request.from = "198.51.100.9";
	director_persist(site.slot, 30, 0);
	expect_opened(&site, 0, 1);
	director.table.dests[site.dest].upper_threshold = 1;
	client.from = "198.51.100.8";
	expect_forwarded(&client);
	assert_int_equal(director.table.dests[site.dest].overloaded, 1);
	expect_opened(&site, 2, 3); /* the first client has its template */
	site.request.from = client_address[4];
	expect_refused(&site, 0);
	expect_sound_table();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exactly_so_many_connections_get_in),
		cmocka_unit_test(test_three_quarters_end_the_overload),
		cmocka_unit_test(test_lower_threshold_ends_the_overload),
		cmocka_unit_test(test_overload_ends_with_the_threshold),
		cmocka_unit_test(test_lowered_threshold_counts_from_the_next_connection_on),
		cmocka_unit_test(test_templates_are_no_connections_but_bring_the_overload),
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
