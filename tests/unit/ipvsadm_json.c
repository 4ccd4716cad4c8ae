// SPDX-License-Identifier: GPL-2.0-or-later
/* ipvsadm --json: every listing as a document that a parser reads, with all a director told. */
#include "ipvsadm_fixture.h"

#include "cli/ipvsadm_json.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NO_COUNTS \
	"{\"conns\": 0, \"in_packets\": 0, \"out_packets\": 0, \"in_bytes\": 0, \"out_bytes\": 0}"
#define NO_STATS "\"stats\": " NO_COUNTS ", \"rate\": " NO_COUNTS
#define HEAD	 "{\"version\": \"1.2.1\", \"size\": 4096, \"services\": ["

static struct ipvsadm_fixture fixture;

static void run(const char *line)
{
	fixture_expect(&fixture, line, 0, "", "");
}

static json_t *parse(const char *line)
{
	struct printed printed = fixture_run(&fixture, line, NULL);
	json_error_t error;
	json_t *document = json_loads(printed.out, 0, &error);

	if (!document)
		fail_msg("%s: %s in\n%s", line, error.text, printed.out);
	assert_int_equal(printed.exit_code, 0);
	printed_free(&printed);
	return document;
}

static void test_a_service_has_all_its_options(void **state)
{
	(void)state;
	run("ipvsadm -A -t 192.0.2.1:80 -s sh -p 50 -M 255.255.255.0 -b sh-port,flag-3");
	run("ipvsadm -A -u [2001:db8::1]:5060 -s rr -p -M 64 --pe sip -o");
	run("ipvsadm -A -f 7 -6");
	fixture_expect(
		&fixture, "ipvsadm -L --json", 0,
		HEAD
		"\n"
		"  {\"family\": \"ipv4\", \"protocol\": \"TCP\", \"address\": \"192.0.2.1\", "
		"\"port\": 80, \"scheduler\": \"sh\", \"flags\": [\"sh-port\", \"flag-3\"], "
		"\"persistence\": {\"timeout_sec\": 50, \"netmask\": \"255.255.255.0\"}, "
		"\"pe\": null, \"ops\": false, " NO_STATS ", \"destinations\": []},\n"
		"  {\"family\": \"ipv6\", \"protocol\": \"UDP\", \"address\": \"2001:db8::1\", "
		"\"port\": 5060, \"scheduler\": \"rr\", \"flags\": [], "
		"\"persistence\": {\"timeout_sec\": 360, \"prefix_length\": 64}, "
		"\"pe\": \"sip\", \"ops\": true, " NO_STATS ", \"destinations\": []},\n"
		"  {\"family\": \"ipv6\", \"fwmark\": 7, \"scheduler\": \"wlc\", \"flags\": [], "
		"\"persistence\": null, \"pe\": null, \"ops\": false, " NO_STATS
		", \"destinations\": []}\n]}\n",
		"");
	run("ipvsadm -C");
}

static void test_a_destination_has_all_its_options(void **state)
{
	(void)state;
	run("ipvsadm -A -t 192.0.2.1:80");
	run("ipvsadm -a -t 192.0.2.1:80 -r 203.0.113.1:8080 -m -w 5 -x 20 -y 10");
	run("ipvsadm -a -t 192.0.2.1:80 -r 203.0.113.2 -i --tun-type gue --tun-port 6080 "
	    "--tun-csum");
	run("ipvsadm -a -t 192.0.2.1:80 -r 203.0.113.3:8080 -b");
	fixture_expect(
		&fixture, "ipvsadm -L -t 192.0.2.1:80 --json --stats", 0,
		HEAD
		"\n"
		"  {\"family\": \"ipv4\", \"protocol\": \"TCP\", \"address\": \"192.0.2.1\", "
		"\"port\": 80, \"scheduler\": \"wlc\", \"flags\": [], \"persistence\": null, "
		"\"pe\": null, \"ops\": false, " NO_STATS ", \"destinations\": [\n"
		"    {\"family\": \"ipv4\", \"address\": \"203.0.113.1\", \"port\": 8080, "
		"\"forward\": \"Masq\", \"weight\": 5, \"upper_threshold\": 20, "
		"\"lower_threshold\": 10, \"tunnel\": null, \"toa_kind\": null, \"mss_clamp\": "
		"null, "
		"\"active\": 0, \"inactive\": 0, \"persistent\": 0, " NO_STATS "},\n"
		"    {\"family\": \"ipv4\", \"address\": \"203.0.113.2\", \"port\": 80, "
		"\"forward\": \"Tunnel\", \"weight\": 1, \"upper_threshold\": 0, "
		"\"lower_threshold\": 0, \"tunnel\": {\"type\": \"gue\", \"port\": 6080, "
		"\"checksum\": \"csum\"}, \"toa_kind\": null, \"mss_clamp\": null, \"active\": 0, "
		"\"inactive\": 0, \"persistent\": 0, " NO_STATS "},\n"
		"    {\"family\": \"ipv4\", \"address\": \"203.0.113.3\", \"port\": 8080, "
		"\"forward\": \"FullNat\", \"weight\": 1, \"upper_threshold\": 0, "
		"\"lower_threshold\": 0, \"tunnel\": null, \"toa_kind\": 254, \"mss_clamp\": null, "
		"\"active\": 0, \"inactive\": 0, \"persistent\": 0, " NO_STATS "}]}\n]}\n",
		"");
	run("ipvsadm -C");
}

static void test_timeouts_and_daemons(void **state)
{
	(void)state;
	fixture_expect(&fixture, "ipvsadm -L --timeout --json", 0,
		       "{\"tcp_sec\": 900, \"tcpfin_sec\": 120, \"udp_sec\": 300}\n", "");
	fixture_expect(&fixture, "ipvsadm -L --daemon --json", 0, "[]\n", "");
	run("ipvsadm --start-daemon master --mcast-interface lo --syncid 7");
	run("ipvsadm --start-daemon backup --mcast-interface lo --mcast-group ff02::81");
	fixture_expect(&fixture, "ipvsadm -L --daemon --json", 0,
		       "[\n{\"role\": \"master\", \"interface\": \"lo\", \"syncid\": 7, "
		       "\"maxlen\": 1472, \"group\": \"224.0.0.81\", \"port\": 8848, \"ttl\": 1},\n"
		       "{\"role\": \"backup\", \"interface\": \"lo\", \"syncid\": 0, "
		       "\"maxlen\": 1452, \"group\": \"ff02::81\", \"port\": 8848, \"ttl\": 1}\n"
		       "]\n",
		       "");
	run("ipvsadm --stop-daemon master");
	run("ipvsadm --stop-daemon backup");
}

static void test_nothing_is_an_empty_list(void **state)
{
	json_t *document = parse("ipvsadm -L --json");

	(void)state;
	assert_int_equal(json_array_size(json_object_get(document, "services")), 0);
	json_decref(document);
	document = parse("ipvsadm -L -c --json");
	assert_int_equal(json_array_size(document), 0);
	json_decref(document);
}

static void test_any_name_makes_a_well_formed_document(void **state)
{
	struct xlvs_service_info service = {.spec.key.family = AF_INET};
	char *text = NULL;
	size_t bytes;
	json_t *document;
	FILE *out;

	(void)state;
	for (unsigned int byte = 1; byte < 256; byte++) {
		snprintf(service.spec.scheduler, sizeof(service.spec.scheduler), "x%cy", (int)byte);
		out = open_memstream(&text, &bytes);
		xlvs_ipvsadm_json_service(out, &service);
		xlvs_ipvsadm_json_service_end(out);
		fclose(out);
		document = json_loads(text, 0, NULL);
		assert_non_null(document);
		assert_non_null(json_object_get(document, "scheduler"));
		json_decref(document);
		free(text);
	}
}

static void test_json_is_for_listings_alone(void **state)
{
	(void)state;
	fixture_expect(&fixture, "ipvsadm -S --json", 2, "",
		       "Illegal 'json' option with the 'save' command\n");
	fixture_expect(&fixture, "ipvsadm -L -t 192.0.2.1:80 --json", 1, "", "No such service\n");
}

static int start(void **state)
{
	(void)state;
	fixture_start(&fixture, NULL);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	fixture_stop(&fixture);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_service_has_all_its_options),
		cmocka_unit_test(test_a_destination_has_all_its_options),
		cmocka_unit_test(test_timeouts_and_daemons),
		cmocka_unit_test(test_nothing_is_an_empty_list),
		cmocka_unit_test(test_any_name_makes_a_well_formed_document),
		cmocka_unit_test(test_json_is_for_listings_alone),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
