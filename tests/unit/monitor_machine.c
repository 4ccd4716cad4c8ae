// SPDX-License-Identifier: GPL-2.0-or-later
/* States, and what the director's table holds because of them. */
#include "monitor_world.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SERVICE "virtual=203.0.113.80:80\n"
#define ONE	"    real=192.0.2.11:80 gate 3\n"
#define TWO	ONE "    real=192.0.2.12:80 gate 2\n"
#define FALL	"    fallback=192.0.2.99:80 gate\n"

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct world));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	world_end(*state);
	free(*state);
	return 0;
}

static void test_a_server_is_added_when_its_first_check_passes(void **state)
{
	struct world *world = *state;

	world_start(world, SERVICE TWO);
	assert_string_equal(world_table(world), "");
	assert_string_equal(world_said(world), "log: Added virtual server: 203.0.113.80:80\n");
	world_check(world, 0, true);
	assert_string_equal(world_table(world), "192.0.2.11:80 3");
	world_check(world, 1, false);
	assert_string_equal(world_table(world), "192.0.2.11:80 3");
	assert_string_equal(world_said(world), "log: Added real server: 192.0.2.11:80 "
					       "(203.0.113.80:80) (Weight set to 3)\n");
}

static void test_servers_in_the_table_serve_on_and_strays_go(void **state)
{
	struct world *world = *state;

	world_put(world, "192.0.2.11", 80, 3);
	world_put(world, "192.0.2.77", 80, 1);
	world_start(world, SERVICE TWO);
	assert_string_equal(world_table(world), "192.0.2.11:80 3");
	assert_string_equal(world_said(world), "log: Purged real server (start): 192.0.2.77:80 "
					       "(203.0.113.80:80)\n");
	world_check(world, 0, false);
	assert_string_equal(world_table(world), "");
}

static void test_failurecount_and_risecount(void **state)
{
	struct world *world = *state;

	world_start(world, "failurecount=3\nrisecount=2\n" SERVICE ONE);
	world_check(world, 0, true);
	world_said(world);
	world_check(world, 0, false);
	world_check(world, 0, false);
	world_check(world, 0, true);
	assert_string_equal(
		world_said(world),
		"log: Soft failure real server: 192.0.2.11:80 (tcp:203.0.113.80:80) failure 1/3\n"
		"log: Soft failure real server: 192.0.2.11:80 (tcp:203.0.113.80:80) failure 2/3\n"
		"log: Resetting soft failure count: 192.0.2.11:80 (tcp:203.0.113.80:80)\n");
	for (int i = 0; i < 3; i++)
		world_check(world, 0, false);
	assert_string_equal(world_table(world), "");
	world_check(world, 0, true);
	assert_string_equal(world_table(world), "");
	world_check(world, 0, true);
	assert_string_equal(world_table(world), "192.0.2.11:80 3");
}

static void test_quiescent_keeps_a_server_at_weight_0(void **state)
{
	struct world *world = *state;

	world_start(world, "quiescent=yes\n" SERVICE TWO);
	assert_string_equal(world_table(world), "192.0.2.11:80 0, 192.0.2.12:80 0");
	world_check(world, 0, true);
	world_check(world, 1, true);
	world_said(world);
	world_check(world, 1, false);
	assert_string_equal(world_table(world), "192.0.2.11:80 3, 192.0.2.12:80 0");
	assert_string_equal(world_said(world), "log: Quiescent real server: 192.0.2.12:80 "
					       "(203.0.113.80:80) (Weight set to 0)\n");
	world_check(world, 1, true);
	assert_string_equal(world_said(world), "log: Restored real server: 192.0.2.12:80 "
					       "(203.0.113.80:80) (Weight set to 2)\n");
}

static void test_a_server_taken_out_by_hand_stays_out_while_it_is_down(void **state)
{
	struct world *world = *state;

	world_start(world, "quiescent=yes\n" SERVICE ONE);
	world_check(world, 0, true);
	world_take(world, "192.0.2.11");
	world_check(world, 0, false);
	assert_string_equal(world_table(world), "");
	world_check(world, 0, true);
	assert_string_equal(world_table(world), "192.0.2.11:80 3");
}

static void test_readdquiescent_puts_it_back(void **state)
{
	struct world *world = *state;

	world_start(world, "quiescent=yes\nreaddquiescent=yes\n" SERVICE ONE);
	world_check(world, 0, true);
	world_take(world, "192.0.2.11");
	world_said(world);
	world_check(world, 0, false);
	assert_string_equal(world_table(world), "192.0.2.11:80 0");
	assert_string_equal(world_said(world), "log: Readd Quiescent real server: 192.0.2.11:80 "
					       "(203.0.113.80:80) (Weight set to 0)\n");
}

static void test_the_fallback_serves_when_nobody_does(void **state)
{
	struct world *world = *state;

	world_start(world, "fallbackcommand=/f\n" SERVICE FALL TWO);
	assert_string_equal(world_table(world), "");
	world_check(world, 0, true);
	world_check(world, 1, true);
	world_wait(world, 2);
	assert_string_equal(world_table(world), "192.0.2.11:80 3, 192.0.2.12:80 2");
	world_said(world);
	world_check(world, 0, false);
	assert_string_equal(world_table(world), "192.0.2.12:80 2");
	world_check(world, 1, false);
	assert_string_equal(world_table(world), "192.0.2.99:80 1");
	assert_string_equal(
		world_said(world),
		"log: Deleted real server: 192.0.2.11:80 (203.0.113.80:80)\n"
		"run: /f start 203.0.113.80:80 tcp\n"
		"log: Deleted real server: 192.0.2.12:80 (203.0.113.80:80)\n"
		"log: Added fallback server: 192.0.2.99:80 (203.0.113.80:80) (Weight set to 1)\n");
	world_check(world, 1, true);
	assert_string_equal(world_table(world), "192.0.2.12:80 2");
	assert_string_equal(
		world_said(world),
		"run: /f stop 203.0.113.80:80 tcp\n"
		"log: Added real server: 192.0.2.12:80 (203.0.113.80:80) (Weight set to 2)\n"
		"log: Deleted fallback server: 192.0.2.99:80 (203.0.113.80:80)\n");
}

static void test_at_a_start_the_fallback_waits_a_second_for_the_first_answers(void **state)
{
	struct world *world = *state;

	world_start(world, SERVICE FALL TWO);
	world_check(world, 0, false);
	assert_string_equal(world_table(world), "");
	world_wait(world, 1);
	assert_string_equal(world_table(world), "192.0.2.99:80 1");
}

static void test_a_refused_change_is_reported_once_and_tried_again(void **state)
{
	struct world *world = *state;

	world_start(world, SERVICE ONE FALL);
	world->refusal = -ENOSPC;
	world_said(world);
	world_check(world, 0, true);
	assert_string_equal(world_said(world),
			    "log: The director refuses real server: 192.0.2.11:80 "
			    "(203.0.113.80:80): No space left on device; trying again in 1 s\n");
	world_wait(world, 20);
	assert_string_equal(world_said(world), "");
	assert_string_equal(world_table(world), "");
	world->refusal = 0;
	world_wait(world, 31);
	assert_string_equal(world_table(world), "192.0.2.11:80 3");
}

static void test_what_was_changed_by_hand_stays_until_the_state_changes(void **state)
{
	struct world *world = *state;

	world_start(world, SERVICE TWO);
	world_check(world, 0, true);
	world_check(world, 1, true);
	world_put(world, "192.0.2.11", 80, 50);
	world_check(world, 0, true);
	world_wait(world, 3);
	world_reconnect(world);
	assert_string_equal(world_table(world), "192.0.2.11:80 50, 192.0.2.12:80 2");
	world_reload(world, SERVICE TWO);
	assert_string_equal(world_table(world), "192.0.2.11:80 3, 192.0.2.12:80 2");
}

static void test_an_emptied_table_is_filled_again(void **state)
{
	struct world *world = *state;

	world_start(world, SERVICE TWO);
	world_check(world, 0, true);
	world->has_service = false;
	world->n_dests = 0;
	world_check(world, 1, true);
	assert_string_equal(world_table(world), "192.0.2.11:80 3, 192.0.2.12:80 2");
	world->has_service = false;
	world->n_dests = 0;
	world_reconnect(world);
	assert_string_equal(world_table(world), "192.0.2.11:80 3, 192.0.2.12:80 2");
}

static void test_a_service_that_somebody_else_added_is_taken_over(void **state)
{
	struct world *world = *state;

	world_start(world, SERVICE ONE);
	world->has_service = false;
	world_reconnect(world);
	world->has_service = false;
	xlvs_machine_lost(world->machine);
	world->refusal = -EEXIST;
	world_reconnect(world);
	world->refusal = 0;
	world->has_service = true;
	world_check(world, 0, true);
	world_wait(world, 31);
	assert_string_equal(world_table(world), "192.0.2.11:80 3");
}

static void test_a_reload_applies_the_difference_and_keeps_states(void **state)
{
	struct world *world = *state;

	world_start(world, SERVICE TWO);
	world_check(world, 0, true);
	world_check(world, 1, false);
	world_said(world);
	world_reload(world, SERVICE TWO);
	assert_string_equal(world_said(world), "");
	world_reload(world, SERVICE "    scheduler=rr\n    real=192.0.2.11:80 gate 7\n"
				    "    real=192.0.2.13:80 gate\n");
	assert_string_equal(world_table(world), "192.0.2.11:80 7");
	assert_string_equal(world_said(world),
			    "log: Changed virtual server: 203.0.113.80:80\n"
			    "log: Restored real server: 192.0.2.11:80 (203.0.113.80:80) "
			    "(Weight set to 7)\n");
	assert_string_equal(world->service.scheduler, "rr");
	world_reload(world, "virtual=7\n");
	assert_string_equal(world_said(world), "log: Purged virtual server (start): "
					       "203.0.113.80:80\nlog: Added virtual server: 7\n");
}

static void test_a_stop_takes_services_with_cleanstop_along(void **state)
{
	struct world *world = *state;
	const struct xlvs_time time = {world->now_ms, 0};

	world_start(world, SERVICE ONE);
	world_check(world, 0, true);
	world_said(world);
	xlvs_machine_stop(world->machine, time);
	world_check(world, 0, false);
	assert_string_equal(world_table(world), "-");
	assert_string_equal(world_said(world),
			    "log: Purged real server (stop): 192.0.2.11:80 (203.0.113.80:80)\n"
			    "log: Purged virtual server (stop): 203.0.113.80:80\n");
}

static void test_a_stop_leaves_the_others(void **state)
{
	struct world *world = *state;
	const struct xlvs_time time = {world->now_ms, 0};

	world_start(world, "cleanstop=no\n" SERVICE ONE);
	world_check(world, 0, true);
	xlvs_machine_stop(world->machine, time);
	world_check(world, 0, false);
	assert_string_equal(world_table(world), "192.0.2.11:80 3");
}

static void test_maintenance_is_down_whatever_checks_say(void **state)
{
	struct world *world = *state;
	struct xlvs_service *service;
	const struct xlvs_time time = {world->now_ms, 0};

	world_start(world, "failurecount=5\n" SERVICE ONE);
	service = TAILQ_FIRST(xlvs_machine_services(world->machine));
	world_check(world, 0, true);
	xlvs_machine_maintain(world->machine, &service->servers[0], true, time);
	world_check(world, 0, true);
	assert_string_equal(world_table(world), "");
	assert_string_equal(xlvs_server_state(&service->servers[0]), "maintenance");
	xlvs_machine_maintain(world->machine, &service->servers[0], false, time);
	assert_string_equal(world_table(world), "");
	world_check(world, 0, true);
	assert_string_equal(world_table(world), "192.0.2.11:80 3");
}

static void test_a_server_that_comes_back_starts_slowly(void **state)
{
	struct world *world = *state;

	world_start(world, "slowstart=4\n" SERVICE "    real=192.0.2.11:80 gate 8\n"
			   "    real=192.0.2.12:80 gate 100\n");
	world_check(world, 0, true);
	world_check(world, 1, true);
	assert_string_equal(world_table(world), "192.0.2.11:80 8, 192.0.2.12:80 100");
	world_wait(world, 1);
	world_check(world, 1, false);
	world_check(world, 1, true);
	assert_string_equal(world_table(world), "192.0.2.11:80 8, 192.0.2.12:80 1");
	world_wait(world, 2);
	assert_string_equal(world_table(world), "192.0.2.11:80 8, 192.0.2.12:80 50");
	world_wait(world, 2);
	assert_string_equal(world_table(world), "192.0.2.11:80 8, 192.0.2.12:80 100");
	/* Who is alone takes everything at once. */
	world_check(world, 0, false);
	world_check(world, 1, false);
	world_check(world, 0, true);
	assert_string_equal(world_table(world), "192.0.2.11:80 8");
}

static void test_mail_is_filtered_and_repeated(void **state)
{
	struct world *world = *state;

	world_start(world, "emailalert=a@example.org\nemailalertstatus=running\n"
			   "emailalertfreq=10\n" SERVICE ONE);
	world_check(world, 0, true);
	assert_null(strstr(world_said(world), "mail:"));
	world_wait(world, 1);
	world_check(world, 0, false);
	assert_non_null(strstr(world_said(world),
			       "mail: Deleted real server: 192.0.2.11:80 (203.0.113.80:80)\n"));
	world_wait(world, 9);
	assert_string_equal(world_said(world), "");
	world_wait(world, 1);
	assert_non_null(
		strstr(world_said(world),
		       "mail: Inaccessible real server: 192.0.2.11:80 (203.0.113.80:80)\n"));
	world_check(world, 0, true);
	world_said(world);
	world_wait(world, 30);
	assert_string_equal(world_said(world), "");
}

static void test_unchecked_servers_stay_as_they_were_found(void **state)
{
	struct world *world = *state;

	world_put(world, "192.0.2.11", 80, 3);
	world_start(world, SERVICE "    checktype=off\n" TWO);
	world_wait(world, 3);
	assert_string_equal(world_table(world), "192.0.2.11:80 3");
	assert_int_equal(xlvs_machine_condition(world->machine), XLVS_LD_RUNNING);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_server_is_added_when_its_first_check_passes),
		TEST(test_servers_in_the_table_serve_on_and_strays_go),
		TEST(test_failurecount_and_risecount),
		TEST(test_quiescent_keeps_a_server_at_weight_0),
		TEST(test_a_server_taken_out_by_hand_stays_out_while_it_is_down),
		TEST(test_readdquiescent_puts_it_back),
		TEST(test_the_fallback_serves_when_nobody_does),
		TEST(test_at_a_start_the_fallback_waits_a_second_for_the_first_answers),
		TEST(test_a_refused_change_is_reported_once_and_tried_again),
		TEST(test_what_was_changed_by_hand_stays_until_the_state_changes),
		TEST(test_an_emptied_table_is_filled_again),
		TEST(test_a_service_that_somebody_else_added_is_taken_over),
		TEST(test_a_reload_applies_the_difference_and_keeps_states),
		TEST(test_a_stop_takes_services_with_cleanstop_along),
		TEST(test_a_stop_leaves_the_others),
		TEST(test_maintenance_is_down_whatever_checks_say),
		TEST(test_a_server_that_comes_back_starts_slowly),
		TEST(test_mail_is_filtered_and_repeated),
		TEST(test_unchecked_servers_stay_as_they_were_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
