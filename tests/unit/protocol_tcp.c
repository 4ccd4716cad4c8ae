// SPDX-License-Identifier: GPL-2.0-or-later
/* The shipped TCP step, cell by cell of IPVS's state table, and what it does to a connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "host_maps.h"
#include "protocol/protocol.bpf.h"

#define NOW  1000
#define DEST 5

static const char *const names[XLVS_TCP_STATES] = {
	[XLVS_TCP_NONE] = "NO",	    [XLVS_TCP_ESTABLISHED] = "ES", [XLVS_TCP_SYN_SENT] = "SS",
	[XLVS_TCP_SYN_RECV] = "SR", [XLVS_TCP_FIN_WAIT] = "FW",	   [XLVS_TCP_TIME_WAIT] = "TW",
	[XLVS_TCP_CLOSE] = "CL",    [XLVS_TCP_CLOSE_WAIT] = "CW",  [XLVS_TCP_LAST_ACK] = "LA",
	[XLVS_TCP_LISTEN] = "LI",   [XLVS_TCP_SYNACK] = "SA",
};

/* A row is the current state; its columns are the packets INPUT syn fin ack rst, OUTPUT the same,
 * INPUT-ONLY the same; "=" is no change. */
static const char *const table[XLVS_TCP_STATES] = {
	[XLVS_TCP_NONE] = "SR CL ES CL  SS TW ES CL  SR CL ES CL",
	[XLVS_TCP_ESTABLISHED] = "= CW = CL  = FW = CL  = FW = CL",
	[XLVS_TCP_SYN_SENT] = "ES = = CL  = = = =  ES = = CL",
	[XLVS_TCP_SYN_RECV] = "= TW ES =  = TW ES CL  = TW ES =",
	[XLVS_TCP_FIN_WAIT] = "SR TW = CL  SS = = CL  SR = = CL",
	[XLVS_TCP_TIME_WAIT] = "SR = = CL  SS = = =  SR = = CL",
	[XLVS_TCP_CLOSE] = "SR = = =  SS = = =  SR = = =",
	[XLVS_TCP_CLOSE_WAIT] = "SR = = CL  SS TW = CL  SR = = CL",
	[XLVS_TCP_LAST_ACK] = "SR = CL =  SS = = CL  SR = CL =",
	[XLVS_TCP_LISTEN] = "SR = = =  = = ES CL  SR = = =",
	[XLVS_TCP_SYNACK] = "SR TW ES SR  SR TW ES CL  SR TW ES CL",
};

/* The cells that are others while secure_tcp is in effect. */
static const struct {
	const char *from;
	uint32_t column;
	const char *to;
} secure[] = {
	{"SA", 0, "SA"}, {"SA", 1, "SA"}, {"SR", 2, "SR"}, {"SA", 2, "SA"}, {"SA", 3, "CL"},
	{"SR", 4, "SA"}, {"SA", 4, "SA"}, {"NO", 8, "SA"}, {"FW", 8, "SA"}, {"TW", 8, "SA"},
	{"CL", 8, "SA"}, {"CW", 8, "SA"}, {"LA", 8, "SA"}, {"LI", 8, "SA"}, {"SA", 8, "SA"},
};

static const uint8_t flags_of_column[] = {XLVS_TCP_SYN, XLVS_TCP_FIN, XLVS_TCP_ACK, XLVS_TCP_RST};

static uint32_t state_named(const char *name)
{
	for (uint32_t state = 0; state < XLVS_TCP_STATES; state++) {
		if (!strcmp(names[state], name))
			return state;
	}
	fail_msg("no state %s", name);
	return XLVS_TCP_STATES;
}

/* column: 4 * direction + packet */
static uint32_t expected_state(uint32_t state, uint32_t column)
{
	char words[12][4];

	assert_int_equal(sscanf(table[state], "%3s%3s%3s%3s%3s%3s%3s%3s%3s%3s%3s%3s", words[0],
				words[1], words[2], words[3], words[4], words[5], words[6],
				words[7], words[8], words[9], words[10], words[11]),
			 12);
	for (size_t i = 0; xlvs_runtime.settings[XLVS_SETTING_secure_tcp] >= XLVS_DEFENCE_ALERT &&
			   i < sizeof(secure) / sizeof(secure[0]);
	     i++)
		if (state == state_named(secure[i].from) && column == secure[i].column)
			return state_named(secure[i].to);
	return strcmp(words[column], "=") ? state_named(words[column]) : state;
}

static bool is_active(uint32_t state)
{
	return state == XLVS_TCP_ESTABLISHED || state == XLVS_TCP_SYN_SENT ||
	       state == XLVS_TCP_SYN_RECV || state == XLVS_TCP_SYNACK;
}

/* A connection in a state, counted at its destination, as its method starts it. */
static struct xlvs_conn connection(uint32_t state, bool one_way)
{
	struct xlvs_conn conn = {.meta = state, .dest = DEST, .partner = XLVS_NONE};

	if (!is_active(state))
		conn.meta |= XLVS_META_INACTIVE;
	if (one_way)
		conn.meta |= XLVS_META_NOOUTPUT;
	host_dests[DEST] = (struct xlvs_dest){
		.active = 10 + is_active(state),
		.inactive = 20 + !is_active(state),
	};
	xlvs_runtime.unproven = 30;
	return conn;
}

static uint32_t step(struct xlvs_conn *conn, uint32_t direction, uint8_t flags)
{
	struct xlvs_packet packet = {.tcp_flags = flags, .now = NOW};

	assert_int_equal(xlvs_tcp_step(&packet, conn, direction), 0);
	return conn->meta & XLVS_META_STATE;
}

/* The step learns that replies bypass the director from the connection, not from its caller. */
static uint32_t next(uint32_t state, uint32_t direction, uint8_t flags)
{
	struct xlvs_conn conn = connection(state, direction == XLVS_INPUT_ONLY);

	return step(&conn, direction == XLVS_OUTPUT ? XLVS_OUTPUT : XLVS_INPUT, flags);
}

static void test_every_cell_of_the_table(void **state)
{
	(void)state;
	for (uint32_t cell = 0; cell < 12 * XLVS_TCP_STATES; cell++) {
		uint32_t column = cell % 12;
		uint32_t to = next(cell / 12, column / 4, flags_of_column[column % 4]);

		if (to != expected_state(cell / 12, column))
			fail_msg("%s, column %u: %s", names[cell / 12], column, names[to]);
	}
}

static void test_every_cell_in_every_mode_of_secure_tcp(void **state)
{
	for (int mode = 0; mode <= XLVS_DEFENCE_ALWAYS; mode++) {
		xlvs_runtime.settings[XLVS_SETTING_secure_tcp] = mode;
		test_every_cell_of_the_table(state);
	}
	xlvs_runtime.settings[XLVS_SETTING_secure_tcp] = 0;
}

/* RST before SYN before FIN before ACK; urgent and push say nothing. */
static uint32_t column_of_flags(uint8_t flags)
{
	static const uint8_t columns[] = {3, 0, 1, 2};

	for (uint32_t i = 0; i < sizeof(columns); i++) {
		if (flags & flags_of_column[columns[i]])
			return columns[i];
	}
	return UINT32_MAX;
}

static void expect_event(uint32_t from, uint32_t direction, uint8_t flags)
{
	uint32_t column = column_of_flags(flags);
	uint32_t expected = XLVS_TCP_CLOSE;

	if (column != UINT32_MAX)
		expected = expected_state(from, 4 * direction + column);
	assert_int_equal(next(from, direction, flags), expected);
}

static void test_the_first_flag_in_precedence_decides(void **state)
{
	(void)state;
	for (uint32_t flags = 0; flags < 256; flags++) {
		for (uint32_t from = 0; from < XLVS_TCP_STATES; from++) {
			expect_event(from, XLVS_INPUT, (uint8_t)flags);
			expect_event(from, XLVS_OUTPUT, (uint8_t)flags);
			expect_event(from, XLVS_INPUT_ONLY, (uint8_t)flags);
		}
	}
}

static void test_active_and_inactive_follow_the_state(void **state)
{
	(void)state;
	for (uint32_t from = 0; from < XLVS_TCP_STATES; from++) {
		for (uint32_t column = 0; column < 12; column++) {
			uint32_t to = next(from, column / 4, flags_of_column[column % 4]);

			assert_int_equal(host_dests[DEST].active, 10 + is_active(to));
			assert_int_equal(host_dests[DEST].inactive, 20 + !is_active(to));
		}
	}
}

static void test_deadline_is_the_timeout_of_the_new_state(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < XLVS_TIMEOUTS; i++)
		xlvs_runtime.timeout_ticks[i] = 100 + i;
	for (uint32_t from = 0; from < XLVS_TCP_STATES; from++) {
		struct xlvs_conn conn = connection(from, false);
		uint32_t to = step(&conn, XLVS_INPUT, XLVS_TCP_ACK);

		assert_int_equal(conn.deadline, NOW + 100 + XLVS_TIMEOUT_TCP + to);
	}
}

static void test_a_reply_ends_the_input_only_table_for_good(void **state)
{
	struct xlvs_conn conn = connection(XLVS_TCP_ESTABLISHED, true);

	(void)state;
	assert_int_equal(step(&conn, XLVS_OUTPUT, XLVS_TCP_ACK), XLVS_TCP_ESTABLISHED);
	assert_false(conn.meta & XLVS_META_NOOUTPUT);
	assert_int_equal(step(&conn, XLVS_INPUT, XLVS_TCP_FIN), XLVS_TCP_CLOSE_WAIT);
}

/* Scripts: '>' from the client or '<' from the server, flags, then the state that follows. */
static void replay(bool one_way, const char *script)
{
	struct xlvs_conn conn = connection(XLVS_TCP_NONE, one_way);
	char words[128];
	char *rest = words;
	char *word;

	snprintf(words, sizeof(words), "%s", script);
	while ((word = strsep(&rest, " "))) {
		uint8_t flags = 0;

		flags |= strchr(word, 'S') ? XLVS_TCP_SYN : 0;
		flags |= strchr(word, 'A') ? XLVS_TCP_ACK : 0;
		flags |= strchr(word, 'F') ? XLVS_TCP_FIN : 0;
		flags |= strchr(word, 'R') ? XLVS_TCP_RST : 0;
		step(&conn, word[0] == '<' ? XLVS_OUTPUT : XLVS_INPUT, flags);
		word = strsep(&rest, " ");
		assert_string_equal(names[conn.meta & XLVS_META_STATE], word);
	}
}

static void test_conversations_take_the_course_seen_on_a_kernel(void **state)
{
	(void)state;
	replay(false, ">S SR >A ES >F CW >A CW >S SR >R SR");
	replay(false, ">S SR <SA SR >A ES <FA FW >FA TW");
	replay(false, ">S SR <SA SR >A ES >FA CW <FA TW >A TW");
	replay(true, ">S SR >A ES >F FW >F FW >R CL");
	replay(true, ">S SR >A ES >R CL");
}

static void test_a_client_is_proven_by_an_ack_to_what_it_was_sent(void **state)
{
	struct xlvs_conn two_way = connection(XLVS_TCP_NONE, false);
	struct xlvs_conn one_way;

	(void)state;
	step(&two_way, XLVS_INPUT, XLVS_TCP_SYN);
	step(&two_way, XLVS_INPUT, XLVS_TCP_ACK);
	assert_false(two_way.meta & XLVS_META_PROVEN);
	step(&two_way, XLVS_OUTPUT, XLVS_TCP_SYN | XLVS_TCP_ACK);
	assert_false(two_way.meta & XLVS_META_PROVEN);
	assert_int_equal(xlvs_runtime.unproven, 30);
	step(&two_way, XLVS_INPUT, XLVS_TCP_ACK);
	assert_true(two_way.meta & XLVS_META_PROVEN);
	step(&two_way, XLVS_INPUT, XLVS_TCP_ACK);
	assert_int_equal(xlvs_runtime.unproven, 29);

	one_way = connection(XLVS_TCP_NONE, true);
	step(&one_way, XLVS_INPUT, XLVS_TCP_SYN);
	step(&one_way, XLVS_INPUT, XLVS_TCP_SYN | XLVS_TCP_ACK);
	assert_false(one_way.meta & XLVS_META_PROVEN);
	step(&one_way, XLVS_INPUT, XLVS_TCP_ACK);
	assert_true(one_way.meta & XLVS_META_PROVEN);
	assert_int_equal(xlvs_runtime.unproven, 29);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cell_of_the_table),
		cmocka_unit_test(test_every_cell_in_every_mode_of_secure_tcp),
		cmocka_unit_test(test_the_first_flag_in_precedence_decides),
		cmocka_unit_test(test_active_and_inactive_follow_the_state),
		cmocka_unit_test(test_deadline_is_the_timeout_of_the_new_state),
		cmocka_unit_test(test_a_reply_ends_the_input_only_table_for_good),
		cmocka_unit_test(test_conversations_take_the_course_seen_on_a_kernel),
		cmocka_unit_test(test_a_client_is_proven_by_an_ack_to_what_it_was_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
