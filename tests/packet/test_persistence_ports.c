// SPDX-License-Identifier: GPL-2.0-or-later
/* Which service a packet is for when it is not the exact address and port alone that say so: all
 * ports, and the data of FTP; and which port such connections keep. */
#include "fixture.h"

enum {
	TIMEOUT_SEC = 60,
	FTP_PORT = 21,
	FTP_DATA_PORT = 20,
};

#define for_each_family(family) for (int family = 4; family <= 6; family += 2)

static uint32_t serve(const struct packet *request, uint16_t port, int server, uint16_t dest_port)
{
	struct packet example = *request;
	struct dest_words words = {
		.port = dest_port,
		.method = XLVS_FORWARD_nat,
		.address = server_address(request->family, server),
	};

	example.dport = port;
	return director_serve(&example, &words);
}

static uint32_t serve_persistent(const struct packet *request, uint16_t port, int server,
				 uint16_t dest_port)
{
	struct packet example = *request;
	uint32_t dest = serve(request, port, server, dest_port);

	example.dport = port;
	director_persist(director_slot(&example), TIMEOUT_SEC, 0);
	return dest;
}

static void expect_to_server(const struct packet *request, uint32_t dest, int server, uint16_t port)
{
	struct packet wanted = sent_to_dest(request, dest);
	struct frame in, out;

	wanted.to = server_address(request->family, server);
	wanted.dport = port;
	packet_build(request, &in);
	packet_build(&wanted, &out);
	expect_sent(&in, &out, INGRESS);
}

static void expect_answer_from(const struct packet *request, int server, uint16_t port)
{
	struct packet reply = reply_packet(request, server_address(request->family, server), port);
	struct packet wanted = sent_to_client(&reply);
	struct frame in, out;

	wanted.from = request->to;
	wanted.sport = request->dport;
	packet_build(&reply, &in);
	packet_build(&wanted, &out);
	expect_sent(&in, &out, director.client_ifindex);
}

static void expect_not_ours(const struct packet *request)
{
	struct frame frame;

	packet_build(request, &frame);
	expect_passed(&frame);
	assert_null(director_conn(request));
}

static void test_service_for_all_ports_keeps_the_clients_port(void **state)
{
	static const uint16_t ports[] = {80, 443, 8080, 1};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct packet request =
			request_packet(i % 2 ? 6 : 4, i / 2 ? PACKET_UDP : PACKET_TCP);
		uint32_t dest;

		director_reset();
		dest = serve_persistent(&request, 0, 1, SERVER_PORT);
		for (size_t n = 0; n < sizeof(ports) / sizeof(ports[0]); n++) {
			request.dport = ports[n];
			expect_to_server(&request, dest, 1, ports[n]);
			expect_to_server(&request, dest, 1, ports[n]);
			expect_answer_from(&request, 1, ports[n]);
		}
		assert_non_null(director_template(&request, 0));
		assert_int_equal(director.table.dests[dest].persistent, 1);
		expect_sound_table();
	}
}

static void test_service_for_one_port_translates_to_the_destinations(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct packet request = request_packet(family, PACKET_TCP);
		uint32_t dest;

		director_reset();
		dest = serve_persistent(&request, VIP_PORT, 1, SERVER_PORT);
		for (int n = 0; n < 3; n++) {
			expect_to_server(&request, dest, 1, SERVER_PORT);
			expect_answer_from(&request, 1, SERVER_PORT);
			request.sport++;
		}
		assert_non_null(director_template(&request, VIP_PORT));
		expect_sound_table();
	}
}

static void test_exact_port_comes_before_all_ports(void **state)
{
	(void)state;
	for_each_family(family)
	{
		struct packet request = request_packet(family, PACKET_TCP), other = request;
		uint32_t all, exact;

		director_reset();
		all = serve_persistent(&request, 0, 1, 0);
		exact = serve(&request, VIP_PORT, 2, 0);
		expect_to_server(&request, exact, 2, VIP_PORT);
		request.dport++;
		expect_to_server(&request, all, 1, VIP_PORT + 1);
		other.protocol = PACKET_UDP;
		expect_not_ours(&other);
		other = request;
		other.to = family == 4 ? "203.0.113.11" : "2001:db8:2::11";
		expect_not_ours(&other);
	}
}

static void test_all_ports_without_persistence_takes_nothing(void **state)
{
	struct packet request = request_packet(4, PACKET_TCP);

	(void)state;
	director_reset();
	serve(&request, 0, 1, 0);
	*director.lookups = XLVS_LOOKUP_PORT0;
	expect_no_dest(&request);
}

static void test_ftp_data_follows_its_client(void **state)
{
	static const uint16_t data_ports[] = {FTP_DATA_PORT, 1024, 65535};
	static const uint16_t other_ports[] = {80, 1023};

	(void)state;
	for_each_family(family)
	{
		struct packet request = request_packet(family, PACKET_TCP);
		uint32_t dest;

		director_reset();
		dest = serve_persistent(&request, FTP_PORT, 1, 2121);
		request.dport = FTP_PORT;
		expect_to_server(&request, dest, 1, 2121);
		for (size_t n = 0; n < 3; n++) {
			request.dport = data_ports[n];
			expect_to_server(&request, dest, 1, data_ports[n]);
		}
		assert_non_null(director_template(&request, 0));
		assert_int_equal(director.table.dests[dest].persistent, 1);
		for (size_t n = 0; n < 2; n++) {
			request.dport = other_ports[n];
			expect_not_ours(&request);
		}
		request = request_packet(family, PACKET_UDP);
		request.dport = 1024;
		expect_not_ours(&request);
		expect_sound_table();
	}
}

static void test_ftp_data_without_persistence_or_destination_is_the_hosts(void **state)
{
	struct packet request = request_packet(4, PACKET_TCP), control = request;
	uint32_t dest;

	(void)state;
	director_reset();
	control.dport = FTP_PORT;
	dest = serve(&request, FTP_PORT, 1, 0);
	*director.lookups = XLVS_LOOKUP_FTP;
	director.table.runtime->unprivileged_port = 1024;
	request.dport = 8080;
	expect_not_ours(&request);
	expect_to_server(&control, dest, 1, FTP_PORT);

	director_persist(director_slot(&control), TIMEOUT_SEC, 0);
	director_weigh_dest(director_slot(&control), dest, 0);
	expect_not_ours(&request);
	control.sport++;
	expect_no_dest(&control);
}

/* As in IPVS, a template's key does not tell the services of one address apart. */
static void test_template_for_all_ports_is_found_by_a_later_ftp_service(void **state)
{
	struct packet request = request_packet(4, PACKET_TCP), example = request;
	uint32_t all, ftp;

	(void)state;
	director_reset();
	example.dport = 0;
	all = serve_persistent(&request, 0, 1, 0);
	expect_to_server(&request, all, 1, VIP_PORT);
	director_delete_dest(director_slot(&example), all);
	director_delete_service(director_slot(&example));
	*director.lookups = 0;
	ftp = serve_persistent(&request, FTP_PORT, 2, 0);
	request.dport = FTP_PORT;
	expect_to_server(&request, ftp, 2, FTP_PORT);
	assert_int_equal(director.table.dests[all].persistent, 1);
	assert_int_equal(director.table.dests[ftp].persistent, 1);
	expect_sound_table();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service_for_all_ports_keeps_the_clients_port),
		cmocka_unit_test(test_service_for_one_port_translates_to_the_destinations),
		cmocka_unit_test(test_exact_port_comes_before_all_ports),
		cmocka_unit_test(test_all_ports_without_persistence_takes_nothing),
		cmocka_unit_test(test_ftp_data_follows_its_client),
		cmocka_unit_test(test_ftp_data_without_persistence_or_destination_is_the_hosts),
		cmocka_unit_test(test_template_for_all_ports_is_found_by_a_later_ftp_service),
	};

	return cmocka_run_group_tests(tests, director_set_up, director_tear_down);
}
