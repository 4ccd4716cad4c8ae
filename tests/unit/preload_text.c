// SPDX-License-Identifier: GPL-2.0-or-later
/* The preload library's texts of /proc/net, line by line as a kernel was recorded to print them,
 * and what it makes of a program's messages. */
#include "preload/message.h"
#include "preload/proc_text.h"

#include "control/ipvs_abi.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

/* What was written to `out`, which is opened anew. */
static char *text;
static size_t text_bytes;
static FILE *out;

static int open_text(void **state)
{
	(void)state;
	out = open_memstream(&text, &text_bytes);
	return out ? 0 : -1;
}

static int close_text(void **state)
{
	(void)state;
	fclose(out);
	free(text);
	return 0;
}

static void assert_text(const char *expected)
{
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
	out = open_memstream(&text, &text_bytes);
	assert_non_null(out);
}

static void test_services_are_printed_as_the_kernel_does(void **state)
{
	struct xlvs_service_info service = {.spec = {
						    .key = {.family = AF_INET,
							    .protocol = 6,
							    .address = {{10, 9, 0, 1}},
							    .port = __builtin_bswap16(443)},
						    .scheduler = "rr",
					    }};

	(void)state;
	xlvs_proc_service(out, &service);
	assert_text("TCP  0A090001:01BB rr  \n");
	service.spec.key.protocol = 132;
	service.spec.key.port = __builtin_bswap16(2905);
	xlvs_proc_service(out, &service);
	assert_text("SCTP  0A090001:0B59 rr  \n");
	service.spec.key.protocol = 6;
	service.spec.key.port = 0;
	service.spec.flags = XLVS_SERVICE_PERSISTENT;
	service.spec.timeout_sec = 360;
	service.spec.netmask = 0xffffffff;
	strcpy(service.spec.scheduler, "wlc");
	xlvs_proc_service(out, &service);
	assert_text("TCP  0A090001:0000 wlc  persistent 90000 FFFFFFFF\n");
	service.spec.netmask = 0x00ffffff;
	service.spec.flags |= XLVS_SERVICE_ONE_PACKET;
	service.spec.timeout_sec = 60;
	xlvs_proc_service(out, &service);
	assert_text("TCP  0A090001:0000 wlc ops  persistent 15000 FFFFFF00\n");
	*service.spec.scheduler = '\0';
	service.spec.flags = 0;
	service.spec.key.port = __builtin_bswap16(0x65);
	xlvs_proc_service(out, &service);
	assert_text("TCP  0A090001:0065 none  \n");
}

static void test_services_of_ipv6_and_marks_are_printed_as_the_kernel_does(void **state)
{
	struct xlvs_service_info service = {.spec = {
						    .key = {.family = AF_INET6,
							    .protocol = 6,
							    .address = {{0xfd, [15] = 1}},
							    .port = __builtin_bswap16(0x5a)},
						    .scheduler = "wlc",
						    .flags = XLVS_SERVICE_PERSISTENT,
						    .timeout_sec = 60,
						    .netmask = 64,
					    }};

	(void)state;
	xlvs_proc_service(out, &service);
	assert_text("TCP  [fd00:0000:0000:0000:0000:0000:0000:0001]:005A wlc "
		    "persistent 15000 40000000\n");
	service.spec.key = (struct xlvs_service_key){.family = AF_INET, .fwmark = 5};
	strcpy(service.spec.scheduler, "rr");
	service.spec.timeout_sec = 40;
	service.spec.netmask = 0xffffffff;
	xlvs_proc_service(out, &service);
	assert_text("FWM  00000005 rr persistent 10000 FFFFFFFF\n");
}

static void test_destinations_are_printed_as_the_kernel_does(void **state)
{
	struct xlvs_dest_info dest = {
		.spec = {.key = {AF_INET, {{10, 1, 0, 13}}, 0},
			 .method = XLVS_METHOD_NAT,
			 .weight = 1},
		.inactive = 3,
	};

	(void)state;
	xlvs_proc_dest(out, &dest);
	assert_text("  -> 0A01000D:0000      Masq    1      0          3         \n");
	dest.spec.key = (struct xlvs_dest_key){
		AF_INET6, {{0xfd, 0, 0, 1, [15] = 0x11}}, __builtin_bswap16(80)};
	dest.spec.method = XLVS_METHOD_TUN;
	dest.active = 1;
	xlvs_proc_dest(out, &dest);
	assert_text("  -> [fd00:0001:0000:0000:0000:0000:0000:0011]:0050      Tunnel  1      "
		    "1          3         \n");
}

static void test_connections_are_printed_as_the_kernel_does(void **state)
{
	struct xlvs_conn_entry conn = {
		.family = AF_INET,
		.dest_family = AF_INET,
		.protocol = 6,
		.client_port = __builtin_bswap16(40000),
		.virtual_port = __builtin_bswap16(80),
		.dest_port = __builtin_bswap16(80),
		.expires_sec = 898,
		.client = {{10, 0, 0, 2}},
		.virtual_address = {{10, 0, 0, 100}},
		.dest = {{10, 1, 0, 13}},
		.state = "ESTABLISHED",
	};

	(void)state;
	xlvs_proc_conns_header(out);
	assert_text("Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName "
		    "PEData\n");
	xlvs_proc_conn(out, &conn, NULL);
	assert_text("TCP 0A000002 9C40 0A000064 0050 0A01000D 0050 ESTABLISHED     898\n");
	xlvs_proc_conns_origin_header(out);
	xlvs_proc_conn_origin(out, &conn);
	assert_text("Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Origin Expires\n"
		    "TCP 0A000002 9C40 0A000064 0050 0A01000D 0050 ESTABLISHED LOCAL      898\n");
	conn.dest_family = AF_INET6;
	conn.dest = (struct xlvs_address){{0xfd, 0, 0, 1, [15] = 0x11}};
	conn.client_port = __builtin_bswap16(7030);
	conn.client = (struct xlvs_address){{10, 0, 0, 3}};
	conn.expires_sec = 57;
	strcpy(conn.state, "SYN_RECV");
	xlvs_proc_conn(out, &conn, NULL);
	assert_text("TCP 0A000003 1B76 0A000064 0050 fd00:0001:0000:0000:0000:0000:0000:0011 0050 "
		    "SYN_RECV         57\n");
}

static void test_totals_are_printed_as_the_kernel_does(void **state)
{
	const struct xlvs_stats stats = {{8, 0x1f, 0x17, 0x68c, 0x504}, 1, 4, 3, 0xcc, 0x9d};

	(void)state;
	xlvs_proc_stats(out, &stats);
	assert_text("   Total Incoming Outgoing         Incoming         Outgoing\n"
		    "   Conns  Packets  Packets            Bytes            Bytes\n"
		    "       8       1F       17              68C              504\n"
		    "\n"
		    " Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n"
		    "       1        4        3               CC               9D\n");
}

struct question {
	struct nlmsghdr header;
	struct genlmsghdr genl;
	struct nlattr attribute;
	char name[8];
};

static const struct question resolve = {
	.header = {.nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN + NLA_HDRLEN + 5,
		   .nlmsg_type = GENL_ID_CTRL,
		   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		   .nlmsg_seq = 7},
	.genl = {.cmd = CTRL_CMD_GETFAMILY},
	.attribute = {.nla_len = NLA_HDRLEN + 5, .nla_type = CTRL_ATTR_FAMILY_NAME},
	.name = "IPVS",
};

static void test_only_the_question_for_ipvs_is_taken(void **state)
{
	struct question question = resolve;

	(void)state;
	assert_int_equal(xlvs_message_kind(&question, sizeof(question)), XLVS_MESSAGE_RESOLVE);
	question.header.nlmsg_flags |= NLM_F_DUMP;
	assert_int_equal(xlvs_message_kind(&question, sizeof(question)), XLVS_MESSAGE_FOREIGN);
	question = resolve;
	question.name[3] = 'X';
	assert_int_equal(xlvs_message_kind(&question, sizeof(question)), XLVS_MESSAGE_FOREIGN);
	question = resolve;
	question.genl.cmd = CTRL_CMD_NEWFAMILY;
	assert_int_equal(xlvs_message_kind(&question, sizeof(question)), XLVS_MESSAGE_FOREIGN);
	question = resolve;
	question.attribute.nla_len = 2;
	assert_int_equal(xlvs_message_kind(&question, sizeof(question)), XLVS_MESSAGE_FOREIGN);
	for (size_t bytes = 0; bytes < NLMSG_HDRLEN + GENL_HDRLEN + NLA_HDRLEN + 4; bytes++)
		assert_int_equal(xlvs_message_kind(&resolve, bytes), XLVS_MESSAGE_FOREIGN);
	question.header.nlmsg_type = XLVS_FAMILY_IPVS;
	assert_int_equal(xlvs_message_kind(&question, sizeof(question)), XLVS_MESSAGE_IPVS);
}

static void test_an_answer_ends_with_its_ack_or_its_done(void **state)
{
	struct nlmsghdr request = {.nlmsg_seq = 9, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK};
	struct nlmsghdr answers[2] = {
		{.nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = XLVS_FAMILY_IPVS, .nlmsg_seq = 9},
		{.nlmsg_len = NLMSG_HDRLEN, .nlmsg_type = NLMSG_DONE, .nlmsg_seq = 8},
	};

	(void)state;
	assert_false(xlvs_message_is_end(&request, answers, sizeof(answers)));
	answers[1].nlmsg_seq = 9;
	assert_true(xlvs_message_is_end(&request, answers, sizeof(answers)));
	assert_false(xlvs_message_is_end(&request, answers, sizeof(answers[0])));
	request.nlmsg_flags = NLM_F_REQUEST;
	assert_true(xlvs_message_is_end(&request, answers, sizeof(answers[0])));
	answers[0].nlmsg_flags = NLM_F_MULTI;
	assert_false(xlvs_message_is_end(&request, answers, sizeof(answers[0])));
}

static void test_a_refusal_answers_its_request(void **state)
{
	struct xlvs_message_error refusal;

	(void)state;
	xlvs_message_refuse(&resolve.header, -EBUSY, &refusal);
	assert_int_equal(refusal.header.nlmsg_len, sizeof(refusal));
	assert_int_equal(refusal.error.error, -EBUSY);
	assert_true(xlvs_message_is_end(&resolve.header, &refusal, sizeof(refusal)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_services_are_printed_as_the_kernel_does,
						open_text, close_text),
		cmocka_unit_test_setup_teardown(
			test_services_of_ipv6_and_marks_are_printed_as_the_kernel_does, open_text,
			close_text),
		cmocka_unit_test_setup_teardown(test_destinations_are_printed_as_the_kernel_does,
						open_text, close_text),
		cmocka_unit_test_setup_teardown(test_connections_are_printed_as_the_kernel_does,
						open_text, close_text),
		cmocka_unit_test_setup_teardown(test_totals_are_printed_as_the_kernel_does,
						open_text, close_text),
		cmocka_unit_test(test_only_the_question_for_ipvs_is_taken),
		cmocka_unit_test(test_an_answer_ends_with_its_ack_or_its_done),
		cmocka_unit_test(test_a_refusal_answers_its_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
