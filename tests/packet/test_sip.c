// SPDX-License-Identifier: GPL-2.0-or-later
/* The persistence engine sip: which messages are one session, and which are none. */
#include "fixture.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

#include "abi/pe.h"
#include "datapath/xlvs.skel.h"
#include "pe/list.h"

#define REQUEST "INVITE sip:a@example.net SIP/2.0\r\nVia: SIP/2.0/UDP client\r\n"

enum {
	TIMEOUT_SEC = 30,
};

/* A SIP service and its destinations. */
struct site {
	struct packet request;
	uint32_t slot;
	uint32_t dests[3];
};

/* What former tests left: a director without connections has none. */
static void forget_sessions(void)
{
	int fd = bpf_map__fd(director.skeleton->maps.xlvs_pe_data);
	uint32_t key;

	while (!bpf_map_get_next_key(fd, NULL, &key))
		bpf_map_delete_elem(fd, &key);
}

static struct site make_site(int family)
{
	struct site site = {.request = request_packet(family, PACKET_UDP)};

	director_reset();
	forget_sessions();
	site.slot = director_add_service(&site.request, XLVS_SCHEDULER_rr);
	for (int n = 0; n < 3; n++) {
		struct dest_words words = {
			.family = family,
			.address = server_address(family, n + 1),
			.port = VIP_PORT,
			.method = XLVS_FORWARD_dr,
			.weight = 1,
			.ifindex = INGRESS,
		};

		site.dests[n] = director_add_dest(site.slot, &words);
	}
	director_persist(site.slot, TIMEOUT_SEC, 0);
	director.services[site.slot].pe = XLVS_PE_sip;
	return site;
}

/* A datagram from a port that was not used before. */
static struct frame message(struct site *site, const char *text)
{
	struct frame frame;
	size_t bytes = strlen(text);

	director_say("message %s", text);
	site->request.sport++;
	site->request.payload_bytes = (uint16_t)bytes;
	packet_build(&site->request, &frame);
	memcpy(frame.data + frame.bytes - bytes, text, bytes);
	packet_seal(&frame);
	return frame;
}

/* Its connection's destination. */
static uint32_t opened(struct site *site, const char *text)
{
	struct frame in = message(site, text), out;
	const struct xlvs_conn *conn;

	expect_leaving(director_run(&in, &out), INGRESS);
	conn = director_conn(&site->request);
	assert_non_null(conn);
	return conn->dest;
}

static void expect_none(struct site *site, const char *text)
{
	struct frame in = message(site, text);

	expect_dropped(&in, XLVS_DROP_NO_SESSION);
}

/* How many templates there are with a session, and the session of one of them. */
static uint32_t sessions(struct xlvs_pe_data *ret_data)
{
	int fd = bpf_map__fd(director.skeleton->maps.xlvs_pe_data);
	uint32_t key, *previous = NULL, n = 0;

	for (; !bpf_map_get_next_key(fd, previous, &key); previous = &key, n++)
		assert_int_equal(bpf_map_lookup_elem(fd, &key, ret_data), 0);
	return n;
}

static void test_messages_of_one_call_go_to_one_destination(void **state)
{
	static const char *const same[] = {
		REQUEST "Call-ID: a@h\r\n\r\n",
		REQUEST "Call-ID:a@h\r\nTo: b\r\n",
		REQUEST "CALL-id :   a@h\r\n",
		REQUEST "i: a@h\r\n",
		REQUEST "I:a@h\r\n",
		REQUEST "Call-ID: a@h\n",
		REQUEST "Call-ID: a@h\r",
		REQUEST "Call-ID\r\n :\r\n\t a@h\r\n",
		REQUEST "Info: i\r\nContact: c\r\nCa\r\ni: a@h\r\nCall-ID: b\r\n",
		REQUEST "Call-ID: a@\r\nCall-ID: a@h\r\n",
	};

	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct site site = make_site(family);
		uint32_t first = opened(&site, same[0]), other;
		struct xlvs_pe_data data;

		other = opened(&site, REQUEST "Call-ID: b@h\r\n");
		assert_int_not_equal(first, other);
		for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
			assert_int_equal(opened(&site, same[i]), first);
		assert_int_equal(sessions(&data), 2);
		assert_int_equal(director.table.dests[first].persistent, 1);
		expect_sound_table();
	}
}

static void test_a_message_without_call_id_is_dropped(void **state)
{
	static const char *const none[] = {
		"",
		"x",
		REQUEST,
		"Call-ID: a\r\n", /* the first line is no header */
		REQUEST "Call-ID: a", /* without end */
		REQUEST "Call-ID: a b\r\n", /* more than a word */
		REQUEST "Call-ID: a@b@c\r\n", /* three */
		REQUEST "Call-IDs: a\r\n", /* another header, as IPVS sees it the last one */
		REQUEST "Call-ID a\r\n", /* no colon */
		REQUEST "Call-ID:\r\na\r\n", /* the line has ended */
		REQUEST "Call-ID: 'a'\r\n",
		REQUEST "Call-ID: \r\nCall-ID: a\r\n", /* the first has no value */
		REQUEST "Info: a\r\n",
		REQUEST " Call-ID: a\r\n", /* a continuation */
	};

	(void)state;
	for (int family = 4; family <= 6; family += 2) {
		struct site site = make_site(family);
		struct xlvs_pe_data data;

		for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
			expect_none(&site, none[i]);
		assert_int_equal(director.table.runtime->records, 0);
		assert_int_equal(sessions(&data), 0);
	}
}

static void test_a_session_is_kept_whole(void **state)
{
	char text[600], call[XLVS_PE_DATA_BYTES + 2] = "";
	struct site site = make_site(4);
	struct xlvs_pe_data data;
	uint32_t first;

	(void)state;
	memset(call, 'c', XLVS_PE_DATA_BYTES);
	snprintf(text, sizeof(text), REQUEST "Call-ID: %s\r\n", call);
	first = opened(&site, text);
	assert_int_equal(sessions(&data), 1);
	assert_int_equal(data.engine, XLVS_PE_sip);
	assert_int_equal(data.length_bytes, XLVS_PE_DATA_BYTES);
	assert_memory_equal(data.bytes, call, XLVS_PE_DATA_BYTES);
	assert_int_equal(opened(&site, text), first);
	/* Of what is one byte too long nothing is taken. */
	call[XLVS_PE_DATA_BYTES] = 'c';
	snprintf(text, sizeof(text), REQUEST "Call-ID: %s\r\n", call);
	expect_none(&site, text);
}

static void test_a_client_of_its_own_has_sessions_of_its_own(void **state)
{
	struct site site = make_site(4);
	uint32_t first = opened(&site, REQUEST "i: a\r\n");

	(void)state;
	site.request.from = "198.51.100.77";
	assert_int_not_equal(opened(&site, REQUEST "i: a\r\n"), first);
	/* With a netmask that makes all clients one the call alone counts. */
	site = make_site(6);
	director_persist(site.slot, TIMEOUT_SEC, 1);
	first = opened(&site, REQUEST "i: a\r\n");
	site.request.from = "2001:db8:100::77";
	assert_int_equal(opened(&site, REQUEST "i: a\r\n"), first);
}

static void test_what_was_kept_ends_with_the_template(void **state)
{
	struct site site = make_site(4);
	struct xlvs_conn *template = NULL;
	struct xlvs_pe_data data;
	uint32_t first;

	(void)state;
	first = opened(&site, REQUEST "i: a\r\n");
	for (uint32_t i = 0; i < director.table.n_conns; i++) {
		if (director.table.conns[i].family & XLVS_FAMILY_TEMPLATE)
			template = &director.table.conns[i];
	}
	assert_non_null(template);
	director_age(director_conn(&site.request), 400 * TICKS_PER_SEC);
	director.table.controls[template - director.table.conns].n_controlled = 0;
	director_age(template, 400 * TICKS_PER_SEC);
	/* The next message of the call takes the template's record over, and keeps its name anew.
	 */
	assert_int_not_equal(opened(&site, REQUEST "i: a\r\n"), first);
	assert_int_equal(sessions(&data), 1);
}

static void test_other_protocols_have_no_session(void **state)
{
	struct site site = make_site(4);
	struct packet tcp = request_packet(4, PACKET_TCP);
	struct frame frame;

	(void)state;
	director_delete_service(site.slot);
	site.slot = director_add_service(&tcp, XLVS_SCHEDULER_rr);
	director_persist(site.slot, TIMEOUT_SEC, 0);
	director.services[site.slot].pe = XLVS_PE_sip;
	packet_build(&tcp, &frame);
	expect_dropped(&frame, XLVS_DROP_NO_SESSION);
}

static void test_without_persistence_the_engine_is_not_asked(void **state)
{
	struct site site = make_site(4);

	(void)state;
	director.services[site.slot].flags = 0;
	site.request.payload_bytes = 0;
	expect_forwarded(&site.request);
}

static void test_one_packet_scheduling_asks_for_each_datagram(void **state)
{
	struct site site = make_site(4);
	struct frame frame = message(&site, REQUEST "i: a\r\n"), out;

	(void)state;
	director.services[site.slot].flags |= XLVS_SVC_ONE_PACKET;
	for (int n = 0; n < 3; n++)
		expect_leaving(director_run(&frame, &out), INGRESS);
	assert_null(director_conn(&site.request));
	assert_int_equal(director.table.dests[site.dests[2]].conns, 3);
	frame = message(&site, REQUEST);
	expect_dropped(&frame, XLVS_DROP_NO_SESSION);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_of_one_call_go_to_one_destination),
		cmocka_unit_test(test_a_message_without_call_id_is_dropped),
		cmocka_unit_test(test_a_session_is_kept_whole),
		cmocka_unit_test(test_a_client_of_its_own_has_sessions_of_its_own),
		cmocka_unit_test(test_what_was_kept_ends_with_the_template),
		cmocka_unit_test(test_other_protocols_have_no_session),
		cmocka_unit_test(test_without_persistence_the_engine_is_not_asked),
		cmocka_unit_test(test_one_packet_scheduling_asks_for_each_datagram),
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
