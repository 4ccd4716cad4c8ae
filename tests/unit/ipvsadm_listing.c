// SPDX-License-Identifier: GPL-2.0-or-later
/* Listings' numbers and columns: large counters, wide names, connections of every kind, and the
 * order of services and dests. */
#include "ipvsadm_fixture.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/ipvsadm_format.h"

static struct xlvs_address address(const char *text)
{
	struct xlvs_address address = {0};

	inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, &address);
	return address;
}

static void add_service(struct fake_director *director, const char *text, uint16_t protocol,
			uint32_t fwmark)
{
	struct fake_service *service = &director->services[director->n_services++];
	struct xlvs_service_spec *spec = &service->info.spec;

	spec->key.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	spec->key.fwmark = fwmark;
	if (!fwmark) {
		spec->key.protocol = protocol;
		spec->key.address = address(text);
		spec->key.port = htons(80);
	}
	strcpy(spec->scheduler, "rr");
	service->dests = calloc(FAKE_DESTS_MAX, sizeof(*service->dests));
	assert_non_null(service->dests);
}

static struct xlvs_dest_info *add_dest(struct fake_director *director, const char *text)
{
	struct fake_service *service = &director->services[director->n_services - 1];
	struct xlvs_dest_info *dest = &service->dests[service->n_dests++];

	dest->spec.key.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	dest->spec.key.address = address(text);
	dest->spec.key.port = htons(80);
	dest->spec.method = XLVS_METHOD_TUN;
	dest->spec.weight = 1;
	return dest;
}

static void free_director(struct fake_director *director)
{
	for (size_t i = 0; i < director->n_services; i++)
		free(director->services[i].dests);
	free(director);
}

static void test_services_are_listed_by_wrapped_mark_family_protocol_address(void **state)
{
	struct fake_director *director = fake_new();
	struct ipvsadm_fixture fixture;

	(void)state;
	add_service(director, "192.0.2.1", 0, 5);
	add_service(director, "192.0.2.1", 0, 3000000000U);
	add_service(director, "2001:db8::1", IPPROTO_TCP, 0);
	add_service(director, "192.0.2.7", IPPROTO_UDP, 0);
	add_service(director, "198.51.100.1", IPPROTO_TCP, 0);
	add_service(director, "192.0.2.8", IPPROTO_TCP, 0);
	add_service(director, "2001:db8::1", 0, 6);
	fixture_start(&fixture, director);
	fixture_expect(&fixture, "ipvsadm -Sn", 0,
		       "-A -f -1294967296 -s rr\n"
		       "-A -t 192.0.2.8:80 -s rr\n"
		       "-A -t 198.51.100.1:80 -s rr\n"
		       "-A -u 192.0.2.7:80 -s rr\n"
		       "-A -t [2001:db8::1]:80 -s rr\n"
		       "-A -f 5 -s rr\n"
		       "-A -f 6 -6 -s rr\n",
		       "");
	fixture_stop(&fixture);
	free_director(director);
}

static void test_dests_of_both_families_are_listed_by_their_first_words(void **state)
{
	struct fake_director *director = fake_new();
	struct ipvsadm_fixture fixture;

	(void)state;
	add_service(director, "192.0.2.1", IPPROTO_TCP, 0);
	add_dest(director, "10.9.0.1");
	add_dest(director, "192.0.2.2");
	add_dest(director, "fd00::2");
	fixture_start(&fixture, director);
	fixture_expect(&fixture, "ipvsadm -Sn", 0,
		       "-A -t 192.0.2.1:80 -s rr\n"
		       "-a -t 192.0.2.1:80 -r 192.0.2.2:80 -i -w 1 --tun-type ipip\n"
		       "-a -t 192.0.2.1:80 -r [fd00::2]:80 -i -w 1 --tun-type ipip\n"
		       "-a -t 192.0.2.1:80 -r 10.9.0.1:80 -i -w 1 --tun-type ipip\n",
		       "");
	fixture_stop(&fixture);
	free_director(director);
}

#define STATS_TITLE                                                                        \
	"IP Virtual Server version 1.2.1 (size=4096)\n"                                    \
	"Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n" \
	"  -> RemoteAddress:Port\n"
#define RATE_TITLE                                                                         \
	"IP Virtual Server version 1.2.1 (size=4096)\n"                                    \
	"Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS\n" \
	"  -> RemoteAddress:Port\n"

static void test_large_counters_are_abbreviated_unless_exact(void **state)
{
	const struct xlvs_stats stats = {
		.total = {99999999, 100000000, 999999999, 1000000000, 18446744073709551615ULL},
		.conns_per_sec = 123456789,
		.in_packets_per_sec = 1,
		.out_packets_per_sec = 12345678,
		.in_bytes_per_sec = 99999999999,
		.out_bytes_per_sec = 100000000000,
	};
	struct fake_director *director = fake_new();
	struct ipvsadm_fixture fixture;

	(void)state;
	add_service(director, "192.0.2.1", IPPROTO_TCP, 0);
	director->services[0].info.stats = stats;
	add_dest(director, "2001:db8::2")->stats = stats;
	fixture_start(&fixture, director);
	fixture_expect(
		&fixture, "ipvsadm -Ln --stats", 0,
		STATS_TITLE
		"TCP  192.0.2.1:80                 99999999  100000K  999999K    1000M18446744T\n"
		"  -> [2001:db8::2]:80             99999999  100000K  999999K    1000M18446744T\n",
		"");
	fixture_expect(&fixture, "ipvsadm -Ln --stats --exact", 0,
		       STATS_TITLE
		       "TCP  192.0.2.1:80                 99999999 100000000 999999999 1000000000"
		       " 18446744073709551615\n"
		       "  -> [2001:db8::2]:80             99999999 100000000 999999999 1000000000"
		       " 18446744073709551615\n",
		       "");
	fixture_expect(
		&fixture, "ipvsadm -Ln --rate", 0,
		RATE_TITLE
		"TCP  192.0.2.1:80                  123456K        1 12345678   99999M     100G\n"
		"  -> [2001:db8::2]:80             123456789        1 12345678   99999M     100G\n",
		"");
	fixture_stop(&fixture);
	free_director(director);
}

#define CONN_TITLE                  \
	"IPVS connection entries\n" \
	"pro expire state       source             virtual            destination\n"

static struct xlvs_conn_entry conns[] = {
	{.family = AF_INET, .dest_family = AF_INET, .protocol = IPPROTO_TCP, .expires_sec = 898},
	{.family = AF_INET, .dest_family = AF_INET6, .protocol = IPPROTO_UDP, .expires_sec = 6000},
	{.family = AF_INET6, .dest_family = AF_INET6, .protocol = IPPROTO_SCTP, .expires_sec = 5},
	{.family = AF_INET,
	 .dest_family = AF_INET,
	 .protocol = IPPROTO_IP,
	 .expires_sec = 39,
	 .flags = XLVS_CONN_TEMPLATE},
};

static void fill_conn(struct xlvs_conn_entry *conn, const char *client, const char *service,
		      const char *dest, const char *name)
{
	conn->client = address(client);
	conn->virtual_address = address(service);
	conn->dest = address(dest);
	conn->client_port = htons(40000);
	conn->virtual_port = htons(80);
	conn->dest_port = htons(8080);
	strcpy(conn->state, name);
}

static void test_connections_are_listed_as_they_come(void **state)
{
	struct fake_director *director = fake_new();
	struct ipvsadm_fixture fixture;

	(void)state;
	fill_conn(&conns[0], "198.51.100.2", "192.0.2.1", "203.0.113.1", "ESTABLISHED");
	fill_conn(&conns[1], "198.51.100.2", "192.0.2.1", "2001:db8::7", "UDP");
	fill_conn(&conns[2], "2001:db8::2", "2001:db8::1", "2001:db8::7", "S-ACK-SENT");
	fill_conn(&conns[3], "198.51.100.0", "0.0.0.5", "203.0.113.1", "NONE");
	director->conns = conns;
	director->n_conns = 4;
	fixture_start(&fixture, director);
	fixture_expect(
		&fixture, "ipvsadm -Lnc", 0,
		CONN_TITLE
		"TCP 14:58  ESTABLISHED 198.51.100.2:40000 192.0.2.1:80       203.0.113.1:8080\n"
		"UDP 100:00 UDP         198.51.100.2:40000 192.0.2.1:80       [2001:db8::7]:8080\n"
		"SCTP 00:05  S-ACK-SENT  [2001:db8::2]:40000 [2001:db8::1]:80   "
		"[2001:db8::7]:8080\n"
		"IP  00:39  NONE        198.51.100.0:40000 0.0.0.5:80         203.0.113.1:8080\n",
		"");
	director->n_conns = 0;
	fixture_stop(&fixture);
	fixture_start(&fixture, director);
	fixture_expect(&fixture, "ipvsadm -Lnc --persistent-conn", 0,
		       "IPVS connection entries\n"
		       "pro expire state       source             virtual            destination  "
		       "      pe name          pe_data\n",
		       "");
	fixture_stop(&fixture);
	free_director(director);
}

static void test_connection_names_are_looked_up_by_protocol(void **state)
{
	struct fake_director *director = fake_new();
	struct ipvsadm_fixture fixture;

	(void)state;
	fill_conn(&conns[0], "127.0.0.1", "192.0.2.1", "203.0.113.1", "ESTABLISHED");
	director->conns = conns;
	director->n_conns = 1;
	fixture_start(&fixture, director);
	fixture_expect(&fixture, "ipvsadm -Lc", 0,
		       CONN_TITLE "TCP 14:58  ESTABLISHED localhost:40000    192.0.2.1:http     "
				  "203.0.113.1:http-alt\n",
		       "");
	fixture_stop(&fixture);
	free_director(director);
}

static void test_wide_listings_of_ipv6_push_the_columns(void **state)
{
	struct fake_director *director = fake_new();
	struct ipvsadm_fixture fixture;

	(void)state;
	add_service(director, "2001:db8:1111:2222:3333:4444:5555:6666", IPPROTO_TCP, 0);
	add_dest(director, "2001:db8:1111:2222:3333:4444:5555:7777");
	fixture_start(&fixture, director);
	fixture_expect(&fixture, "ipvsadm -Ln --stats", 0,
		       STATS_TITLE
		       "TCP  [2001:db8:1111:2222:3333:4444:5555:6666]:80        0        0        0"
		       "        0        0\n"
		       "  -> [2001:db8:1111:2222:3333:4444:5555:7777]:80        0        0        0"
		       "        0        0\n",
		       "");
	fixture_stop(&fixture);
	free_director(director);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_services_are_listed_by_wrapped_mark_family_protocol_address),
		cmocka_unit_test(test_dests_of_both_families_are_listed_by_their_first_words),
		cmocka_unit_test(test_large_counters_are_abbreviated_unless_exact),
		cmocka_unit_test(test_connections_are_listed_as_they_come),
		cmocka_unit_test(test_connection_names_are_looked_up_by_protocol),
		cmocka_unit_test(test_wide_listings_of_ipv6_push_the_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
