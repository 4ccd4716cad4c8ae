// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages on the wire: those that the kernel and Debian's ipvsadm were captured to exchange are
 * understood and, where they come from us, the same byte for byte; and what is encoded is what is
 * decoded. */
#include "base/error.h"
#include "control/answer.h"
#include "control/reply.h"
#include "control/request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/msg.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

/* Captured with family number 0x20, which is ours as well. */
static const char add_service_hex[] =
	"68000000200005004eb9026b4d01c0ca01010000540001800600010002000000060002000600000014000300"
	"0a000064000000000000000000000000060004000050000007000600727200000c00070001000000ffffffff"
	"080008003200000008000900ffffffff";
static const char add_dest_hex[] =
	"c8000000200005004eb9026b4f01c0ca05010000540001800600010002000000060002000600000014000300"
	"0a000064000000000000000000000000060004000050000005000600000000000c00070000000000ffffffff"
	"080008000000000008000900ffffffff6000028006000b0002000000140001000a01000b0000000000000000"
	"00000000060002001f9000000800030000000000080004000500000005000d000000000006000e0000000000"
	"06000f000000000008000500000000000800060000000000";
static const char get_services_hex[] = "14000000200005034fb9026b510180d304010000";
static const char get_dests_hex[] =
	"44000000200005034fb9026b510140fe08010000300001800600010002000000060002000600000014000300"
	"0a0000640000000000000000000000000600040000500000";
static const char get_info_hex[] = "14000000200005004eb9026b4d0100a00f010000";
static const char get_family_hex[] =
	"20000000100005004db9026b4d01408d03010000090002004950565300000000";
static const char service_hex[] =
	"40010000200002004fb9026b510180d3010100002c0101000600010002000000060002000600000014000300"
	"0a000064000000000000000000000000060004000050000007000600727200000c00070003000000ffffffff"
	"080008003200000008000900ffffffff5c000a00080001000000000008000200000000000800030000000000"
	"0c00040000000000000000000c00050000000000000000000800060000000000080007000000000008000800"
	"00000000080009000000000008000a00000000007c000c000c00010000000000000000000c00020000000000"
	"000000000c00030000000000000000000c00040000000000000000000c00050000000000000000000c000600"
	"00000000000000000c00070000000000000000000c00080000000000000000000c0009000000000000000000"
	"0c000a000000000000000000";
static const char dest_hex[] =
	"64010000200002004fb9026b510140fe0501000050010200140001000a01000b000000000000000000000000"
	"060002001f9000000800030000000000080004000500000005000d000000000006000e000000000006000f00"
	"0000000008000500000000000800060000000000080007000000000008000800000000000800090000000000"
	"06000b00020000005c000a000800010000000000080002000000000008000300000000000c00040000000000"
	"000000000c000500000000000000000008000600000000000800070000000000080008000000000008000900"
	"0000000008000a00000000007c000c000c00010000000000000000000c00020000000000000000000c000300"
	"00000000000000000c00040000000000000000000c00050000000000000000000c0006000000000000000000"
	"0c00070000000000000000000c00080000000000000000000c00090000000000000000000c000a0000000000"
	"00000000";
static const char config_hex[] =
	"2c0000002000000050b9026b530140d30c01000008000400840300000800050078000000080006002c010000";
static const char info_hex[] =
	"24000000200000004eb9026b4d0100a00e01000008000100010201000800020000100000";
static const char ack_hex[] =
	"24000000020000014eb9026b4d01c0ca0000000068000000200005004eb9026b4d01c0ca";
static const char done_hex[] = "14000000030002004fb9026b510180d300000000";

struct datagram {
	_Alignas(struct nlmsghdr) uint8_t data[XLVS_DATAGRAM_MAX_BYTES];
	size_t bytes;
};

static struct datagram wire; /* of the test at hand */

static void from_hex(const char *hex)
{
	unsigned int byte;

	wire.bytes = strlen(hex) / 2;
	for (size_t i = 0; i < wire.bytes; i++) {
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		wire.data[i] = (uint8_t)byte;
	}
}

static const struct nlmsghdr *message(void)
{
	return (const struct nlmsghdr *)(const void *)wire.data;
}

static struct xlvs_request decode(const char *hex)
{
	struct xlvs_request request;

	from_hex(hex);
	assert_int_equal(xlvs_request_decode(wire.data, wire.bytes, &request), 0);
	return request;
}

static const struct xlvs_service_key key = {
	.family = AF_INET, .protocol = IPPROTO_TCP, .address = {{10, 0, 0, 100}}};

static void assert_key(const struct xlvs_service_key *got)
{
	struct xlvs_service_key expected = key;

	expected.port = htons(80);
	assert_memory_equal(got, &expected, sizeof(expected));
}

static void test_captured_add_service_is_understood(void **state)
{
	struct xlvs_request request = decode(add_service_hex);

	(void)state;
	assert_int_equal(request.family, XLVS_FAMILY_IPVS);
	assert_int_equal(request.command, IPVS_CMD_NEW_SERVICE);
	assert_false(request.dump);
	assert_true(request.wants_ack);
	assert_int_equal(request.sequence, 0x6b02b94e);
	assert_int_equal(request.given, XLVS_GIVEN_SERVICE_KEY | XLVS_GIVEN_SERVICE_FULL);
	assert_key(&request.service.key);
	assert_string_equal(request.service.scheduler, "rr");
	assert_string_equal(request.service.pe, "");
	assert_int_equal(request.service.flags, XLVS_SERVICE_PERSISTENT);
	assert_int_equal(request.service.flags_mask, ~0U);
	assert_int_equal(request.service.timeout_sec, 50);
	assert_int_equal(request.service.netmask, ~0U);
}

static void test_captured_add_dest_is_understood(void **state)
{
	struct xlvs_request request = decode(add_dest_hex);
	const struct xlvs_dest_key dest_key = {AF_INET, {{10, 1, 0, 11}}, htons(8080)};

	(void)state;
	assert_int_equal(request.command, IPVS_CMD_NEW_DEST);
	assert_int_equal(request.given,
			 XLVS_GIVEN_SERVICE_KEY | XLVS_GIVEN_DEST_KEY | XLVS_GIVEN_DEST_FULL);
	assert_key(&request.service.key);
	assert_memory_equal(&request.dest.key, &dest_key, sizeof(dest_key));
	assert_int_equal(request.dest.method, XLVS_METHOD_NAT);
	assert_int_equal(request.dest.weight, 5);
}

static void test_captured_queries_are_understood(void **state)
{
	struct xlvs_request request = decode(get_services_hex);

	(void)state;
	assert_int_equal(request.command, IPVS_CMD_GET_SERVICE);
	assert_true(request.dump);
	assert_int_equal(request.given, 0);
	request = decode(get_dests_hex);
	assert_int_equal(request.command, IPVS_CMD_GET_DEST);
	assert_true(request.dump);
	assert_int_equal(request.given, XLVS_GIVEN_SERVICE_KEY);
	assert_key(&request.service.key);
	request = decode(get_info_hex);
	assert_int_equal(request.command, IPVS_CMD_GET_INFO);
	request = decode(get_family_hex);
	assert_int_equal(request.family, XLVS_FAMILY_CONTROL);
	assert_string_equal(request.family_name, "IPVS");
}

/* Encode and leave the message in `wire`. */
static void encode(const struct xlvs_request *request)
{
	struct nl_msg *made;

	assert_int_equal(xlvs_request_encode(request, &made), 0);
	wire.bytes = nlmsg_hdr(made)->nlmsg_len;
	memcpy(wire.data, nlmsg_hdr(made), wire.bytes);
	nlmsg_free(made);
}

static void assert_wire(const char *hex)
{
	struct datagram made = wire;

	from_hex(hex);
	assert_int_equal(made.bytes, wire.bytes);
	assert_memory_equal(made.data, wire.data, made.bytes);
}

static void test_our_requests_are_ipvsadms_byte_for_byte(void **state)
{
	static const char *const captured[] = {add_service_hex, get_services_hex, get_dests_hex,
					       get_info_hex, get_family_hex};

	(void)state;
	for (size_t i = 0; i < sizeof(captured) / sizeof(captured[0]); i++) {
		struct xlvs_request request = decode(captured[i]);

		encode(&request);
		assert_wire(captured[i]);
	}
}

static int keep(void *context, const void *datagram, size_t bytes)
{
	(void)context;
	assert_true(bytes <= sizeof(wire.data));
	memcpy(wire.data, datagram, bytes);
	wire.bytes = bytes;
	return 0;
}

static struct xlvs_reply reply_to(const char *hex)
{
	struct xlvs_request request = decode(hex);
	struct xlvs_reply reply;

	xlvs_reply_init(&reply, &request, keep, NULL);
	return reply;
}

static void test_our_answers_are_the_kernels_byte_for_byte(void **state)
{
	struct xlvs_service_info service = {.spec = decode(add_service_hex).service};
	struct xlvs_dest_info dest = {.spec = decode(add_dest_hex).dest};
	struct xlvs_reply reply = reply_to(get_services_hex);

	(void)state;
	service.spec.flags |= XLVS_SERVICE_HASHED;
	assert_int_equal(xlvs_reply_service(&reply, &service), 0);
	assert_wire(service_hex);
	assert_int_equal(xlvs_reply_done(&reply, 0), 0);
	assert_wire(done_hex);

	reply = reply_to(get_dests_hex);
	assert_int_equal(xlvs_reply_dest(&reply, &dest), 0);
	assert_wire(dest_hex);

	reply = reply_to(get_info_hex);
	assert_int_equal(xlvs_reply_info(&reply, &(struct xlvs_director_info){0x10201, 4096}), 0);
	assert_wire(info_hex);
}

/* The header of the acknowledged message is returned without its flags and length. */
static void test_acks_have_the_kernels_form(void **state)
{
	struct xlvs_reply reply = reply_to(add_service_hex);
	struct datagram ours;

	(void)state;
	assert_int_equal(xlvs_reply_end(&reply, 0, NULL), 0);
	ours = wire;
	from_hex(ack_hex);
	assert_int_equal(ours.bytes, wire.bytes);
	assert_memory_equal(ours.data, wire.data, NLMSG_HDRLEN + sizeof(int));
}

static void test_the_kernels_answers_are_understood(void **state)
{
	struct xlvs_service_info service;
	struct xlvs_director_info info;
	struct xlvs_timeouts timeouts;
	struct xlvs_dest_info dest;
	enum xlvs_answer_kind kind;
	int code = -1;

	(void)state;
	from_hex(service_hex);
	assert_int_equal(xlvs_answer_kind(message(), wire.bytes, &kind, &code, NULL), 0);
	assert_int_equal(kind, XLVS_ANSWER_DATA);
	assert_int_equal(xlvs_answer_service(message(), &service), 0);
	assert_key(&service.spec.key);
	assert_string_equal(service.spec.scheduler, "rr");
	assert_int_equal(service.spec.timeout_sec, 50);
	from_hex(dest_hex);
	assert_int_equal(xlvs_answer_dest(message(), &dest), 0);
	assert_int_equal(ntohs(dest.spec.key.port), 8080);
	assert_int_equal(dest.spec.weight, 5);
	from_hex(config_hex);
	assert_int_equal(xlvs_answer_config(message(), &timeouts), 0);
	assert_int_equal(timeouts.tcp_sec, 900);
	assert_int_equal(timeouts.tcp_fin_sec, 120);
	assert_int_equal(timeouts.udp_sec, 300);
	from_hex(info_hex);
	assert_int_equal(xlvs_answer_info(message(), &info), 0);
	assert_int_equal(info.connection_table_size, 4096);
	from_hex(ack_hex);
	assert_int_equal(xlvs_answer_kind(message(), wire.bytes, &kind, &code, NULL), 0);
	assert_int_equal(kind, XLVS_ANSWER_END);
	assert_int_equal(code, 0);
}

static const struct xlvs_service_spec full_service = {
	.key = {.family = AF_INET6,
		.protocol = IPPROTO_UDP,
		.address = {{0x20, 1, 0xd, 0xb8}},
		.port = 0x3500},
	.scheduler = "averyverylongna",
	.pe = "sixteencharacter",
	.flags = XLVS_SERVICE_PERSISTENT | XLVS_SERVICE_SCHED3,
	.flags_mask = 0x7fffffff,
	.timeout_sec = 2678400,
	.netmask = 64,
};

static const struct xlvs_dest_spec full_dest = {
	.key = {AF_INET6, {{0x20, 1, 0xd, 0xb8, 9}}, 0x5000},
	.method = XLVS_METHOD_TUN,
	.weight = 2147483647,
	.upper_threshold = 4000000000U,
	.lower_threshold = 3000000000U,
	.tunnel_type = XLVS_TUNNEL_GUE,
	.tunnel_port = 0x1817,
	.tunnel_flags = 2,
};

static void assert_same_request(const struct xlvs_request *sent)
{
	struct xlvs_request received;

	encode(sent);
	assert_int_equal(xlvs_request_decode(wire.data, wire.bytes, &received), 0);
	assert_int_equal(received.family, sent->family);
	assert_int_equal(received.command, sent->command);
	assert_int_equal(received.dump, sent->dump);
	assert_int_equal(received.given, sent->given);
	assert_memory_equal(&received.service, &sent->service, sizeof(sent->service));
	assert_memory_equal(&received.dest, &sent->dest, sizeof(sent->dest));
	assert_memory_equal(&received.timeouts, &sent->timeouts, sizeof(sent->timeouts));
	assert_memory_equal(&received.sync, &sent->sync, sizeof(sent->sync));
	assert_memory_equal(&received.local, &sent->local, sizeof(sent->local));
	assert_string_equal(received.setting, sent->setting);
	assert_string_equal(received.value, sent->value);
}

static void test_requests_survive_the_wire(void **state)
{
	static struct xlvs_request service = {
		.family = XLVS_FAMILY_IPVS,
		.command = IPVS_CMD_SET_SERVICE,
		.given = XLVS_GIVEN_SERVICE_KEY | XLVS_GIVEN_SERVICE_FULL,
	};
	static struct xlvs_request dest = {
		.family = XLVS_FAMILY_IPVS,
		.command = IPVS_CMD_SET_DEST,
		.given = XLVS_GIVEN_SERVICE_KEY | XLVS_GIVEN_DEST_KEY | XLVS_GIVEN_DEST_FULL,
	};
	static const struct xlvs_request timeouts = {
		.family = XLVS_FAMILY_IPVS,
		.command = IPVS_CMD_SET_CONFIG,
		.timeouts = {100, 0, 50},
	};
	static const struct xlvs_request sync = {
		.family = XLVS_FAMILY_IPVS,
		.command = IPVS_CMD_NEW_DAEMON,
		.given = XLVS_GIVEN_SYNC,
		.sync = {XLVS_SYNC_BACKUP, "eth0", 7, 2000, AF_INET6, {{0xff, 2, 9}}, 9999, 3},
	};
	static const struct xlvs_request conns = {
		.family = XLVS_FAMILY_XLVS, .command = XLVS_CMD_GET_CONNS, .dump = true};
	static const struct xlvs_request setting = {
		.family = XLVS_FAMILY_XLVS,
		.command = XLVS_CMD_SET_SETTING,
		.given = XLVS_GIVEN_SETTING,
		.setting = "sync_threshold",
		.value = "3 50",
	};
	static struct xlvs_request local = {
		.family = XLVS_FAMILY_XLVS,
		.command = XLVS_CMD_NEW_LADDR,
		.given = XLVS_GIVEN_SERVICE_KEY | XLVS_GIVEN_LOCAL,
		.local = {AF_INET, {{192, 0, 2, 9}}},
	};

	(void)state;
	service.service = full_service;
	assert_same_request(&service);
	dest.service.key = full_service.key;
	dest.dest = full_dest;
	assert_same_request(&dest);
	dest.command = IPVS_CMD_DEL_DEST;
	dest.given = XLVS_GIVEN_SERVICE_KEY | XLVS_GIVEN_DEST_KEY;
	memset(&dest.dest, 0, sizeof(dest.dest));
	dest.dest.key = full_dest.key;
	assert_same_request(&dest);
	assert_same_request(&timeouts);
	assert_same_request(&sync);
	assert_same_request(&conns);
	assert_same_request(&setting);
	local.service.key = full_service.key;
	assert_same_request(&local);
	local = (struct xlvs_request){
		.family = XLVS_FAMILY_XLVS, .command = XLVS_CMD_GET_LADDR, .dump = true};
	assert_same_request(&local);
}

static void test_answers_survive_the_wire(void **state)
{
	static struct xlvs_service_info service, service_read;
	static struct xlvs_dest_info dest, dest_read;
	static const struct xlvs_sync_spec sync = {XLVS_SYNC_MASTER,  "eth0", 7, 1472, AF_INET,
						   {{224, 0, 0, 81}}, 8848,   1};
	struct xlvs_sync_spec sync_read;
	struct xlvs_reply reply = reply_to(get_info_hex);
	uint64_t counters[10];

	(void)state;
	for (uint64_t i = 0; i < 10; i++)
		counters[i] = UINT64_MAX - i;
	service.spec = full_service;
	service.spec.flags_mask = ~0U;
	memcpy(&service.stats, counters, sizeof(service.stats));
	assert_int_equal(xlvs_reply_service(&reply, &service), 0);
	assert_int_equal(xlvs_answer_service(message(), &service_read), 0);
	assert_memory_equal(&service_read, &service, sizeof(service));

	dest.spec = full_dest;
	dest.active = 1;
	dest.inactive = 2;
	dest.persistent = 4000000000U;
	memcpy(&dest.stats, counters, sizeof(dest.stats));
	assert_int_equal(xlvs_reply_dest(&reply, &dest), 0);
	assert_int_equal(xlvs_answer_dest(message(), &dest_read), 0);
	assert_memory_equal(&dest_read, &dest, sizeof(dest));

	assert_int_equal(xlvs_reply_sync(&reply, &sync), 0);
	assert_int_equal(xlvs_answer_sync(message(), &sync_read), 0);
	assert_memory_equal(&sync_read, &sync, sizeof(sync));
}

static void test_a_refusals_sentence_survives_the_wire(void **state)
{
	struct xlvs_reply reply = reply_to(add_service_hex);
	struct xlvs_error sent = {"no room for more than 10 services"};
	struct xlvs_error received;
	enum xlvs_answer_kind kind;
	int code = 0;

	(void)state;
	assert_int_equal(xlvs_reply_end(&reply, -ENOSPC, &sent), 0);
	assert_int_equal(xlvs_answer_kind(message(), wire.bytes, &kind, &code, &received), 0);
	assert_int_equal(kind, XLVS_ANSWER_END);
	assert_int_equal(code, -ENOSPC);
	assert_string_equal(received.text, sent.text);

	assert_int_equal(xlvs_reply_end(&reply, -EEXIST, NULL), 0);
	assert_int_equal(xlvs_answer_kind(message(), wire.bytes, &kind, &code, &received), 0);
	assert_int_equal(code, -EEXIST);
	assert_string_equal(received.text, "");
}

static void test_families_are_told_by_name(void **state)
{
	struct xlvs_reply reply = reply_to(get_family_hex);

	(void)state;
	assert_int_equal(xlvs_reply_family(&reply, "nosuch"), -ENOENT);
	assert_int_equal(xlvs_reply_family(&reply, "IPVS"), 0);
	assert_int_equal(message()->nlmsg_type, XLVS_FAMILY_CONTROL);
	assert_int_equal(xlvs_reply_family(&reply, "XLVS"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captured_add_service_is_understood),
		cmocka_unit_test(test_captured_add_dest_is_understood),
		cmocka_unit_test(test_captured_queries_are_understood),
		cmocka_unit_test(test_our_requests_are_ipvsadms_byte_for_byte),
		cmocka_unit_test(test_our_answers_are_the_kernels_byte_for_byte),
		cmocka_unit_test(test_acks_have_the_kernels_form),
		cmocka_unit_test(test_the_kernels_answers_are_understood),
		cmocka_unit_test(test_requests_survive_the_wire),
		cmocka_unit_test(test_answers_survive_the_wire),
		cmocka_unit_test(test_a_refusals_sentence_survives_the_wire),
		cmocka_unit_test(test_families_are_told_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
