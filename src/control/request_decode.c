// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/request.h"

#include "control/dest_way.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <string.h>
#include <sys/socket.h>

/* One table row per command: whether it may be asked as a "do", as a dump, and what it needs. */
struct command {
	enum xlvs_family family;
	uint8_t number;
	bool is_do;
	bool is_dump;
	int (*parse)(struct nlattr **attrs, struct xlvs_request *request);
};

static struct nla_policy message_policy[IPVS_CMD_ATTR_MAX + 1] = {
	[IPVS_CMD_ATTR_SERVICE] = {.type = NLA_NESTED},
	[IPVS_CMD_ATTR_DEST] = {.type = NLA_NESTED},
	[IPVS_CMD_ATTR_DAEMON] = {.type = NLA_NESTED},
	[IPVS_CMD_ATTR_TIMEOUT_TCP] = {.type = NLA_U32},
	[IPVS_CMD_ATTR_TIMEOUT_TCP_FIN] = {.type = NLA_U32},
	[IPVS_CMD_ATTR_TIMEOUT_UDP] = {.type = NLA_U32},
};

static struct nla_policy service_policy[IPVS_SVC_ATTR_MAX + 1] = {
	[IPVS_SVC_ATTR_AF] = {.type = NLA_U16},
	[IPVS_SVC_ATTR_PROTOCOL] = {.type = NLA_U16},
	[IPVS_SVC_ATTR_ADDR] = {.maxlen = sizeof(struct xlvs_address)},
	[IPVS_SVC_ATTR_PORT] = {.type = NLA_U16},
	[IPVS_SVC_ATTR_FWMARK] = {.type = NLA_U32},
	[IPVS_SVC_ATTR_SCHED_NAME] = {.type = NLA_STRING, .maxlen = XLVS_SCHEDULER_NAME_BYTES},
	[IPVS_SVC_ATTR_PE_NAME] = {.type = NLA_STRING, .maxlen = XLVS_PE_NAME_BYTES},
	[IPVS_SVC_ATTR_FLAGS] = {.maxlen = sizeof(struct ip_vs_flags)},
	[IPVS_SVC_ATTR_TIMEOUT] = {.type = NLA_U32},
	[IPVS_SVC_ATTR_NETMASK] = {.type = NLA_U32},
};

static struct nla_policy dest_policy[XLVS_DEST_ATTR_MAX + 1] = {
	[IPVS_DEST_ATTR_ADDR] = {.maxlen = sizeof(struct xlvs_address)},
	[IPVS_DEST_ATTR_PORT] = {.type = NLA_U16},
	[IPVS_DEST_ATTR_FWD_METHOD] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_WEIGHT] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_U_THRESH] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_L_THRESH] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_ADDR_FAMILY] = {.type = NLA_U16},
	[IPVS_DEST_ATTR_TUN_TYPE] = {.type = NLA_U8},
	[IPVS_DEST_ATTR_TUN_PORT] = {.type = NLA_U16},
	[IPVS_DEST_ATTR_TUN_FLAGS] = {.type = NLA_U16},
	[XLVS_DEST_ATTR_TOA_KIND] = {.type = NLA_U8},
	[XLVS_DEST_ATTR_MSS] = {.type = NLA_U16},
};

static struct nla_policy sync_policy[IPVS_DAEMON_ATTR_MAX + 1] = {
	[IPVS_DAEMON_ATTR_STATE] = {.type = NLA_U32},
	[IPVS_DAEMON_ATTR_MCAST_IFN] = {.type = NLA_STRING, .maxlen = XLVS_INTERFACE_NAME_BYTES},
	[IPVS_DAEMON_ATTR_SYNC_ID] = {.type = NLA_U32},
	[IPVS_DAEMON_ATTR_SYNC_MAXLEN] = {.type = NLA_U16},
	[IPVS_DAEMON_ATTR_MCAST_GROUP] = {.type = NLA_U32},
	[IPVS_DAEMON_ATTR_MCAST_GROUP6] = {.minlen = sizeof(struct xlvs_address),
					   .maxlen = sizeof(struct xlvs_address)},
	[IPVS_DAEMON_ATTR_MCAST_PORT] = {.type = NLA_U16},
	[IPVS_DAEMON_ATTR_MCAST_TTL] = {.type = NLA_U8},
};

static struct nla_policy xlvs_policy[XLVS_ATTR_END] = {
	[XLVS_ATTR_SERVICE] = {.type = NLA_NESTED},
	[XLVS_ATTR_LADDR_FAMILY] = {.type = NLA_U16},
	[XLVS_ATTR_LADDR] = {.minlen = sizeof(struct xlvs_address),
			     .maxlen = sizeof(struct xlvs_address)},
	[XLVS_ATTR_MARK_NEAR] = {.type = NLA_U32},
	[XLVS_ATTR_MARK_FAR] = {.type = NLA_U32},
	[XLVS_ATTR_SETTING] = {.type = NLA_STRING, .maxlen = XLVS_SETTING_BYTES},
	[XLVS_ATTR_SETTING_VALUE] = {.type = NLA_STRING, .maxlen = XLVS_SETTING_BYTES},
	[XLVS_ATTR_MARKS] = {.maxlen = XLVS_MARKS_PER_REQUEST * sizeof(struct xlvs_mark_spec)},
};

static struct nla_policy control_policy[CTRL_ATTR_FAMILY_NAME + 1] = {
	[CTRL_ATTR_FAMILY_NAME] = {.type = NLA_STRING, .maxlen = XLVS_FAMILY_NAME_BYTES},
};

static bool is_family(uint16_t family)
{
	return family == AF_INET || family == AF_INET6;
}

static void copy_address(struct xlvs_address *address, uint16_t family, struct nlattr *attr)
{
	int bytes = family == AF_INET ? 4 : (int)sizeof(*address);

	*address = (struct xlvs_address){0};
	nla_memcpy(address, attr, bytes);
}

/* The policy has made sure that the string ends within its attribute and fits. */
static void copy_string(char *string, size_t bytes, struct nlattr *attr)
{
	if (attr)
		strncpy(string, nla_get_string(attr), bytes - 1);
}

static int parse_nested(struct nlattr **attrs, int max, struct nlattr *nest,
			struct nla_policy *policy)
{
	if (!nest || nla_parse_nested(attrs, max, nest, policy) < 0)
		return -EINVAL;
	return 0;
}

/* A mark names a TCP service without address and port, as in IPVS; mark 0 does as well. */
static int service_key(struct nlattr **attrs, struct xlvs_service_key *key)
{
	bool has_address = attrs[IPVS_SVC_ATTR_PROTOCOL] && attrs[IPVS_SVC_ATTR_ADDR] &&
			   attrs[IPVS_SVC_ATTR_PORT];

	if (!attrs[IPVS_SVC_ATTR_AF] || (!attrs[IPVS_SVC_ATTR_FWMARK] && !has_address))
		return -EINVAL;
	key->family = nla_get_u16(attrs[IPVS_SVC_ATTR_AF]);
	if (!is_family(key->family))
		return -EAFNOSUPPORT;
	if (attrs[IPVS_SVC_ATTR_FWMARK]) {
		key->protocol = IPPROTO_TCP;
		key->fwmark = nla_get_u32(attrs[IPVS_SVC_ATTR_FWMARK]);
	} else {
		key->protocol = nla_get_u16(attrs[IPVS_SVC_ATTR_PROTOCOL]);
		copy_address(&key->address, key->family, attrs[IPVS_SVC_ATTR_ADDR]);
		key->port = nla_get_u16(attrs[IPVS_SVC_ATTR_PORT]);
	}
	return 0;
}

static int parse_service(struct nlattr *nest, bool full, struct xlvs_request *request)
{
	struct nlattr *attrs[IPVS_SVC_ATTR_MAX + 1];
	struct xlvs_service_spec spec = {0};
	struct ip_vs_flags flags = {0};
	int r;

	r = parse_nested(attrs, IPVS_SVC_ATTR_MAX, nest, service_policy);
	if (r == 0)
		r = service_key(attrs, &spec.key);
	if (r < 0)
		return r;
	request->given |= XLVS_GIVEN_SERVICE_KEY;
	if (full) {
		if (!attrs[IPVS_SVC_ATTR_SCHED_NAME] || !attrs[IPVS_SVC_ATTR_FLAGS] ||
		    !attrs[IPVS_SVC_ATTR_TIMEOUT] || !attrs[IPVS_SVC_ATTR_NETMASK])
			return -EINVAL;
		copy_string(spec.scheduler, sizeof(spec.scheduler),
			    attrs[IPVS_SVC_ATTR_SCHED_NAME]);
		copy_string(spec.pe, sizeof(spec.pe), attrs[IPVS_SVC_ATTR_PE_NAME]);
		nla_memcpy(&flags, attrs[IPVS_SVC_ATTR_FLAGS], sizeof(flags));
		spec.flags = flags.flags & flags.mask & ~XLVS_SERVICE_HASHED;
		spec.flags_mask = flags.mask;
		spec.timeout_sec = nla_get_u32(attrs[IPVS_SVC_ATTR_TIMEOUT]);
		spec.netmask = nla_get_u32(attrs[IPVS_SVC_ATTR_NETMASK]);
		request->given |= XLVS_GIVEN_SERVICE_FULL;
	}
	request->service = spec;
	return 0;
}

static int dest_values(struct nlattr **attrs, struct xlvs_dest_spec *spec)
{
	if (!attrs[IPVS_DEST_ATTR_FWD_METHOD] || !attrs[IPVS_DEST_ATTR_WEIGHT] ||
	    !attrs[IPVS_DEST_ATTR_U_THRESH] || !attrs[IPVS_DEST_ATTR_L_THRESH])
		return -EINVAL;
	spec->method = nla_get_u32(attrs[IPVS_DEST_ATTR_FWD_METHOD]) & IP_VS_CONN_F_FWD_MASK;
	spec->weight = (int32_t)nla_get_u32(attrs[IPVS_DEST_ATTR_WEIGHT]);
	spec->upper_threshold = nla_get_u32(attrs[IPVS_DEST_ATTR_U_THRESH]);
	spec->lower_threshold = nla_get_u32(attrs[IPVS_DEST_ATTR_L_THRESH]);
	xlvs_dest_way_get(attrs, spec);
	return 0;
}

/* After parse_service(): a dest that names no family has its service's. */
static int parse_dest(struct nlattr *nest, bool full, struct xlvs_request *request)
{
	struct nlattr *attrs[XLVS_DEST_ATTR_MAX + 1];
	struct xlvs_dest_spec spec = {0};
	int r;

	r = parse_nested(attrs, XLVS_DEST_ATTR_MAX, nest, dest_policy);
	if (r < 0)
		return r;
	if (!attrs[IPVS_DEST_ATTR_ADDR] || !attrs[IPVS_DEST_ATTR_PORT])
		return -EINVAL;
	if (full) {
		r = dest_values(attrs, &spec);
		if (r < 0)
			return r;
	}
	if (attrs[IPVS_DEST_ATTR_ADDR_FAMILY])
		spec.key.family = nla_get_u16(attrs[IPVS_DEST_ATTR_ADDR_FAMILY]);
	if (!spec.key.family)
		spec.key.family = request->service.key.family;
	if (!is_family(spec.key.family))
		return -EAFNOSUPPORT;
	copy_address(&spec.key.address, spec.key.family, attrs[IPVS_DEST_ATTR_ADDR]);
	spec.key.port = nla_get_u16(attrs[IPVS_DEST_ATTR_PORT]);
	request->dest = spec;
	request->given |= XLVS_GIVEN_DEST_KEY | (full ? XLVS_GIVEN_DEST_FULL : 0);
	return 0;
}

static int parse_full_service(struct nlattr **attrs, struct xlvs_request *request)
{
	return parse_service(attrs[IPVS_CMD_ATTR_SERVICE], true, request);
}

/* A dump of services needs no key, and ignores one. */
static int parse_service_key(struct nlattr **attrs, struct xlvs_request *request)
{
	if (request->dump)
		return 0;
	return parse_service(attrs[IPVS_CMD_ATTR_SERVICE], false, request);
}

static int parse_optional_service_key(struct nlattr **attrs, struct xlvs_request *request)
{
	if (!attrs[IPVS_CMD_ATTR_SERVICE])
		return 0;
	return parse_service(attrs[IPVS_CMD_ATTR_SERVICE], false, request);
}

/* IPVS answers a dump of the dests of nothing with nothing, not with an error. */
static int parse_dump_key(struct nlattr **attrs, struct xlvs_request *request)
{
	parse_service(attrs[IPVS_CMD_ATTR_SERVICE], false, request);
	return 0;
}

static int parse_full_dest(struct nlattr **attrs, struct xlvs_request *request)
{
	int r = parse_service(attrs[IPVS_CMD_ATTR_SERVICE], false, request);

	return r < 0 ? r : parse_dest(attrs[IPVS_CMD_ATTR_DEST], true, request);
}

static int parse_dest_key(struct nlattr **attrs, struct xlvs_request *request)
{
	int r = parse_service(attrs[IPVS_CMD_ATTR_SERVICE], false, request);

	return r < 0 ? r : parse_dest(attrs[IPVS_CMD_ATTR_DEST], false, request);
}

static int sync_group(struct nlattr **attrs, struct xlvs_sync_spec *sync)
{
	if (attrs[IPVS_DAEMON_ATTR_MCAST_GROUP]) {
		sync->group_family = AF_INET;
		copy_address(&sync->group, AF_INET, attrs[IPVS_DAEMON_ATTR_MCAST_GROUP]);
		if ((sync->group.bytes[0] & 0xf0) != 0xe0)
			return -EINVAL;
	} else if (attrs[IPVS_DAEMON_ATTR_MCAST_GROUP6]) {
		sync->group_family = AF_INET6;
		copy_address(&sync->group, AF_INET6, attrs[IPVS_DAEMON_ATTR_MCAST_GROUP6]);
		if (sync->group.bytes[0] != 0xff)
			return -EINVAL;
	}
	return 0;
}

static int parse_sync(struct nlattr **attrs, struct xlvs_request *request)
{
	struct nlattr *daemon[IPVS_DAEMON_ATTR_MAX + 1];
	struct xlvs_sync_spec sync = {0};
	int r;

	r = parse_nested(daemon, IPVS_DAEMON_ATTR_MAX, attrs[IPVS_CMD_ATTR_DAEMON], sync_policy);
	if (r < 0)
		return r;
	if (!daemon[IPVS_DAEMON_ATTR_STATE])
		return -EINVAL;
	sync.role = nla_get_u32(daemon[IPVS_DAEMON_ATTR_STATE]);
	if (request->command == IPVS_CMD_NEW_DAEMON) {
		if (!daemon[IPVS_DAEMON_ATTR_MCAST_IFN] || !daemon[IPVS_DAEMON_ATTR_SYNC_ID])
			return -EINVAL;
		copy_string(sync.interface, sizeof(sync.interface),
			    daemon[IPVS_DAEMON_ATTR_MCAST_IFN]);
		sync.sync_id = nla_get_u32(daemon[IPVS_DAEMON_ATTR_SYNC_ID]);
		if (daemon[IPVS_DAEMON_ATTR_SYNC_MAXLEN])
			sync.max_message_bytes = nla_get_u16(daemon[IPVS_DAEMON_ATTR_SYNC_MAXLEN]);
		if (daemon[IPVS_DAEMON_ATTR_MCAST_PORT])
			sync.port = nla_get_u16(daemon[IPVS_DAEMON_ATTR_MCAST_PORT]);
		if (daemon[IPVS_DAEMON_ATTR_MCAST_TTL])
			sync.ttl = nla_get_u8(daemon[IPVS_DAEMON_ATTR_MCAST_TTL]);
		r = sync_group(daemon, &sync);
		if (r < 0)
			return r;
	}
	request->sync = sync;
	request->given |= XLVS_GIVEN_SYNC;
	return 0;
}

static int timeout_value(struct nlattr *attr, uint32_t *ret_sec)
{
	uint32_t sec = attr ? nla_get_u32(attr) : 0;

	if (sec > INT32_MAX)
		return -EINVAL;
	*ret_sec = sec;
	return 0;
}

static int parse_timeouts(struct nlattr **attrs, struct xlvs_request *request)
{
	struct xlvs_timeouts timeouts = {0};

	if (timeout_value(attrs[IPVS_CMD_ATTR_TIMEOUT_TCP], &timeouts.tcp_sec) ||
	    timeout_value(attrs[IPVS_CMD_ATTR_TIMEOUT_TCP_FIN], &timeouts.tcp_fin_sec) ||
	    timeout_value(attrs[IPVS_CMD_ATTR_TIMEOUT_UDP], &timeouts.udp_sec))
		return -EINVAL;
	request->timeouts = timeouts;
	return 0;
}

static int parse_local(struct nlattr **attrs, struct xlvs_request *request)
{
	struct xlvs_local_address local = {0};
	int r = parse_service(attrs[XLVS_ATTR_SERVICE], false, request);

	if (r < 0)
		return r;
	if (!attrs[XLVS_ATTR_LADDR_FAMILY] || !attrs[XLVS_ATTR_LADDR])
		return -EINVAL;
	local.family = nla_get_u16(attrs[XLVS_ATTR_LADDR_FAMILY]);
	if (!is_family(local.family))
		return -EAFNOSUPPORT;
	copy_address(&local.address, local.family, attrs[XLVS_ATTR_LADDR]);
	request->local = local;
	request->given |= XLVS_GIVEN_LOCAL;
	return 0;
}

static int parse_optional_local_key(struct nlattr **attrs, struct xlvs_request *request)
{
	if (!attrs[XLVS_ATTR_SERVICE])
		return 0;
	return parse_service(attrs[XLVS_ATTR_SERVICE], false, request);
}

static int parse_family_name(struct nlattr **attrs, struct xlvs_request *request)
{
	if (!attrs[CTRL_ATTR_FAMILY_NAME])
		return -EINVAL;
	copy_string(request->family_name, sizeof(request->family_name),
		    attrs[CTRL_ATTR_FAMILY_NAME]);
	return 0;
}

static int parse_marks(struct nlattr **attrs, struct xlvs_request *request)
{
	struct nlattr *attr = attrs[XLVS_ATTR_MARKS];
	size_t bytes = attr ? (size_t)nla_len(attr) : 0;
	size_t n = bytes / sizeof(*request->marks);

	if (!n || bytes % sizeof(*request->marks) || n > XLVS_MARKS_PER_REQUEST ||
	    (n > 1 && request->command == XLVS_CMD_DEL_MARK))
		return -EINVAL;
	request->marks = nla_data(attr);
	request->n_marks = n;
	request->given |= XLVS_GIVEN_MARKS;
	return 0;
}

static int parse_mark_pair(struct nlattr **attrs, struct xlvs_request *request)
{
	if (!attrs[XLVS_ATTR_MARK_NEAR] || !attrs[XLVS_ATTR_MARK_FAR])
		return attrs[XLVS_ATTR_MARK_NEAR] || attrs[XLVS_ATTR_MARK_FAR] ? -EINVAL : 0;
	request->mark_near = nla_get_u32(attrs[XLVS_ATTR_MARK_NEAR]);
	request->mark_far = nla_get_u32(attrs[XLVS_ATTR_MARK_FAR]);
	request->given |= XLVS_GIVEN_MARK_PAIR;
	return 0;
}

static int parse_setting(struct nlattr **attrs, struct xlvs_request *request)
{
	if (!attrs[XLVS_ATTR_SETTING] || !attrs[XLVS_ATTR_SETTING_VALUE])
		return -EINVAL;
	copy_string(request->setting, sizeof(request->setting), attrs[XLVS_ATTR_SETTING]);
	copy_string(request->value, sizeof(request->value), attrs[XLVS_ATTR_SETTING_VALUE]);
	request->given |= XLVS_GIVEN_SETTING;
	return 0;
}

static int parse_nothing(struct nlattr **attrs, struct xlvs_request *request)
{
	(void)attrs;
	(void)request;
	return 0;
}

static const struct command commands[] = {
	{XLVS_FAMILY_CONTROL, CTRL_CMD_GETFAMILY, true, false, parse_family_name},
	{XLVS_FAMILY_IPVS, IPVS_CMD_NEW_SERVICE, true, false, parse_full_service},
	{XLVS_FAMILY_IPVS, IPVS_CMD_SET_SERVICE, true, false, parse_full_service},
	{XLVS_FAMILY_IPVS, IPVS_CMD_DEL_SERVICE, true, false, parse_service_key},
	{XLVS_FAMILY_IPVS, IPVS_CMD_GET_SERVICE, true, true, parse_service_key},
	{XLVS_FAMILY_IPVS, IPVS_CMD_NEW_DEST, true, false, parse_full_dest},
	{XLVS_FAMILY_IPVS, IPVS_CMD_SET_DEST, true, false, parse_full_dest},
	{XLVS_FAMILY_IPVS, IPVS_CMD_DEL_DEST, true, false, parse_dest_key},
	{XLVS_FAMILY_IPVS, IPVS_CMD_GET_DEST, false, true, parse_dump_key},
	{XLVS_FAMILY_IPVS, IPVS_CMD_NEW_DAEMON, true, false, parse_sync},
	{XLVS_FAMILY_IPVS, IPVS_CMD_DEL_DAEMON, true, false, parse_sync},
	{XLVS_FAMILY_IPVS, IPVS_CMD_GET_DAEMON, false, true, parse_nothing},
	{XLVS_FAMILY_IPVS, IPVS_CMD_SET_CONFIG, true, false, parse_timeouts},
	{XLVS_FAMILY_IPVS, IPVS_CMD_GET_CONFIG, true, false, parse_nothing},
	{XLVS_FAMILY_IPVS, IPVS_CMD_GET_INFO, true, false, parse_nothing},
	{XLVS_FAMILY_IPVS, IPVS_CMD_ZERO, true, false, parse_optional_service_key},
	{XLVS_FAMILY_IPVS, IPVS_CMD_FLUSH, true, false, parse_nothing},
	{XLVS_FAMILY_XLVS, XLVS_CMD_GET_STATUS, true, false, parse_nothing},
	{XLVS_FAMILY_XLVS, XLVS_CMD_GET_DROPS, true, false, parse_nothing},
	{XLVS_FAMILY_XLVS, XLVS_CMD_GET_CONNS, false, true, parse_nothing},
	{XLVS_FAMILY_XLVS, XLVS_CMD_NEW_LADDR, true, false, parse_local},
	{XLVS_FAMILY_XLVS, XLVS_CMD_DEL_LADDR, true, false, parse_local},
	{XLVS_FAMILY_XLVS, XLVS_CMD_GET_LADDR, false, true, parse_optional_local_key},
	{XLVS_FAMILY_XLVS, XLVS_CMD_NEW_MARKS, true, false, parse_marks},
	{XLVS_FAMILY_XLVS, XLVS_CMD_DEL_MARK, true, false, parse_marks},
	{XLVS_FAMILY_XLVS, XLVS_CMD_FLUSH_MARKS, true, false, parse_nothing},
	{XLVS_FAMILY_XLVS, XLVS_CMD_GET_MARKS, true, false, parse_nothing},
	{XLVS_FAMILY_XLVS, XLVS_CMD_CARRY_MARKS, true, false, parse_mark_pair},
	{XLVS_FAMILY_XLVS, XLVS_CMD_SET_SETTING, true, false, parse_setting},
	{XLVS_FAMILY_XLVS, XLVS_CMD_GET_SETTINGS, true, false, parse_nothing},
};

static const struct command *find_command(const struct xlvs_request *request)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct command *command = &commands[i];

		if (command->family == request->family && command->number == request->command &&
		    (request->dump ? command->is_dump : command->is_do))
			return command;
	}
	return NULL;
}

/* All families' attributes lie in one array: the longest one is ours. */
static int parse_attributes(const struct nlmsghdr *header, struct nlattr **attrs,
			    enum xlvs_family family)
{
	char *data = (char *)header + NLMSG_HDRLEN + GENL_HDRLEN;
	int bytes = (int)(header->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
	int r = 0;

	if (family == XLVS_FAMILY_IPVS)
		r = nla_parse(attrs, IPVS_CMD_ATTR_MAX, (struct nlattr *)(void *)data, bytes,
			      message_policy);
	else if (family == XLVS_FAMILY_CONTROL)
		r = nla_parse(attrs, CTRL_ATTR_FAMILY_NAME, (struct nlattr *)(void *)data, bytes,
			      control_policy);
	else
		r = nla_parse(attrs, XLVS_ATTR_END - 1, (struct nlattr *)(void *)data, bytes,
			      xlvs_policy);
	if (r < 0)
		return r == -NLE_RANGE ? -ERANGE : -EINVAL;
	return 0;
}

int xlvs_request_decode(const void *datagram, size_t bytes, struct xlvs_request *ret_request)
{
	const struct nlmsghdr *header = datagram;
	struct nlattr *attrs[XLVS_ATTR_END] = {0};
	const struct genlmsghdr *genl;
	const struct command *command;
	int r;

	if (bytes < NLMSG_HDRLEN || header->nlmsg_len < NLMSG_HDRLEN || header->nlmsg_len > bytes)
		return -EBADMSG;
	*ret_request = (struct xlvs_request){
		.family = header->nlmsg_type,
		.dump = (header->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP,
		.wants_ack = header->nlmsg_flags & NLM_F_ACK,
		.sequence = header->nlmsg_seq,
		.port = header->nlmsg_pid,
	};
	if (!(header->nlmsg_flags & NLM_F_REQUEST) || header->nlmsg_type < NLMSG_MIN_TYPE)
		return -ENODATA;
	if (header->nlmsg_type != XLVS_FAMILY_CONTROL && header->nlmsg_type != XLVS_FAMILY_IPVS &&
	    header->nlmsg_type != XLVS_FAMILY_XLVS)
		return -ENOENT;
	if (header->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN)
		return -EINVAL;
	genl = (const struct genlmsghdr *)(const void *)((const char *)datagram + NLMSG_HDRLEN);
	ret_request->command = genl->cmd;
	command = find_command(ret_request);
	if (!command)
		return -EOPNOTSUPP;
	r = parse_attributes(header, attrs, ret_request->family);
	return r < 0 ? r : command->parse(attrs, ret_request);
}
