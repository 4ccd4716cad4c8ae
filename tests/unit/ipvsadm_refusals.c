// SPDX-License-Identifier: GPL-2.0-or-later
/* What ipvsadm itself refuses has exit code 2 and changes nothing; what the director refuses is
 * printed in ipvsadm's words for that error, or else in the director's own, and has 255. */
#include "ipvsadm_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct {
	const char *line;
	const char *err;
} refused[] = {
	{"ipvsadm -A -t 192.0.2.1:81 -p abc", "invalid timeout value `abc' specified\n"},
	{"ipvsadm -A -t 192.0.2.1:81 -o",
	 "One-Packet Scheduling is only for UDP virtual services\n"},
	{"ipvsadm -A -f 0", "invalid fwmark value `0' specified\n"},
	{"ipvsadm -a -t 192.0.2.1:80 -r 192.0.2.2 -i --tun-type gue",
	 "You need to supply the 'tun-port' option for the 'gue' tunnel type\n"},
	{"ipvsadm -L --daemon --stats", "options conflicts in the list command\n"},
	{"ipvsadm -P -t 192.0.2.1:80",
	 "You need to supply the 'local-address' option for the 'add-laddr' command\n"},
	{"ipvsadm -Q -z 192.0.2.9",
	 "You need to supply the 'service-address' option for the 'del-laddr' command\n"},
	{"ipvsadm -P -t 192.0.2.1:80 -z 192.0.2.9:80", "illegal local address specified\n"},
	{"ipvsadm -G -z 192.0.2.9",
	 "Illegal 'local-address' option with the 'get-laddr' command\n"},
	{"ipvsadm -A -t 192.0.2.1:81 --fullnat",
	 "Illegal 'forwarding-method' option with the 'add-service' command\n"},
	{"ipvsadm -a -t 192.0.2.1:80 -r 192.0.2.2 -b -m",
	 "multiple 'forwarding-method' options specified\n"},
	{"ipvsadm -a -t 192.0.2.1:80 -r 192.0.2.2 -b sh-port", "unexpected argument sh-port\n"},
	{"ipvsadm -a -t 192.0.2.1:80 -r 192.0.2.2 -b --tun-type gre",
	 "Tunnel options conflict with forward method\n"},
	{"ipvsadm -a -t 192.0.2.1:80 -r 192.0.2.2 --mss-clamp 255",
	 "illegal maximum segment size specified, it is auto or 256 to 65495\n"},
	{"ipvsadm --start-daemon foo", "illegal start-daemon parameter specified\n"},
};

static const char listing[] =
	"IP Virtual Server version 1.2.1 (size=4096)\n"
	"Prot LocalAddress:Port Scheduler Flags\n"
	"  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n"
	"TCP  192.0.2.1:80 rr\n"
	"  -> 192.0.2.9:80                 Route   1      0          0         \n";

static int start(void **state)
{
	struct ipvsadm_fixture *fixture = calloc(1, sizeof(*fixture));

	fixture_start(fixture, NULL);
	fixture_expect(fixture, "ipvsadm -A -t 192.0.2.1:80 -s rr", 0, "", "");
	fixture_expect(fixture, "ipvsadm -a -t 192.0.2.1:80 -r 192.0.2.9", 0, "", "");
	*state = fixture;
	return 0;
}

static int stop(void **state)
{
	fixture_stop(*state);
	free(*state);
	return 0;
}

static void test_what_ipvsadm_refuses_changes_nothing(void **state)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		fixture_expect(*state, refused[i].line, 2, "", refused[i].err);
	fixture_expect(*state, "ipvsadm -Ln", 0, listing, "");
}

static void test_zero_thresholds_and_plain_ipip_are_accepted(void **state)
{
	fixture_expect(*state, "ipvsadm -a -t 192.0.2.1:80 -r 192.0.2.2 -i --tun-type ipip", 0, "",
		       "");
	fixture_expect(*state, "ipvsadm -e -t 192.0.2.1:80 -r 192.0.2.2 -x 0 -y 0", 0, "", "");
	fixture_expect(*state, "ipvsadm -d -t 192.0.2.1:80 -r 192.0.2.2", 0, "", "");
}

static void test_fullnat_has_a_method_of_its_own(void **state)
{
	fixture_expect(*state, "ipvsadm -a -t 192.0.2.1:80 -r 192.0.2.2:8080 -b", 0, "", "");
	fixture_expect(*state, "ipvsadm -a -t 192.0.2.1:80 -r [2001:db8::2]:81 --fullnat", 0, "",
		       "");
	fixture_expect(*state, "ipvsadm -Sn", 0,
		       "-A -t 192.0.2.1:80 -s rr\n"
		       "-a -t 192.0.2.1:80 -r 192.0.2.2:8080 -b -w 1\n"
		       "-a -t 192.0.2.1:80 -r 192.0.2.9:80 -g -w 1\n"
		       "-a -t 192.0.2.1:80 -r [2001:db8::2]:81 -b -w 1\n",
		       "");
	fixture_expect(*state, "ipvsadm -L -n", 0,
		       "IP Virtual Server version 1.2.1 (size=4096)\n"
		       "Prot LocalAddress:Port Scheduler Flags\n"
		       "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n"
		       "TCP  192.0.2.1:80 rr\n"
		       "  -> 192.0.2.2:8080               FullNat 1      0          0         \n"
		       "  -> 192.0.2.9:80                 Route   1      0          0         \n"
		       "  -> [2001:db8::2]:81             FullNat 1      0          0         \n",
		       "");
}

static void test_a_restore_stops_at_what_is_refused(void **state)
{
	struct printed printed = fixture_run(*state, "ipvsadm -R",
					     "-A -t 192.0.2.1:80\n"
					     "-A -t 192.0.2.1:81 -p abc\n"
					     "-C\n");

	assert_string_equal(printed.err,
			    "Service already exists\ninvalid timeout value `abc' specified\n");
	assert_string_equal(printed.out, "");
	assert_int_equal(printed.exit_code, 2);
	printed_free(&printed);
	fixture_expect(*state, "ipvsadm -Ln", 0, listing, "");
}

static void expect_refusal(int refusal, const char *text, const char *line, const char *err)
{
	struct fake_director *director = fake_new();
	struct ipvsadm_fixture fixture;

	director->refusal = refusal;
	director->refusal_text = text;
	fixture_start(&fixture, director);
	fixture_expect(&fixture, line, 255, "", err);
	fixture_stop(&fixture);
	free(director);
}

static void test_the_directors_own_sentence_is_printed_where_ipvs_has_none(void **state)
{
	(void)state;
	expect_refusal(-ENOSPC, "no room for more than 10 services", "ipvsadm -A -t 192.0.2.1:80",
		       "no room for more than 10 services\n");
	expect_refusal(-EOPNOTSUPP, "persistence is not supported", "ipvsadm -A -t 192.0.2.1:80",
		       "persistence is not supported\n");
	expect_refusal(-EOPNOTSUPP, NULL, "ipvsadm -A -t 192.0.2.1:80",
		       "Operation not supported with IPv6\n");
	expect_refusal(-ENOSPC, NULL, "ipvsadm -A -t 192.0.2.1:80", "No space left on device\n");
	expect_refusal(-EEXIST, "192.0.2.1:80 is there", "ipvsadm -A -t 192.0.2.1:80",
		       "Service already exists\n");
	expect_refusal(-ERANGE, "lower threshold above the upper one",
		       "ipvsadm -a -t 192.0.2.1:80 -r 192.0.2.2 -y 20",
		       "Numerical result out of range\n");
	expect_refusal(-EPERM, NULL, "ipvsadm -C", "Permission denied (you must be root)\n");
}

/* ipvsadm's sentences for what the kernel refuses: its own for an operation, else one for all. */
static void test_every_error_of_an_operation_has_its_sentence(void **state)
{
	static const struct {
		enum ipvsadm_verb verb;
		int error;
		const char *text;
	} rows[] = {
		{IPVSADM_ADD_SERVICE, EEXIST, "Service already exists"},
		{IPVSADM_ADD_SERVICE, ENOENT, "Scheduler or persistence engine not found"},
		{IPVSADM_EDIT_SERVICE, ENOENT, "Scheduler or persistence engine not found"},
		{IPVSADM_EDIT_SERVICE, ESRCH, "No such service"},
		{IPVSADM_DELETE_SERVICE, ESRCH, "No such service"},
		{IPVSADM_ZERO, ESRCH, "No such service"},
		{IPVSADM_ADD_SERVER, ESRCH, "Service not defined"},
		{IPVSADM_EDIT_SERVER, ESRCH, "Service not defined"},
		{IPVSADM_DELETE_SERVER, ESRCH, "Service not defined"},
		{IPVSADM_ADD_SERVER, EEXIST, "Destination already exists"},
		{IPVSADM_EDIT_SERVER, ENOENT, "No such destination"},
		{IPVSADM_DELETE_SERVER, ENOENT, "No such destination"},
		{IPVSADM_START_DAEMON, EEXIST, "Daemon has already run"},
		{IPVSADM_STOP_DAEMON, ESRCH, "No daemon is running"},
		{IPVSADM_ADD_SERVICE, ESRCH, "No such process"},
		{IPVSADM_ADD_SERVER, ENOENT, "No such file or directory"},
	};
	static const struct {
		int error;
		const char *text;
	} for_all[] = {
		{EPERM, "Permission denied (you must be root)"},
		{EINVAL,
		 "Invalid operation.  Possibly wrong module version, address not unicast, ..."},
		{ENOPROTOOPT, "Protocol not available"},
		{ENOMEM, "Memory allocation problem"},
		{EOPNOTSUPP, "Operation not supported with IPv6"},
		{EAFNOSUPPORT, "Operation not supported with specified address family"},
		{EMSGSIZE, "Module is wrong version"},
		{ERANGE, "Numerical result out of range"},
		{ENODEV, "No such device"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(xlvs_ipvsadm_error_text(rows[i].verb, -rows[i].error, NULL),
				    rows[i].text);
	for (enum ipvsadm_verb verb = IPVSADM_ADD_SERVICE; verb < IPVSADM_ADD_LADDR; verb++)
		for (size_t i = 0; i < sizeof(for_all) / sizeof(for_all[0]); i++)
			assert_string_equal(xlvs_ipvsadm_error_text(verb, -for_all[i].error, NULL),
					    for_all[i].text);
}

static void test_without_a_director_everything_fails_as_without_the_module(void **state)
{
	char program[] = "ipvsadm", word[] = "-h";
	char *argv[] = {program, word, NULL};
	char text[256] = "";
	int ends[2];
	int code;
	int kept = dup(STDERR_FILENO);

	(void)state;
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	code = xlvs_ipvsadm_main("xlvs-unit-nobody", 2, argv);
	dup2(kept, STDERR_FILENO);
	close(kept);
	close(ends[1]);
	assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
	close(ends[0]);
	assert_int_equal(code, 2);
	assert_string_equal(
		text, "Can't initialize ipvs: Protocol not available\n"
		      "Are you sure that IP Virtual Server is built in the kernel or as module?\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_ipvsadm_refuses_changes_nothing, start,
						stop),
		cmocka_unit_test_setup_teardown(test_zero_thresholds_and_plain_ipip_are_accepted,
						start, stop),
		cmocka_unit_test_setup_teardown(test_fullnat_has_a_method_of_its_own, start, stop),
		cmocka_unit_test_setup_teardown(test_a_restore_stops_at_what_is_refused, start,
						stop),
		cmocka_unit_test(test_the_directors_own_sentence_is_printed_where_ipvs_has_none),
		cmocka_unit_test(test_every_error_of_an_operation_has_its_sentence),
		cmocka_unit_test(test_without_a_director_everything_fails_as_without_the_module),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
