// SPDX-License-Identifier: GPL-2.0-or-later
/* The shipped SCTP step, cell by cell of IPVS's state table, what it does to a connection, and the
 * checksum after a change of ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "forward/forward.bpf.h"
#include "host_maps.h"
#include "protocol/protocol.bpf.h"

#define NOW  1000
#define DEST 5

static const char names[XLVS_SCTP_STATES][3] = {
	[XLVS_SCTP_NONE] = "NO",
	[XLVS_SCTP_INIT1] = "I1",
	[XLVS_SCTP_INIT] = "IN",
	[XLVS_SCTP_COOKIE_SENT] = "CS",
	[XLVS_SCTP_COOKIE_REPLIED] = "CR",
	[XLVS_SCTP_COOKIE_WAIT] = "CW",
	[XLVS_SCTP_COOKIE] = "CO",
	[XLVS_SCTP_COOKIE_ECHOED] = "CE",
	[XLVS_SCTP_ESTABLISHED] = "ES",
	[XLVS_SCTP_SHUTDOWN_SENT] = "SS",
	[XLVS_SCTP_SHUTDOWN_RECEIVED] = "SR",
	[XLVS_SCTP_SHUTDOWN_ACK_SENT] = "SA",
	[XLVS_SCTP_REJECTED] = "RJ",
	[XLVS_SCTP_CLOSED] = "CL",
};

/* Where the chunk leads in each direction: "new < old old", rules by commas; what no rule names
 * stays as it is. */
static const struct rule {
	uint8_t chunk;
	const char *leads[XLVS_DIRECTIONS];
} rules[] = {
	{0, {"ES < NO", "ES < NO", "ES < NO CW"}},
	{1,
	 {"I1 < NO, IN < I1 RJ CL", "CW < NO I1 IN CS CR CO CE SS SR SA RJ CL",
	  "I1 < NO, IN < I1 CS CR CW RJ CL"}},
	{2, {"CW < NO I1 IN, CO < CW", "CS < NO I1 IN", "CE < NO I1 IN CS CR CW"}},
	{3, {"ES < NO", "ES < NO", "ES < NO CW"}},
	{4, {"ES < NO", "ES < NO", "ES < NO CW"}},
	{5, {"ES < NO", "ES < NO", "ES < NO CW"}},
	{6,
	 {"CL < NO I1 IN CS CR CO CE ES SS SR SA RJ, RJ < CW",
	  "CL < NO IN CS CR CW CO CE ES SS SR SA RJ, RJ < I1",
	  "CL < NO I1 IN CS CR CO CE ES SS SR SA RJ, RJ < CW"}},
	{7, {"SR < NO ES", "SS < NO I1 IN CS CR CW CO CE ES", "SR < NO ES"}},
	{8, {"CL < NO SS SA, IN < I1", "SA < NO I1 IN CS CR SS SR", "CL < NO ES SS SA, IN < I1"}},
	{9, {"CL < NO CE", "CL < NO I1 IN CS CR", "CL < NO"}},
	{10, {"CR < NO CS, IN < I1", "CE < NO I1 IN CS CR CW CO", "ES < NO I1 IN CS CR CW"}},
	{11, {"ES < NO CE", "ES < NO I1 IN CS CR CW CO CE", "ES < NO CS CR CO CE"}},
	{12, {"ES < NO", "ES < NO", "ES < NO CW"}},
	{13, {"ES < NO", "ES < NO", "ES < NO CW"}},
	{14, {"CL < NO I1 IN SA", "CL < NO", "CL < NO I1 IN CS CR SR SA"}},
	{15, {"ES < NO", "ES < NO", "ES < NO CW"}},
	{0xc1, {"ES < NO", "ES < NO", "ES < NO CW"}},
	{0xff, {"ES < NO", "ES < NO", "ES < NO CW"}},
};

#define for_each_cell(rule, direction, from)                                                   \
	for (const struct rule *rule = rules; rule < rules + sizeof(rules) / sizeof(rules[0]); \
	     rule++)                                                                           \
		for (uint32_t direction = 0; direction < XLVS_DIRECTIONS; direction++)         \
			for (uint32_t from = 0; from < XLVS_SCTP_STATES; from++)

static uint32_t state_named(const char *name)
{
	for (uint32_t state = 0; state < XLVS_SCTP_STATES; state++) {
		if (!strcmp(names[state], name))
			return state;
	}
	fail_msg("no state %s", name);
	return XLVS_SCTP_STATES;
}

static uint32_t expected_state(const char *leads, uint32_t from)
{
	char text[128], *rest = text, *lead;

	snprintf(text, sizeof(text), "%s", leads);
	while ((lead = strsep(&rest, ","))) {
		const char *old = strchr(lead, '<');
		char to[3];

		assert_int_equal(sscanf(lead, "%2s", to), 1);
		if (strstr(old, names[from]))
			return state_named(to);
	}
	return from;
}

/* A connection in a state, counted at its destination, as its method starts it. */
static struct xlvs_conn connection(uint32_t state, bool one_way)
{
	bool active = state == XLVS_SCTP_ESTABLISHED;
	struct xlvs_conn conn = {.meta = state, .dest = DEST, .partner = XLVS_NONE};

	if (!active)
		conn.meta |= XLVS_META_INACTIVE;
	if (one_way)
		conn.meta |= XLVS_META_NOOUTPUT;
	host_dests[DEST] = (struct xlvs_dest){
		.active = 10 + active,
		.inactive = 20 + !active,
	};
	xlvs_runtime.unproven = 30;
	return conn;
}

static uint32_t step(struct xlvs_conn *conn, uint32_t direction, uint8_t chunk)
{
	struct xlvs_packet packet = {.sctp_chunk = chunk, .now = NOW};

	assert_int_equal(xlvs_sctp_step(&packet, conn, direction), 0);
	return conn->meta & XLVS_META_STATE;
}

/* The step learns that replies bypass the director from the connection, not from its caller. */
static uint32_t next(uint32_t state, uint32_t direction, uint8_t chunk)
{
	struct xlvs_conn conn = connection(state, direction == XLVS_INPUT_ONLY);

	return step(&conn, direction == XLVS_OUTPUT ? XLVS_OUTPUT : XLVS_INPUT, chunk);
}

static void test_every_cell_of_the_table(void **state)
{
	(void)state;
	for_each_cell(rule, direction, from)
	{
		uint32_t to = next(from, direction, rule->chunk);

		if (to != expected_state(rule->leads[direction], from))
			fail_msg("%s, chunk %u, direction %u: %s", names[from], rule->chunk,
				 direction, names[to]);
	}
}

static void test_only_an_established_connection_is_active(void **state)
{
	(void)state;
	for_each_cell(rule, direction, from)
	{
		bool active = next(from, direction, rule->chunk) == XLVS_SCTP_ESTABLISHED;

		assert_int_equal(host_dests[DEST].active, 10 + active);
		assert_int_equal(host_dests[DEST].inactive, 20 + !active);
	}
}

static void test_deadline_is_the_timeout_of_the_new_state(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < XLVS_TIMEOUTS; i++)
		xlvs_runtime.timeout_ticks[i] = 100 + i;
	for_each_cell(rule, direction, from)
	{
		struct xlvs_conn conn = connection(from, direction == XLVS_INPUT_ONLY);
		uint32_t to = step(&conn, direction == XLVS_OUTPUT, rule->chunk);

		assert_int_equal(conn.deadline, NOW + 100 + XLVS_TIMEOUT_SCTP + to);
	}
}

/* Scripts: '>' from the client or '<' from the server, the chunk, then the state that follows. */
static void replay(bool one_way, const char *script)
{
	struct xlvs_conn conn = connection(XLVS_SCTP_NONE, one_way);
	char words[128], *rest = words, *word;

	snprintf(words, sizeof(words), "%s", script);
	while ((word = strsep(&rest, " "))) {
		unsigned int chunk;

		assert_int_equal(sscanf(word + 1, "%u", &chunk), 1);
		step(&conn, word[0] == '<' ? XLVS_OUTPUT : XLVS_INPUT, (uint8_t)chunk);
		word = strsep(&rest, " ");
		assert_string_equal(names[conn.meta & XLVS_META_STATE], word);
	}
}

static void test_associations_take_their_course(void **state)
{
	(void)state;
	replay(false, ">1 I1 <2 CS >10 CR <11 ES >0 ES <3 ES >7 SR <8 SA >14 CL");
	replay(false, ">1 I1 <2 CS >10 CR <11 ES <7 SS >8 CL <14 CL");
	replay(false, ">1 I1 <6 RJ >1 IN");
	replay(true, ">1 I1 >10 ES >0 ES >7 SR >14 CL");
	replay(true, ">1 I1 >10 ES >8 CL >1 IN");
}

static void test_a_client_is_proven_by_what_follows_its_init(void **state)
{
	struct xlvs_conn two_way = connection(XLVS_SCTP_NONE, false), one_way;

	(void)state;
	step(&two_way, XLVS_INPUT, 1);
	step(&two_way, XLVS_INPUT, 10);
	assert_false(two_way.meta & XLVS_META_PROVEN);
	step(&two_way, XLVS_OUTPUT, 2);
	step(&two_way, XLVS_INPUT, 1);
	assert_false(two_way.meta & XLVS_META_PROVEN);
	assert_int_equal(xlvs_runtime.unproven, 30);
	step(&two_way, XLVS_INPUT, 10);
	assert_true(two_way.meta & XLVS_META_PROVEN);
	step(&two_way, XLVS_INPUT, 0);
	assert_int_equal(xlvs_runtime.unproven, 29);

	one_way = connection(XLVS_SCTP_NONE, true);
	step(&one_way, XLVS_INPUT, 1);
	assert_false(one_way.meta & XLVS_META_PROVEN);
	step(&one_way, XLVS_INPUT, 10);
	assert_true(one_way.meta & XLVS_META_PROVEN);
	assert_int_equal(xlvs_runtime.unproven, 29);
}

/* RFC 9260, appendix A, bit by bit. */
static uint32_t crc32c(const uint8_t *data, size_t bytes)
{
	uint32_t crc = ~0U;

	for (size_t i = 0; i < bytes; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	return ~crc;
}

static void test_checksum_follows_the_ports_at_any_length(void **state)
{
	static uint8_t packet[UINT16_MAX];
	static const uint32_t changes[] = {1, 0x80000000, 0x0000ffff, 0xffff0000, 0x12345678};

	(void)state;
	for (size_t i = 0; i < sizeof(packet); i++)
		packet[i] = (uint8_t)(i * 7 + 3);
	for (size_t bytes = 16; bytes <= sizeof(packet); bytes += bytes < 1600 ? 1 : 7919) {
		uint32_t before = crc32c(packet, bytes);
		uint32_t change = changes[bytes % 5], ports;

		memcpy(&ports, packet, sizeof(ports));
		ports ^= change;
		memcpy(packet, &ports, sizeof(ports));
		assert_int_equal(before ^ xlvs_sctp_sum_change(change, (uint32_t)bytes),
				 crc32c(packet, bytes));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cell_of_the_table),
		cmocka_unit_test(test_only_an_established_connection_is_active),
		cmocka_unit_test(test_deadline_is_the_timeout_of_the_new_state),
		cmocka_unit_test(test_associations_take_their_course),
		cmocka_unit_test(test_a_client_is_proven_by_what_follows_its_init),
		cmocka_unit_test(test_checksum_follows_the_ports_at_any_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
