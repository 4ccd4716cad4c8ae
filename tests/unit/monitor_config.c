// SPDX-License-Identifier: GPL-2.0-or-later
/* What an ldirectord.cf means, and what is said of one that means nothing. */
#include "monitor_text.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void says(const char *text, bool original, const char *expected)
{
	char *problems;
	struct xlvs_ld_config *config = monitor_read(text, original, &problems);

	assert_string_equal(problems, expected);
	assert_int_equal(config == NULL, strstr(expected, "error:") != NULL);
	xlvs_ld_config_free(config);
	free(problems);
}

static void test_defaults_are_the_programs(void **state)
{
	struct xlvs_ld_config *config =
		monitor_config("virtual=203.0.113.80:80\n\treal=192.0.2.11 gate\n");
	const struct xlvs_ld_virtual *service = &config->virtuals[0];

	(void)state;
	assert_int_equal(config->n_virtuals, 1);
	assert_string_equal(config->logfile, "/var/log/ldirectord.log");
	assert_string_equal(service->id, "tcp:203.0.113.80:80");
	assert_string_equal(service->spec.scheduler, "wrr");
	assert_int_equal(service->service, XLVS_SERVICE_http);
	assert_int_equal(service->checktype, XLVS_LD_NEGOTIATE);
	assert_string_equal(service->request, "/");
	assert_string_equal(service->checkcommand, "/bin/true");
	assert_int_equal(service->settings.checktimeout_sec, 5);
	assert_int_equal(service->settings.negotiatetimeout_sec, 30);
	assert_int_equal(service->settings.checkinterval_sec, 10);
	assert_int_equal(service->settings.failurecount, 1);
	assert_int_equal(service->settings.quiescent, 0);
	assert_int_equal(service->settings.cleanstop, 1);
	assert_int_equal(service->settings.emailalertstatus, XLVS_LD_ALWAYS);
	assert_int_equal(config->readdquiescent, 0);
	assert_int_equal(service->n_reals, 1);
	assert_int_equal(service->reals[0].weight, 1);
	assert_int_equal(service->reals[0].method, XLVS_METHOD_DR);
	assert_string_equal(service->reals[0].name, "192.0.2.11:0");
	/* LVS rewrites ports by NAT alone. */
	assert_int_equal(ntohs(service->reals[0].key.port), 80);
	assert_int_equal(xlvs_ld_check_port(service, &service->reals[0]), 80);
	xlvs_ld_config_free(config);
}

static void test_timeouts_stand_in_for_each_other(void **state)
{
	static const struct {
		const char *general, *own;
		int check, negotiate;
	} rows[] = {
		{"", "", 5, 30},
		{"checktimeout=7\n", "", 7, 7},
		{"negotiatetimeout=8\n", "", 8, 8},
		{"checktimeout=7\nnegotiatetimeout=8\n", "", 7, 8},
		{"checktimeout=7\nnegotiatetimeout=8\n", "    checktimeout=2\n", 2, 2},
		{"negotiatetimeout=8\n", "    negotiatetimeout=3\n    checktimeout=1\n", 1, 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct xlvs_ld_config *config;
		char text[256];

		snprintf(text, sizeof(text), "virtual=1\n%s%s", rows[i].own, rows[i].general);
		config = monitor_config(text);
		assert_int_equal(config->virtuals[0].settings.checktimeout_sec, rows[i].check);
		assert_int_equal(config->virtuals[0].settings.negotiatetimeout_sec,
				 rows[i].negotiate);
		xlvs_ld_config_free(config);
	}
}

static void test_reals(void **state)
{
	struct xlvs_ld_config *config =
		monitor_config("virtual=203.0.113.80:80\n"
			       "    real=192.0.2.1:8080 masq 5 \"a.html\", \"O\"K\"\n"
			       "    real=192.0.2.2->192.0.2.4:www ipip 2 l:3 u:9\n"
			       "    real=web1->192.0.2.11 gate \"x\" \"y\" \"u:7\" \"l:1\"\n"
			       "    real=192.0.2.2:80 masq 4\n");
	const struct xlvs_ld_real *reals = config->virtuals[0].reals;

	(void)state;
	assert_int_equal(config->virtuals[0].n_reals, 5); /* the last is a twin of the second */
	assert_string_equal(reals[0].request, "/a.html");
	assert_string_equal(reals[0].receive, "O\"K");
	assert_int_equal(reals[0].weight, 5);
	assert_int_equal(ntohs(reals[0].key.port), 8080);
	assert_string_equal(reals[3].name, "192.0.2.4:80");
	assert_int_equal(reals[3].lower_threshold, 3);
	assert_int_equal(reals[3].upper_threshold, 9);
	assert_int_equal(reals[3].method, XLVS_METHOD_TUN);
	assert_string_equal(reals[4].host, "192.0.2.11");
	assert_int_equal(reals[4].upper_threshold, 7);
	assert_int_equal(reals[4].lower_threshold, 1);
	assert_string_equal(reals[4].receive, "y");
	xlvs_ld_config_free(config);
}

static void test_marks_and_ipv6(void **state)
{
	struct xlvs_ld_config *config =
		monitor_config("fallback=192.0.2.99 gate\nfallback6=[2001:db8::99]:81\n"
			       "virtual=7\n    real=192.0.2.11 gate\n    service=http\n"
			       "virtual6=7\n    real6=[2001:db8::1]:80 masq\n"
			       "virtual6=[2001:db8:0::80]:53\n    real6=web6 gate\n"
			       "    persistent=600\n    netmask=64\n    ops=yes\n"
			       "    fallback6=[2001:db8::98] ipip\n");
	const struct xlvs_ld_virtual *services = config->virtuals;

	(void)state;
	assert_string_equal(services[0].id, "fwm:7");
	assert_int_equal(services[0].spec.key.fwmark, 7);
	assert_string_equal(services[0].fallback->name, "192.0.2.99:0");
	assert_int_equal(services[0].reals[0].key.port, 0);
	assert_int_equal(xlvs_ld_check_port(&services[0], &services[0].reals[0]), 80);
	assert_string_equal(services[1].id, "fwm6:7");
	assert_int_equal(services[1].service, XLVS_SERVICE_none);
	assert_string_equal(services[1].fallback->name, "[2001:db8::99]:81");
	assert_string_equal(services[2].id, "udp:[2001:db8::80]:53");
	assert_int_equal(services[2].spec.key.protocol, IPPROTO_UDP);
	assert_int_equal(services[2].spec.netmask, 64);
	assert_int_equal(services[2].spec.flags, XLVS_SERVICE_PERSISTENT | XLVS_SERVICE_ONE_PACKET);
	assert_string_equal(services[2].fallback->name, "[2001:db8::98]:53");
	assert_string_equal(services[2].reals[0].host, "[2001:db8::6]");
	xlvs_ld_config_free(config);
}

static void test_every_directive(void **state)
{
	struct xlvs_ld_config *config = monitor_config(
		"checktimeout = 3\nnegotiatetimeout=4\ncheckinterval=5\nfailurecount=6\n"
		"risecount=2\nslowstart=30\nautoreload=yes  # trailing\ncallback=\"/x/y\"\n"
		"logfile=\"local0\"\nexecute=other.cf\nfork=yes\nsupervised=yes\n"
		"quiescent=yes   \nreaddquiescent=yes\ncleanstop=no\n"
		"emailalert=\"a@example.org, b@example.org\"\nemailalertfreq=0\n"
		"emailalertstatus=starting, running\nemailalertfrom=l <l@example.org>\n"
		"smtp=mail.example.org\nmaintenancedir=/x/m\nfallbackcommand=\"/x/f\" a\n"
		"virtual=203.0.113.80:443\n"
		"    checktype=3\n    service=https\n    checkport=8443\n"
		"    checktarget=virtual\n    tlsverify=host\n    tlscafile=\"/x/ca.pem\"\n"
		"    request=\"a#b\" # comment\n\n  # comment\n\treceive=\"x\"y\"\n"
		"    httpmethod=head\n    virtualhost=\"www.example.org\"\n    login=\"l\"\n"
		"    passwd=\"p\"\n    database=\"d\"\n    secret=\"s\"\n    scheduler=sh\n"
		"    schedflags=sh-fallback,sh-port\n    protocol=tcp\n    monitorfile=/x/mon\n"
		"    servicename=Web shop\n    comment=\n    quiescent=no\n    smtp=other\n"
		"cleanstop=yes\n");
	const struct xlvs_ld_virtual *service = &config->virtuals[0];

	(void)state;
	assert_int_equal(config->autoreload, 1);
	assert_string_equal(config->callback, "/x/y");
	assert_string_equal(config->logfile, "local0");
	assert_string_equal(config->executes[0], "other.cf");
	assert_string_equal(config->maintenancedir, "/x/m");
	assert_string_equal(config->emailalertfrom, "l <l@example.org>");
	assert_int_equal(config->supervised, 1);
	assert_string_equal(service->settings.emailalert, "a@example.org, b@example.org");
	assert_int_equal(service->settings.emailalertstatus, XLVS_LD_STARTING | XLVS_LD_RUNNING);
	assert_string_equal(service->settings.fallbackcommand, "\"/x/f\" a");
	assert_string_equal(service->settings.smtp, "other");
	assert_int_equal(service->settings.slowstart_sec, 30);
	assert_int_equal(service->settings.quiescent, 0);
	assert_int_equal(service->settings.cleanstop, 1);
	assert_int_equal(service->checktype, XLVS_LD_COMBINED);
	assert_int_equal(service->connects, 3);
	assert_int_equal(service->checkport, 8443);
	assert_int_equal(service->tlsverify, XLVS_LD_TLS_HOST);
	assert_true(service->checks_vip);
	assert_string_equal(service->tlscafile, "/x/ca.pem");
	assert_string_equal(service->request, "/a#b");
	assert_string_equal(service->receive, "x\"y");
	assert_true(service->http_head);
	assert_int_equal(service->spec.flags, XLVS_SERVICE_SCHED1 | XLVS_SERVICE_SCHED2);
	assert_string_equal(service->servicename, "Web shop");
	xlvs_ld_config_free(config);
}

static void test_every_problem_has_its_place(void **state)
{
	(void)state;
	says("quiescent=perhaps\n"
	     "nonsense = 3\n"
	     "    real=192.0.2.1 gate\n"
	     "virtual=10.0.0.1\n"
	     "    real=192.0.2.1:70000 gate\n"
	     "    real=192.0.2.1\n"
	     "    real=192.0.2.1 route\n"
	     "    real=192.0.2.1:80 gate -1\n"
	     "    real=192.0.2.6::5060 gate\n"
	     "    real=192.0.2.9->192.0.2.1 gate\n"
	     "    real=nowhere:80 gate\n"
	     "    real=192.0.2.1 gate \"only\"\n"
	     "    real6=[2001:db8::1] gate\n"
	     "    quiescent\n"
	     "    autoreload=yes\n"
	     "virtual=203.0.113.80:www\n    protocol=udp\n"
	     "virtual=203.0.113.80:80\nvirtual=web1:80\nvirtual=192.0.2.11:80\n"
	     "request=\"/\"\n",
	     false,
	     "1:11: error: expected yes or no\n"
	     "2:1: error: no such directive: nonsense\n"
	     "3:5: error: an indented line outside a virtual service: expected a virtual = line "
	     "before it, or no indentation\n"
	     "4:17: error: expected : and a port behind the address\n"
	     "5:20: error: expected a port of 0 to 65535 or the name of a service\n"
	     "6:19: error: expected gate, masq or ipip\n"
	     "7:20: error: expected gate, masq or ipip\n"
	     "8:28: error: expected a weight, \"request\", \"receive\", l:N or u:N\n"
	     "9:20: error: expected a port of 0 to 65535 or the name of a service\n"
	     "10:10: error: expected a range of 1 to 4096 addresses\n"
	     "11:10: error: nowhere: not an IPv4 address nor the name of one\n"
	     "12:31: error: expected a receive text behind the request\n"
	     "13:11: error: expected real = in a virtual service of this address family\n"
	     "14:14: error: expected = and a value after quiescent\n"
	     "15:5: error: autoreload is for all virtual services: expected no indentation\n"
	     "16:22: error: www: expected a port of 1 to 65535 or the name of a udp service\n"
	     "20:9: error: tcp:192.0.2.11:80 is already there, in line 19\n"
	     "21:1: error: request belongs to a virtual service: expected it indented below a "
	     "virtual = line\n");
}

static void test_what_cannot_be_checked_at_the_vip_is_refused(void **state)
{
	const char *const mark = "3:17: error: checktarget = virtual is not possible with a "
				 "firewall mark: it has no address\n";
	const char *const ping = "3:17: error: checktarget = virtual is not possible with a ping: "
				 "the director itself answers those of its virtual addresses\n";
	const char *const command = "3:17: error: checktarget = virtual is not possible with a "
				    "command\n";

	(void)state;
	says("virtual=7\n    service=http\n    checktarget=virtual\n", false, mark);
	says("virtual=203.0.113.80:80\n    checktype=ping\n    checktarget=virtual\n", false, ping);
	says("virtual=203.0.113.80:53\n    checktype=connect\n    checktarget=virtual\n", false,
	     ping);
	says("virtual=203.0.113.80:80\n    checktype=external\n    checktarget=virtual\n", false,
	     command);
	says("virtual=203.0.113.80:80\n    service=oracle\n    checktarget=virtual\n", false,
	     command);
	says("virtual=203.0.113.80:80\n    checktype=connect\n    checktarget=virtual\n", false,
	     "");
	says("virtual=203.0.113.80:80\n    checktype=on\n    checktarget=vip\n", false,
	     "3:17: error: expected real or virtual\n");
}

static void test_quirks_are_read_as_meant_or_as_the_original_reads_them(void **state)
{
	struct xlvs_ld_config *config;
	char *problems;

	(void)state;
	says("autoreload=yes \n", false, "");
	says("autoreload=yes \n", true, "1:12: error: expected yes or no\n");
	says("emailalertfreq=-5\n", true, "1:16: error: expected a whole number of at least 0\n");
	says("checktimeout=-5\n", false, "1:14: error: expected a whole number of at least 1\n");
	config = monitor_read("virtual=10.0.0.1\n"
			      "    real=192.0.2.1 gate 1 \"a\", \"b\" \"l:1\" \"u:2\"\n"
			      "    checktimeout = -5\n    checkinterval=3\n"
			      "execute=x # y\n",
			      true, &problems);
	assert_non_null(config);
	assert_int_equal(config->virtuals[0].spec.key.fwmark, 10);
	assert_int_equal(config->virtuals[0].settings.checktimeout_sec, 5);
	assert_int_equal(config->virtuals[0].settings.checkinterval_sec, 10);
	assert_int_equal(config->virtuals[0].reals[0].upper_threshold, 0);
	assert_string_equal(config->virtuals[0].reals[0].receive, "u:2");
	assert_string_equal(config->executes[0], "x # y");
	assert_string_equal(
		problems, "1:9: warning: checkinterval of fwm:10 is ignored without fork = yes\n");
	xlvs_ld_config_free(config);
	free(problems);
}

static void test_it_explains_itself(void **state)
{
	struct xlvs_ld_config *config =
		monitor_config("virtual=203.0.113.80:80\n    fallback=192.0.2.99\n"
			       "    real=192.0.2.11:8080 gate 3\n    checktarget=virtual\n");
	char *text = xlvs_ld_config_explain(config);

	(void)state;
	assert_string_equal(
		text, "log: /var/log/ldirectord.log\n"
		      "tcp:203.0.113.80:80, scheduler wrr\n"
		      "  check: negotiate http, every 10 s, time limit 30 s, of 203.0.113.80 on "
		      "each server\n"
		      "  down after 1 failed, up after 1 passed; a server that is down is removed\n"
		      "  fallback 192.0.2.99:80 gate when no server is up\n"
		      "  192.0.2.11:8080 gate weight 3, forwarded to port 80\n");
	free(text);
	xlvs_ld_config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_are_the_programs),
		cmocka_unit_test(test_timeouts_stand_in_for_each_other),
		cmocka_unit_test(test_reals),
		cmocka_unit_test(test_marks_and_ipv6),
		cmocka_unit_test(test_every_directive),
		cmocka_unit_test(test_every_problem_has_its_place),
		cmocka_unit_test(test_what_cannot_be_checked_at_the_vip_is_refused),
		cmocka_unit_test(test_quirks_are_read_as_meant_or_as_the_original_reads_them),
		cmocka_unit_test(test_it_explains_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
