// SPDX-License-Identifier: GPL-2.0-or-later
/* What is said unasked, and how often. The log is caught here. */
#include "daemon_fake.h"

#include "daemon/log.h"
#include "daemon/trash.h"
#include "daemon/watch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static char said[512];
static unsigned int n_said;

void xlvs_log(int level, const char *format, ...)
{
	va_list args;

	(void)level;
	va_start(args, format);
	vsnprintf(said, sizeof(said), format, args);
	va_end(args);
	n_said++;
}

static int setup(void **state)
{
	static struct xlvs_watch watch;

	watch = (struct xlvs_watch){0};
	n_said = 0;
	said[0] = '\0';
	*state = &watch;
	return 0;
}

/* The hand moves at every look. */
static void look_at_records(struct xlvs_watch *watch, uint32_t records)
{
	static uint32_t hand;

	xlvs_watch_look(watch, &(struct xlvs_watch_sample){
				       .records = records,
				       .record_limit = 1000,
				       .unproven = 12,
				       .hand = hand++,
			       });
}

static void look_at_failures(struct xlvs_watch *watch, uint64_t failed)
{
	static uint32_t hand;

	xlvs_watch_look(watch, &(struct xlvs_watch_sample){.failed = failed, .hand = hand++});
}

/* For as long as local ports are not looked at again. */
static void look_at_ports(struct xlvs_watch *watch, uint64_t scarce, uint64_t exhausted)
{
	static uint32_t hand;

	for (int i = 0; i < XLVS_WATCH_PORTS_PERIODS; i++)
		xlvs_watch_look(watch, &(struct xlvs_watch_sample){
					       .ports_scarce = scarce,
					       .ports_exhausted = exhausted,
					       .hand = hand++,
				       });
}

static void test_ports_that_run_short_are_said_before_they_are_exhausted(void **state)
{
	struct xlvs_watch *watch = *state;

	look_at_ports(watch, 1000, 7); /* what another daemon saw */
	look_at_ports(watch, 1004, 7);
	assert_int_equal(n_said, 0);
	look_at_ports(watch, 1010, 7);
	assert_int_equal(n_said, 1);
	assert_string_equal(said,
			    "local ports of fullnat run short: 6 new connections found a free one "
			    "only after many tries; give the services more local addresses");
	look_at_ports(watch, 1010, 7);
	assert_int_equal(n_said, 1);
	look_at_ports(watch, 2000, 9);
	assert_int_equal(n_said, 2);
	assert_string_equal(said, "local ports of fullnat: 2 packets of new connections found none "
				  "free; give the services more local addresses");
}

static void test_filling_table_is_said_once(void **state)
{
	struct xlvs_watch *watch = *state;

	look_at_records(watch, 749);
	assert_int_equal(n_said, 0);
	look_at_records(watch, 751);
	assert_int_equal(n_said, 1);
	assert_string_equal(said, "connection table 75 % full: 751 of 1000 records, 12 of them not "
				  "proven; stop and start with more --connections");
	look_at_records(watch, 900);
	look_at_records(watch, 700);
	look_at_records(watch, 800);
	assert_int_equal(n_said, 1);
}

static void test_filling_table_is_said_again_after_it_emptied(void **state)
{
	struct xlvs_watch *watch = *state;

	look_at_records(watch, 800);
	look_at_records(watch, 649);
	look_at_records(watch, 800);
	assert_int_equal(n_said, 2);
}

static void test_failed_inserts_are_summed_up(void **state)
{
	struct xlvs_watch *watch = *state;

	look_at_failures(watch, 0);
	look_at_failures(watch, 3);
	assert_int_equal(n_said, 1);
	assert_string_equal(said, "connection table: 3 packets of new connections found no room in "
				  "it");
	for (unsigned int i = 1; i < XLVS_WATCH_FAILED_PERIODS; i++)
		look_at_failures(watch, 3 + i);
	assert_int_equal(n_said, 1);
	look_at_failures(watch, 103);
	assert_int_equal(n_said, 2);
	assert_string_equal(said, "connection table: 100 packets of new connections found no room "
				  "in it");
}

static void test_failures_before_the_daemon_came_are_not_said(void **state)
{
	struct xlvs_watch *watch = *state;

	look_at_failures(watch, 5000);
	look_at_failures(watch, 5000);
	assert_int_equal(n_said, 0);
}

static void test_hand_that_stands_still_is_said_once(void **state)
{
	const struct xlvs_watch_sample still = {.hand = 7, .sweeps = 1},
				       turned = {.hand = 7, .sweeps = 2};
	struct xlvs_watch *watch = *state;

	xlvs_watch_look(watch, &still);
	xlvs_watch_look(watch, &still);
	xlvs_watch_look(watch, &still);
	assert_true(xlvs_watch_expiry_is_alive(watch));
	assert_int_equal(n_said, 0);
	xlvs_watch_look(watch, &still);
	assert_false(xlvs_watch_expiry_is_alive(watch));
	assert_string_equal(said, "the expiry of connections stands still");
	xlvs_watch_look(watch, &still);
	assert_int_equal(n_said, 1);
	xlvs_watch_look(watch, &turned);
	assert_true(xlvs_watch_expiry_is_alive(watch));
	assert_string_equal(said, "the expiry of connections goes on");
	assert_int_equal(n_said, 2);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup(function, setup)
	const struct CMUnitTest tests[] = {
		TEST(test_filling_table_is_said_once),
		TEST(test_filling_table_is_said_again_after_it_emptied),
		TEST(test_failed_inserts_are_summed_up),
		TEST(test_ports_that_run_short_are_said_before_they_are_exhausted),
		TEST(test_failures_before_the_daemon_came_are_not_said),
		TEST(test_hand_that_stands_still_is_said_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
