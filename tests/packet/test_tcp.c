// SPDX-License-Identifier: GPL-2.0-or-later
/* TCP connections packet by packet: states, deadlines, and what a destination counts. */
#include "fixture.h"

#include <string.h>

enum {
	EST = XLVS_TCP_ESTABLISHED,
	SS = XLVS_TCP_SYN_SENT,
	SR = XLVS_TCP_SYN_RECV,
	FW = XLVS_TCP_FIN_WAIT,
	TW = XLVS_TCP_TIME_WAIT,
	CL = XLVS_TCP_CLOSE,
	CW = XLVS_TCP_CLOSE_WAIT,
	LA = XLVS_TCP_LAST_ACK,
	LI = XLVS_TCP_LISTEN,
	SA = XLVS_TCP_SYNACK,
	SAME = -1,
};

enum direction {
	IN, /* client to virtual address, replies seen */
	OUT, /* reply */
	IN_ONLY, /* client to virtual address, replies not seen */
	DIRECTIONS,
};

static const uint8_t flags_of_column[] = {SYN, FIN, ACK, RST};

#define COLUMNS (sizeof(flags_of_column))

/* IPVS's states: name, seconds, activity, and where a packet with SYN, FIN, ACK or RST leads. */
static const struct state {
	const char *name;
	uint32_t timeout_sec;
	bool active;
	int next[DIRECTIONS][COLUMNS];
} states[XLVS_TCP_STATES] = {
	[XLVS_TCP_NONE] = {"NONE",
			   2,
			   false,
			   {{SR, CL, EST, CL}, {SS, TW, EST, CL}, {SR, CL, EST, CL}}},
	[EST] = {"ESTABLISHED",
		 900,
		 true,
		 {{SAME, CW, SAME, CL}, {SAME, FW, SAME, CL}, {SAME, FW, SAME, CL}}},
	[SS] = {"SYN_SENT",
		120,
		true,
		{{EST, SAME, SAME, CL}, {SAME, SAME, SAME, SAME}, {EST, SAME, SAME, CL}}},
	[SR] = {"SYN_RECV",
		60,
		true,
		{{SAME, TW, EST, SAME}, {SAME, TW, EST, CL}, {SAME, TW, EST, SAME}}},
	[FW] = {"FIN_WAIT",
		120,
		false,
		{{SR, TW, SAME, CL}, {SS, SAME, SAME, CL}, {SR, SAME, SAME, CL}}},
	[TW] = {"TIME_WAIT",
		120,
		false,
		{{SR, SAME, SAME, CL}, {SS, SAME, SAME, SAME}, {SR, SAME, SAME, CL}}},
	[CL] = {"CLOSE",
		10,
		false,
		{{SR, SAME, SAME, SAME}, {SS, SAME, SAME, SAME}, {SR, SAME, SAME, SAME}}},
	[CW] = {"CLOSE_WAIT",
		60,
		false,
		{{SR, SAME, SAME, CL}, {SS, TW, SAME, CL}, {SR, SAME, SAME, CL}}},
	[LA] = {"LAST_ACK",
		30,
		false,
		{{SR, SAME, CL, SAME}, {SS, SAME, SAME, CL}, {SR, SAME, CL, SAME}}},
	[LI] = {"LISTEN",
		120,
		false,
		{{SR, SAME, SAME, SAME}, {SAME, SAME, EST, CL}, {SR, SAME, SAME, SAME}}},
	[SA] = {"SYNACK", 120, true, {{SR, TW, EST, SR}, {SR, TW, EST, CL}, {SR, TW, EST, CL}}},
};

struct talk {
	struct packet request;
	struct packet reply;
	uint32_t dest;
	struct xlvs_conn *conn;
};

/* A service with one destination, and no connection yet. */
static struct talk serve(int family, uint8_t method)
{
	struct dest_words words = {.port = SERVER_PORT, .method = method};
	struct talk talk = {.request = request_packet(family, PACKET_TCP)};

	director_reset();
	talk.dest = director_serve(&talk.request, &words);
	talk.reply = reply_packet(&talk.request, server_address(family, 1), SERVER_PORT);
	return talk;
}

static void say(struct talk *talk, bool is_reply, uint8_t flags)
{
	struct packet *packet = is_reply ? &talk->reply : &talk->request;

	packet->tcp_flags = flags;
	expect_forwarded(packet);
	talk->conn = director_conn(&talk->request);
	assert_non_null(talk->conn);
}

static struct talk open_talk(int family, uint8_t method)
{
	struct talk talk = serve(family, method);

	say(&talk, false, SYN);
	return talk;
}

static uint32_t state_of(const struct xlvs_conn *conn)
{
	return conn->meta & XLVS_META_STATE;
}

static void expect_counts(uint32_t dest, uint32_t active, uint32_t inactive)
{
	assert_int_equal(director.table.dests[dest].active, active);
	assert_int_equal(director.table.dests[dest].inactive, inactive);
}

/* The connection is in `state`, on both its records, with the state's deadline and activity. */
static void expect_state(const struct talk *talk, uint32_t state)
{
	const struct xlvs_conn *reply = director_conn(&talk->reply);

	if (state_of(talk->conn) != state)
		fail_msg("%s: in state %u, not %s", director_said(), state_of(talk->conn),
			 states[state].name);
	if (reply)
		assert_int_equal(state_of(reply), state);
	expect_timeout(talk->conn, states[state].timeout_sec);
	expect_counts(talk->dest, states[state].active, !states[state].active);
	expect_sound_table();
}

/* As if packets had led there. */
static void put_in_state(struct talk *talk, uint32_t state)
{
	struct xlvs_dest *dest = &director.table.dests[talk->dest];
	struct xlvs_conn *reply = director_conn(&talk->reply);

	talk->conn->meta &= ~(uint32_t)(XLVS_META_STATE | XLVS_META_INACTIVE);
	talk->conn->meta |= state | (states[state].active ? 0 : XLVS_META_INACTIVE);
	dest->active = states[state].active;
	dest->inactive = !states[state].active;
	if (reply)
		reply->meta = (reply->meta & ~(uint32_t)XLVS_META_STATE) | state;
}

static void test_every_packet_in_every_state_leads_where_ipvs_goes(void **state)
{
	(void)state;
	for (uint32_t from = 0; from < XLVS_TCP_STATES; from++) {
		for (size_t i = 0; i < DIRECTIONS * COLUMNS; i++) {
			uint32_t direction = (uint32_t)(i / COLUMNS);
			uint8_t flags = flags_of_column[i % COLUMNS];
			int next = states[from].next[direction][i % COLUMNS];
			struct talk talk = open_talk(direction == IN ? 6 : 4,
						     direction == IN_ONLY ? XLVS_FORWARD_dr
									  : XLVS_FORWARD_nat);

			director_say("%s, direction %u, flags %02x", states[from].name, direction,
				     flags);
			put_in_state(&talk, from);
			say(&talk, direction == OUT, flags);
			expect_state(&talk, next == SAME ? from : (uint32_t)next);
		}
	}
}

static void test_packet_without_flags_closes(void **state)
{
	(void)state;
	for (uint32_t from = 0; from < XLVS_TCP_STATES; from++) {
		struct talk talk = open_talk(4, XLVS_FORWARD_nat);

		put_in_state(&talk, from);
		say(&talk, from % 2, PSH);
		expect_state(&talk, CL);
	}
}

static void test_reset_counts_before_syn_and_syn_before_fin_and_fin_before_ack(void **state)
{
	static const struct {
		uint8_t flags;
		uint32_t state;
	} rows[] = {{RST | SYN | FIN | ACK, CL}, {SYN | FIN | ACK, EST}, {FIN | ACK, FW}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct talk talk = open_talk(4, XLVS_FORWARD_dr);

		put_in_state(&talk, EST);
		say(&talk, false, rows[i].flags);
		expect_state(&talk, rows[i].state);
	}
}

struct trace {
	const char *name;
	uint8_t method;
	struct step {
		bool is_reply;
		uint8_t flags;
		uint32_t state;
	} steps[10]; /* the first without flags ends it */
};

/* Seen on a kernel's IPVS. */
static const struct trace traces[] = {
	{"NAT, client closes first",
	 XLVS_FORWARD_nat,
	 {{false, SYN, SR},
	  {true, SYN | ACK, SR},
	  {false, ACK, EST},
	  {false, ACK | PSH, EST},
	  {true, ACK, EST},
	  {false, FIN | ACK, CW},
	  {true, ACK, CW},
	  {true, FIN | ACK, TW},
	  {false, ACK, TW}}},
	{"NAT, server closes first",
	 XLVS_FORWARD_nat,
	 {{false, SYN, SR},
	  {true, SYN | ACK, SR},
	  {false, ACK, EST},
	  {true, FIN | ACK, FW},
	  {false, ACK, FW},
	  {false, FIN | ACK, TW},
	  {true, ACK, TW}}},
	{"NAT, server unseen, opened again, reset",
	 XLVS_FORWARD_nat,
	 {{false, SYN, SR},
	  {false, ACK, EST},
	  {false, FIN, CW},
	  {false, ACK, CW},
	  {false, SYN, SR},
	  {false, RST, SR}}},
	{"NAT, refused", XLVS_FORWARD_nat, {{false, SYN, SR}, {true, RST | ACK, CL}}},
	{"DR, closed",
	 XLVS_FORWARD_dr,
	 {{false, SYN, SR},
	  {false, ACK, EST},
	  {false, ACK | PSH, EST},
	  {false, FIN | ACK, FW},
	  {false, ACK, FW}}},
	{"DR, reset", XLVS_FORWARD_dr, {{false, SYN, SR}, {false, ACK, EST}, {false, RST, CL}}},
	{"TUN, closed",
	 XLVS_FORWARD_tun,
	 {{false, SYN, SR}, {false, SYN, SR}, {false, ACK, EST}, {false, FIN | ACK, FW}}},
};

static void test_connections_go_through_the_states_seen_on_ipvs(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * sizeof(traces) / sizeof(traces[0]); i++) {
		const struct trace *trace = &traces[i / 2];
		struct talk talk = serve(i % 2 ? 6 : 4, trace->method);

		for (const struct step *step = trace->steps; step->flags; step++) {
			director_say("%s, step %zu", trace->name, step - trace->steps + 1);
			say(&talk, step->is_reply, step->flags);
			expect_state(&talk, step->state);
		}
		assert_int_equal(director.table.dests[talk.dest].conns, 1);
	}
}

static void test_quiet_packet_writes_nothing_until_the_deadline_is_stale(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		bool is_reply = i == 3;
		struct talk talk =
			open_talk(i & 1 ? 6 : 4, i & 2 ? XLVS_FORWARD_nat : XLVS_FORWARD_dr);
		struct xlvs_conn before;

		say(&talk, false, ACK);
		if (i & 2) {
			say(&talk, true, ACK);
			say(&talk, false, ACK);
			say(&talk, true, ACK);
		}
		director_age(talk.conn, TICKS_PER_SEC / 10);
		before = *talk.conn;
		say(&talk, is_reply, ACK);
		assert_memory_equal(talk.conn, &before, sizeof(before));

		director_age(talk.conn, TICKS_PER_SEC / 4);
		if (is_reply)
			director_age(director_conn(&talk.reply), TICKS_PER_SEC / 4);
		say(&talk, is_reply, ACK);
		expect_state(&talk, EST);
	}
}

static void test_one_way_connection_is_proven_by_an_ack(void **state)
{
	struct talk talk = open_talk(4, XLVS_FORWARD_tun);

	(void)state;
	say(&talk, false, SYN);
	say(&talk, false, SYN | ACK);
	assert_int_equal(director.table.runtime->unproven, 1);
	say(&talk, false, ACK);
	assert_int_equal(director.table.runtime->unproven, 0);
	say(&talk, false, ACK | FIN);
	assert_int_equal(director.table.runtime->unproven, 0);
}

static void test_two_way_connection_is_proven_by_an_ack_after_a_reply(void **state)
{
	struct talk talk = open_talk(6, XLVS_FORWARD_nat);

	(void)state;
	say(&talk, false, ACK);
	assert_int_equal(director.table.runtime->unproven, 1);
	say(&talk, true, SYN | ACK);
	assert_int_equal(director.table.runtime->unproven, 1);
	say(&talk, false, ACK);
	assert_int_equal(director.table.runtime->unproven, 0);
	expect_sound_table();
}

static void test_syn_opens_anew_what_is_over_and_may_go_elsewhere(void **state)
{
	static const struct {
		uint32_t state;
		bool is_over;
	} rows[] = {{TW, true}, {CL, true}, {FW, false}, {CW, false}, {EST, false}, {LA, false}};

	(void)state;
	for (size_t i = 0; i < 4 * sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t method = i & 1 ? XLVS_FORWARD_nat : XLVS_FORWARD_dr;
		int family = i & 2 ? 6 : 4;
		struct dest_words second = {.family = family,
					    .address = server_address(family, 2),
					    .method = method,
					    .weight = 1,
					    .ifindex = INGRESS};
		struct talk talk = serve(family, method);
		uint32_t over = rows[i / 4].is_over, other;

		say(&talk, false, SYN);
		other = director_add_dest(director_slot(&talk.request), &second);
		director_say("%s, method %u, IPv%d", states[rows[i / 4].state].name, method,
			     family);
		put_in_state(&talk, rows[i / 4].state);
		say(&talk, false, SYN);
		assert_int_equal(talk.conn->dest, over ? other : talk.dest);
		expect_counts(talk.dest, !over, 0);
		expect_counts(other, over, 0);
		assert_int_equal(director.table.dests[other].conns, over);
		assert_int_equal(!director_conn(&talk.reply), over || method == XLVS_FORWARD_dr);
		expect_sound_table();
	}
}

static void test_expired_connection_is_absent(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		struct talk talk =
			open_talk(i & 2 ? 6 : 4, i & 1 ? XLVS_FORWARD_nat : XLVS_FORWARD_dr);
		struct frame frame;
		uint32_t last_deadline;

		director_say("case %d", i);
		say(&talk, false, ACK);
		director_age(talk.conn, 900 * TICKS_PER_SEC + 10);
		last_deadline = talk.conn->deadline;
		talk.request.tcp_flags = ACK;
		packet_build(&talk.request, &frame);
		expect_passed(&frame);
		talk.reply.tcp_flags = ACK;
		packet_build(&talk.reply, &frame);
		expect_passed(&frame);
		assert_int_equal(talk.conn->deadline, last_deadline);

		say(&talk, false, SYN);
		expect_state(&talk, SR);
		assert_int_equal(director.table.dests[talk.dest].conns, 2);
		if (i & 1) {
			say(&talk, true, SYN | ACK);
			expect_state(&talk, SR);
		}
	}
}

/* A record counts the connections that had it, in a few bits. */
static void test_record_serves_more_connections_than_it_counts(void **state)
{
	struct talk talk = open_talk(4, XLVS_FORWARD_nat);

	(void)state;
	for (int i = 0; i < 3; i++) {
		put_in_state(&talk, CL);
		if (!i)
			talk.conn->meta |= (uint32_t)(XLVS_META_TURN - 1) << XLVS_META_TURN_SHIFT;
		say(&talk, false, SYN);
		expect_state(&talk, SR);
		say(&talk, true, SYN | ACK);
		say(&talk, false, ACK);
		expect_state(&talk, EST);
		assert_int_equal(director.table.runtime->unproven, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_packet_in_every_state_leads_where_ipvs_goes),
		cmocka_unit_test(test_packet_without_flags_closes),
		cmocka_unit_test(
			test_reset_counts_before_syn_and_syn_before_fin_and_fin_before_ack),
		cmocka_unit_test(test_connections_go_through_the_states_seen_on_ipvs),
		cmocka_unit_test(test_quiet_packet_writes_nothing_until_the_deadline_is_stale),
		cmocka_unit_test(test_one_way_connection_is_proven_by_an_ack),
		cmocka_unit_test(test_two_way_connection_is_proven_by_an_ack_after_a_reply),
		cmocka_unit_test(test_syn_opens_anew_what_is_over_and_may_go_elsewhere),
		cmocka_unit_test(test_expired_connection_is_absent),
		cmocka_unit_test(test_record_serves_more_connections_than_it_counts),
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
