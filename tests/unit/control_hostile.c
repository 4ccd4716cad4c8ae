// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages no honest client sends: every prefix, every attribute missing, cut, overlong or nested
 * wrongly is refused with the kernel's error, and nothing is believed of it. Run with the address
 * sanitizer this also shows that nothing is read beyond the message. */
#include "control/answer.h"
#include "control/request.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static struct xlvs_request request; /* what the last decode() filled */

/* Decode from a block of exactly the message's size, so that reading on is an error. */
static int decode(const void *datagram, size_t bytes)
{
	void *copy = malloc(bytes ? bytes : 1);
	int r;

	assert_non_null(copy);
	memcpy(copy, datagram, bytes);
	r = xlvs_request_decode(copy, bytes, &request);
	free(copy);
	return r;
}

static int decode_message(struct nl_msg *message)
{
	int r = decode(nlmsg_hdr(message), nlmsg_hdr(message)->nlmsg_len);

	nlmsg_free(message);
	return r;
}

static struct nl_msg *new_message(int command, int flags)
{
	struct nl_msg *message = nlmsg_alloc();

	assert_non_null(genlmsg_put(message, 1, 2, XLVS_FAMILY_IPVS, 0,
				    NLM_F_REQUEST | NLM_F_ACK | flags, (uint8_t)command, 1));
	return message;
}

/* A service nest without the attribute `missing`. */
static void put_service(struct nl_msg *message, int missing, uint16_t family)
{
	struct nlattr *nest = nla_nest_start(message, IPVS_CMD_ATTR_SERVICE);
	const uint8_t address[16] = {192, 0, 2, 1};
	const struct ip_vs_flags flags = {0, ~0U};

	if (missing != IPVS_SVC_ATTR_AF)
		nla_put_u16(message, IPVS_SVC_ATTR_AF, family);
	if (missing != IPVS_SVC_ATTR_PROTOCOL)
		nla_put_u16(message, IPVS_SVC_ATTR_PROTOCOL, IPPROTO_TCP);
	if (missing != IPVS_SVC_ATTR_ADDR)
		nla_put(message, IPVS_SVC_ATTR_ADDR, sizeof(address), address);
	if (missing != IPVS_SVC_ATTR_PORT)
		nla_put_u16(message, IPVS_SVC_ATTR_PORT, 0x5000);
	if (missing != IPVS_SVC_ATTR_SCHED_NAME)
		nla_put_string(message, IPVS_SVC_ATTR_SCHED_NAME, "rr");
	if (missing != IPVS_SVC_ATTR_FLAGS)
		nla_put(message, IPVS_SVC_ATTR_FLAGS, sizeof(flags), &flags);
	if (missing != IPVS_SVC_ATTR_TIMEOUT)
		nla_put_u32(message, IPVS_SVC_ATTR_TIMEOUT, 0);
	if (missing != IPVS_SVC_ATTR_NETMASK)
		nla_put_u32(message, IPVS_SVC_ATTR_NETMASK, ~0U);
	nla_nest_end(message, nest);
}

static void put_dest(struct nl_msg *message, int missing, uint16_t family)
{
	struct nlattr *nest = nla_nest_start(message, IPVS_CMD_ATTR_DEST);
	const uint8_t address[16] = {192, 0, 2, 2};

	if (missing != IPVS_DEST_ATTR_ADDR_FAMILY)
		nla_put_u16(message, IPVS_DEST_ATTR_ADDR_FAMILY, family);
	if (missing != IPVS_DEST_ATTR_ADDR)
		nla_put(message, IPVS_DEST_ATTR_ADDR, sizeof(address), address);
	if (missing != IPVS_DEST_ATTR_PORT)
		nla_put_u16(message, IPVS_DEST_ATTR_PORT, 0x5000);
	for (int attr = IPVS_DEST_ATTR_FWD_METHOD; attr <= IPVS_DEST_ATTR_L_THRESH; attr++)
		if (attr != missing)
			nla_put_u32(message, attr, 0);
	nla_nest_end(message, nest);
}

static int try_service(int command, int missing, uint16_t family)
{
	struct nl_msg *message = new_message(command, 0);

	put_service(message, missing, family);
	return decode_message(message);
}

static int try_dest(int command, int missing, uint16_t family)
{
	struct nl_msg *message = new_message(command, 0);

	put_service(message, 0, AF_INET);
	put_dest(message, missing, family);
	return decode_message(message);
}

static void test_a_missing_attribute_of_a_service_is_invalid(void **state)
{
	(void)state;
	assert_int_equal(try_service(IPVS_CMD_NEW_SERVICE, 0, AF_INET), 0);
	for (int attr = IPVS_SVC_ATTR_AF; attr <= IPVS_SVC_ATTR_NETMASK; attr++)
		if (attr != IPVS_SVC_ATTR_FWMARK)
			assert_int_equal(try_service(IPVS_CMD_NEW_SERVICE, attr, AF_INET), -EINVAL);
	assert_int_equal(try_service(IPVS_CMD_DEL_SERVICE, IPVS_SVC_ATTR_NETMASK, AF_INET), 0);
	assert_int_equal(request.given, XLVS_GIVEN_SERVICE_KEY);
	assert_int_equal(try_service(IPVS_CMD_DEL_SERVICE, IPVS_SVC_ATTR_PORT, AF_INET), -EINVAL);
	assert_int_equal(decode_message(new_message(IPVS_CMD_NEW_SERVICE, 0)), -EINVAL);
	assert_int_equal(decode_message(new_message(IPVS_CMD_GET_SERVICE, 0)), -EINVAL);
}

static void test_a_missing_attribute_of_a_dest_is_invalid(void **state)
{
	struct nl_msg *message = new_message(IPVS_CMD_NEW_DEST, 0);

	(void)state;
	assert_int_equal(try_dest(IPVS_CMD_NEW_DEST, 0, AF_INET), 0);
	for (int attr = IPVS_DEST_ATTR_ADDR; attr <= IPVS_DEST_ATTR_L_THRESH; attr++)
		assert_int_equal(try_dest(IPVS_CMD_NEW_DEST, attr, AF_INET), -EINVAL);
	assert_int_equal(try_dest(IPVS_CMD_DEL_DEST, IPVS_DEST_ATTR_WEIGHT, AF_INET), 0);
	assert_int_equal(try_dest(IPVS_CMD_DEL_DEST, IPVS_DEST_ATTR_PORT, AF_INET), -EINVAL);
	put_service(message, 0, AF_INET);
	assert_int_equal(decode_message(message), -EINVAL);
}

static void test_a_dest_without_family_has_its_services(void **state)
{
	(void)state;
	assert_int_equal(try_dest(IPVS_CMD_NEW_DEST, IPVS_DEST_ATTR_ADDR_FAMILY, 0), 0);
	assert_int_equal(request.dest.key.family, AF_INET);
	assert_int_equal(try_dest(IPVS_CMD_NEW_DEST, 0, 0), 0);
	assert_int_equal(request.dest.key.family, AF_INET);
	assert_int_equal(try_dest(IPVS_CMD_NEW_DEST, 0, AF_INET6), 0);
	assert_int_equal(request.dest.key.family, AF_INET6);
}

static void test_other_address_families_are_refused_by_name(void **state)
{
	(void)state;
	assert_int_equal(try_service(IPVS_CMD_NEW_SERVICE, 0, AF_UNIX), -EAFNOSUPPORT);
	assert_int_equal(try_service(IPVS_CMD_ZERO, 0, 0), -EAFNOSUPPORT);
	assert_int_equal(try_dest(IPVS_CMD_NEW_DEST, 0, AF_UNIX), -EAFNOSUPPORT);
}

/* As the tail of an IPv4 address, which IPVS ignores. */
static void test_bytes_behind_an_ipv4_address_do_not_count(void **state)
{
	static const struct xlvs_address clean = {{192, 0, 2, 1}};
	struct nl_msg *message = new_message(IPVS_CMD_DEL_SERVICE, 0);
	struct nlattr *nest = nla_nest_start(message, IPVS_CMD_ATTR_SERVICE);
	const uint8_t dirty[16] = {192, 0, 2, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9};

	(void)state;
	nla_put_u16(message, IPVS_SVC_ATTR_AF, AF_INET);
	nla_put_u16(message, IPVS_SVC_ATTR_PROTOCOL, IPPROTO_TCP);
	nla_put(message, IPVS_SVC_ATTR_ADDR, sizeof(dirty), dirty);
	nla_put_u16(message, IPVS_SVC_ATTR_PORT, 0x5000);
	nla_nest_end(message, nest);
	assert_int_equal(decode_message(message), 0);
	assert_memory_equal(&request.service.key.address, &clean, sizeof(clean));
}

/* One attribute of a full service replaced by `bytes` of `data`. */
static int try_replaced(int attr, const void *data, int bytes)
{
	struct nl_msg *message = new_message(IPVS_CMD_NEW_SERVICE, 0);
	struct nlattr *nest;

	put_service(message, attr, AF_INET);
	nest = nlmsg_find_attr(nlmsg_hdr(message), GENL_HDRLEN, IPVS_CMD_ATTR_SERVICE);
	nla_put(message, attr, bytes, data);
	nla_nest_end(message, nest);
	return decode_message(message);
}

static void test_attributes_of_wrong_size_are_invalid(void **state)
{
	static const char zeros[64];

	(void)state;
	assert_int_equal(try_replaced(IPVS_SVC_ATTR_SCHED_NAME, "wlc", 4), 0);
	assert_string_equal(request.service.scheduler, "wlc");
	for (int attr = IPVS_SVC_ATTR_AF; attr <= IPVS_SVC_ATTR_NETMASK; attr++)
		if (attr != IPVS_SVC_ATTR_FWMARK && attr != IPVS_SVC_ATTR_ADDR &&
		    attr != IPVS_SVC_ATTR_FLAGS)
			assert_int_equal(try_replaced(attr, zeros, 0), -EINVAL);
	assert_int_equal(try_replaced(IPVS_SVC_ATTR_AF, zeros, 1), -EINVAL);
	assert_int_equal(try_replaced(IPVS_SVC_ATTR_TIMEOUT, zeros, 3), -EINVAL);
	assert_int_equal(try_replaced(IPVS_SVC_ATTR_ADDR, zeros, 17), -EINVAL);
	assert_int_equal(try_replaced(IPVS_SVC_ATTR_FLAGS, zeros, 9), -EINVAL);
}

static void test_names_must_end_and_fit(void **state)
{
	char name[32];

	(void)state;
	memset(name, 'x', sizeof(name));
	assert_int_equal(try_replaced(IPVS_SVC_ATTR_SCHED_NAME, name, 5), -EINVAL);
	name[15] = '\0';
	assert_int_equal(try_replaced(IPVS_SVC_ATTR_SCHED_NAME, name, 16), 0);
	assert_int_equal(strlen(request.service.scheduler), 15);
	name[15] = 'x';
	name[16] = '\0';
	assert_int_equal(try_replaced(IPVS_SVC_ATTR_SCHED_NAME, name, 17), -EINVAL);
	assert_int_equal(try_replaced(IPVS_SVC_ATTR_PE_NAME, name, 17), 0);
	assert_int_equal(strlen(request.service.pe), 16);
	name[16] = 'x';
	name[17] = '\0';
	assert_int_equal(try_replaced(IPVS_SVC_ATTR_PE_NAME, name, 18), -EINVAL);
}

static void test_outer_attributes_too_short_are_out_of_range(void **state)
{
	struct nl_msg *message = new_message(IPVS_CMD_SET_CONFIG, 0);

	(void)state;
	nla_put_u16(message, IPVS_CMD_ATTR_TIMEOUT_TCP, 1);
	assert_int_equal(decode_message(message), -ERANGE);
	message = new_message(IPVS_CMD_SET_CONFIG, 0);
	nla_put_u32(message, IPVS_CMD_ATTR_TIMEOUT_TCP, 0x80000000U);
	assert_int_equal(decode_message(message), -EINVAL);
}

static void test_a_nest_that_is_none_is_invalid(void **state)
{
	struct nl_msg *message = new_message(IPVS_CMD_NEW_SERVICE, 0);
	const uint8_t garbage[] = {0xff, 0xff, 0x01, 0x00, 0x02, 0x00};

	(void)state;
	nla_put(message, IPVS_CMD_ATTR_SERVICE, sizeof(garbage), garbage);
	assert_int_equal(decode_message(message), -EINVAL);
	message = new_message(IPVS_CMD_NEW_SERVICE, 0);
	nla_put(message, IPVS_CMD_ATTR_SERVICE, 0, NULL);
	assert_int_equal(decode_message(message), -EINVAL);
}

static void test_a_dump_of_dests_of_nothing_is_empty_not_wrong(void **state)
{
	struct nl_msg *message;

	(void)state;
	assert_int_equal(decode_message(new_message(IPVS_CMD_GET_DEST, NLM_F_DUMP)), 0);
	assert_int_equal(request.given, 0);
	message = new_message(IPVS_CMD_GET_DEST, NLM_F_DUMP);
	put_service(message, IPVS_SVC_ATTR_PORT, AF_INET);
	assert_int_equal(decode_message(message), 0);
	assert_int_equal(request.given, 0);
}

static void test_commands_are_asked_in_their_own_way_only(void **state)
{
	(void)state;
	assert_int_equal(decode_message(new_message(0, 0)), -EOPNOTSUPP);
	assert_int_equal(decode_message(new_message(IPVS_CMD_MAX + 1, 0)), -EOPNOTSUPP);
	assert_int_equal(decode_message(new_message(IPVS_CMD_SET_INFO, 0)), -EOPNOTSUPP);
	assert_int_equal(decode_message(new_message(IPVS_CMD_GET_DEST, 0)), -EOPNOTSUPP);
	assert_int_equal(decode_message(new_message(IPVS_CMD_FLUSH, NLM_F_DUMP)), -EOPNOTSUPP);
	/* One of the two dump bits alone is not a dump. */
	assert_int_equal(decode_message(new_message(IPVS_CMD_FLUSH, NLM_F_ROOT)), 0);
	assert_false(request.dump);
}

static void test_sync_daemons_need_their_attributes_and_a_multicast_group(void **state)
{
	for (int group = 0; group < 3; group++) {
		struct nl_msg *message = new_message(IPVS_CMD_NEW_DAEMON, 0);
		struct nlattr *nest = nla_nest_start(message, IPVS_CMD_ATTR_DAEMON);
		const uint8_t groups[3][4] = {{224, 0, 0, 81}, {192, 0, 2, 1}, {240, 0, 0, 1}};

		nla_put_u32(message, IPVS_DAEMON_ATTR_STATE, XLVS_SYNC_MASTER);
		nla_put_string(message, IPVS_DAEMON_ATTR_MCAST_IFN, "eth0");
		nla_put_u32(message, IPVS_DAEMON_ATTR_SYNC_ID, 0);
		nla_put(message, IPVS_DAEMON_ATTR_MCAST_GROUP, 4, groups[group]);
		nla_nest_end(message, nest);
		assert_int_equal(decode_message(message), group ? -EINVAL : 0);
	}
	(void)state;
	assert_int_equal(decode_message(new_message(IPVS_CMD_NEW_DAEMON, 0)), -EINVAL);
	assert_int_equal(decode_message(new_message(IPVS_CMD_DEL_DAEMON, 0)), -EINVAL);
}

/* The key in a nest, and then what `attrs` says: 1 the family, 2 the address. */
static int try_local(unsigned int attrs, uint16_t family, int bytes)
{
	const struct xlvs_request key = {
		.family = XLVS_FAMILY_XLVS,
		.command = XLVS_CMD_NEW_LADDR,
		.given = XLVS_GIVEN_SERVICE_KEY,
		.service.key = {.family = AF_INET, .protocol = IPPROTO_TCP},
	};
	const uint8_t address[17] = {192, 0, 2, 9};
	struct nl_msg *message;

	assert_int_equal(xlvs_request_encode(&key, &message), 0);
	if (attrs & 1)
		nla_put_u16(message, XLVS_ATTR_LADDR_FAMILY, family);
	if (attrs & 2)
		nla_put(message, XLVS_ATTR_LADDR, bytes, address);
	return decode_message(message);
}

static void test_local_addresses_need_a_service_a_family_and_sixteen_bytes(void **state)
{
	struct nl_msg *message = new_message(XLVS_CMD_NEW_LADDR, 0);

	(void)state;
	nlmsg_hdr(message)->nlmsg_type = XLVS_FAMILY_XLVS;
	assert_int_equal(decode_message(message), -EINVAL);
	assert_int_equal(try_local(3, AF_INET, 16), 0);
	assert_int_equal(request.given, XLVS_GIVEN_SERVICE_KEY | XLVS_GIVEN_LOCAL);
	assert_int_equal(try_local(1, AF_INET, 16), -EINVAL);
	assert_int_equal(try_local(2, AF_INET, 16), -EINVAL);
	assert_int_equal(try_local(3, AF_UNIX, 16), -EAFNOSUPPORT);
	assert_int_equal(try_local(3, AF_INET6, 4), -ERANGE);
	assert_int_equal(try_local(3, AF_INET6, 17), -ERANGE);
}

static void test_what_is_no_request_is_told_apart(void **state)
{
	struct nlmsghdr header = {.nlmsg_len = NLMSG_HDRLEN, .nlmsg_flags = NLM_F_REQUEST};

	(void)state;
	assert_int_equal(decode(&header, 0), -EBADMSG);
	assert_int_equal(decode(&header, sizeof(header) - 1), -EBADMSG);
	header.nlmsg_type = NLMSG_NOOP;
	assert_int_equal(decode(&header, sizeof(header)), -ENODATA);
	header.nlmsg_type = 0x30;
	assert_int_equal(decode(&header, sizeof(header)), -ENOENT);
	header.nlmsg_type = XLVS_FAMILY_IPVS;
	assert_int_equal(decode(&header, sizeof(header)), -EINVAL);
	header.nlmsg_flags = 0;
	assert_int_equal(decode(&header, sizeof(header)), -ENODATA);
	header.nlmsg_len = NLMSG_HDRLEN + 1;
	assert_int_equal(decode(&header, sizeof(header)), -EBADMSG);
	header.nlmsg_len = 1;
	assert_int_equal(decode(&header, sizeof(header)), -EBADMSG);
}

/* Cut anywhere, with the header's length true or a lie, and with any byte inverted: never a crash,
 * and a request only where the kernel would see one. */
static void test_damaged_messages_are_never_believed_beyond_their_end(void **state)
{
	struct nl_msg *message = new_message(IPVS_CMD_NEW_DEST, 0);
	struct nlmsghdr *header;
	uint32_t bytes;

	(void)state;
	put_service(message, 0, AF_INET);
	put_dest(message, 0, AF_INET);
	header = nlmsg_hdr(message);
	bytes = header->nlmsg_len;
	for (uint32_t cut = 0; cut < bytes; cut++) {
		assert_int_equal(decode(header, cut), -EBADMSG);
		header->nlmsg_len = cut;
		assert_true(decode(header, cut) < 0);
		header->nlmsg_len = bytes;
	}
	for (uint32_t i = 0; i < bytes; i++) {
		uint8_t *byte = (uint8_t *)header + i;

		*byte ^= 0xff;
		decode(header, bytes);
		*byte ^= 0xff;
	}
	assert_int_equal(decode_message(message), 0);
}

/* Clients do not believe their director blindly either. */
static void test_damaged_answers_are_refused(void **state)
{
	struct nl_msg *message = new_message(IPVS_CMD_NEW_SERVICE, 0);
	struct nlmsghdr *header = nlmsg_hdr(message);
	struct xlvs_service_info service;
	enum xlvs_answer_kind kind;
	const char *piece;
	const struct xlvs_conn_entry *entries;
	const struct xlvs_conn_pe *pe;
	size_t n;
	int code;

	(void)state;
	assert_int_equal(xlvs_answer_service(header, &service), -EPROTO);
	assert_int_equal(xlvs_answer_json(header, &piece), -EPROTO);
	assert_int_equal(xlvs_answer_conns(header, &entries, &n, &pe), -EPROTO);
	assert_int_equal(xlvs_answer_kind(header, NLMSG_HDRLEN, &kind, &code, NULL), -EPROTO);
	nla_put_u32(message, XLVS_ATTR_CONNS, 1);
	assert_int_equal(xlvs_answer_conns(header, &entries, &n, &pe), -EPROTO);
	header->nlmsg_type = NLMSG_ERROR;
	header->nlmsg_len = NLMSG_HDRLEN + 2;
	assert_int_equal(xlvs_answer_kind(header, header->nlmsg_len, &kind, &code, NULL), -EPROTO);
	nlmsg_free(message);
}

static void test_a_state_name_without_end_is_refused(void **state)
{
	struct xlvs_conn_entry entry = {.family = AF_INET};
	const struct xlvs_conn_entry *entries;
	const struct xlvs_conn_pe *pe;
	struct nl_msg *message;
	size_t n = 0;

	(void)state;
	strcpy(entry.state, "ESTABLISHED");
	message = new_message(XLVS_CMD_GET_CONNS, 0);
	nla_put(message, XLVS_ATTR_CONNS, sizeof(entry), &entry);
	assert_int_equal(xlvs_answer_conns(nlmsg_hdr(message), &entries, &n, &pe), 0);
	assert_int_equal(n, 1);
	nlmsg_free(message);
	memset(entry.state, 'x', sizeof(entry.state));
	message = new_message(XLVS_CMD_GET_CONNS, 0);
	nla_put(message, XLVS_ATTR_CONNS, sizeof(entry), &entry);
	assert_int_equal(xlvs_answer_conns(nlmsg_hdr(message), &entries, &n, &pe), -EPROTO);
	nlmsg_free(message);
}

static void test_a_session_without_end_is_refused(void **state)
{
	struct xlvs_conn_entry entry = {.family = AF_INET};
	struct xlvs_conn_pe sent = {.name = "sip", .data = "a@host"};
	const struct xlvs_conn_entry *entries;
	const struct xlvs_conn_pe *pe;
	size_t n;

	(void)state;
	for (int ended = 1; ended >= 0; ended--) {
		struct nl_msg *message = new_message(XLVS_CMD_GET_CONNS, 0);

		if (!ended)
			memset(sent.data, 'x', sizeof(sent.data));
		nla_put(message, XLVS_ATTR_CONNS, sizeof(entry), &entry);
		nla_put(message, XLVS_ATTR_CONN_PE, sizeof(sent), &sent);
		assert_int_equal(xlvs_answer_conns(nlmsg_hdr(message), &entries, &n, &pe),
				 ended ? 0 : -EPROTO);
		if (ended)
			assert_string_equal(pe->data, "a@host");
		nlmsg_free(message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_missing_attribute_of_a_service_is_invalid),
		cmocka_unit_test(test_a_missing_attribute_of_a_dest_is_invalid),
		cmocka_unit_test(test_a_dest_without_family_has_its_services),
		cmocka_unit_test(test_other_address_families_are_refused_by_name),
		cmocka_unit_test(test_bytes_behind_an_ipv4_address_do_not_count),
		cmocka_unit_test(test_attributes_of_wrong_size_are_invalid),
		cmocka_unit_test(test_names_must_end_and_fit),
		cmocka_unit_test(test_outer_attributes_too_short_are_out_of_range),
		cmocka_unit_test(test_a_nest_that_is_none_is_invalid),
		cmocka_unit_test(test_a_dump_of_dests_of_nothing_is_empty_not_wrong),
		cmocka_unit_test(test_commands_are_asked_in_their_own_way_only),
		cmocka_unit_test(test_sync_daemons_need_their_attributes_and_a_multicast_group),
		cmocka_unit_test(test_local_addresses_need_a_service_a_family_and_sixteen_bytes),
		cmocka_unit_test(test_what_is_no_request_is_told_apart),
		cmocka_unit_test(test_damaged_messages_are_never_believed_beyond_their_end),
		cmocka_unit_test(test_damaged_answers_are_refused),
		cmocka_unit_test(test_a_session_without_end_is_refused),
		cmocka_unit_test(test_a_state_name_without_end_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
