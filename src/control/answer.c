// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/answer.h"

#include "base/error.h"
#include "control/dest_way.h"
#include "control/ipvs_abi.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <string.h>
#include <sys/socket.h>

/* Where each of a stats nest's attributes goes; the counters of both nests have these numbers. */
static const struct {
	int attr;
	size_t offset;
} stats_fields[] = {
	{IPVS_STATS_ATTR_CONNS, offsetof(struct xlvs_stats, total.conns)},
	{IPVS_STATS_ATTR_INPKTS, offsetof(struct xlvs_stats, total.in_packets)},
	{IPVS_STATS_ATTR_OUTPKTS, offsetof(struct xlvs_stats, total.out_packets)},
	{IPVS_STATS_ATTR_INBYTES, offsetof(struct xlvs_stats, total.in_bytes)},
	{IPVS_STATS_ATTR_OUTBYTES, offsetof(struct xlvs_stats, total.out_bytes)},
	{IPVS_STATS_ATTR_CPS, offsetof(struct xlvs_stats, conns_per_sec)},
	{IPVS_STATS_ATTR_INPPS, offsetof(struct xlvs_stats, in_packets_per_sec)},
	{IPVS_STATS_ATTR_OUTPPS, offsetof(struct xlvs_stats, out_packets_per_sec)},
	{IPVS_STATS_ATTR_INBPS, offsetof(struct xlvs_stats, in_bytes_per_sec)},
	{IPVS_STATS_ATTR_OUTBPS, offsetof(struct xlvs_stats, out_bytes_per_sec)},
};

static struct nla_policy service_policy[IPVS_SVC_ATTR_MAX + 1] = {
	[IPVS_SVC_ATTR_AF] = {.type = NLA_U16},
	[IPVS_SVC_ATTR_PROTOCOL] = {.type = NLA_U16},
	[IPVS_SVC_ATTR_ADDR] = {.minlen = sizeof(struct xlvs_address)},
	[IPVS_SVC_ATTR_PORT] = {.type = NLA_U16},
	[IPVS_SVC_ATTR_FWMARK] = {.type = NLA_U32},
	[IPVS_SVC_ATTR_SCHED_NAME] = {.type = NLA_STRING, .maxlen = XLVS_SCHEDULER_NAME_BYTES},
	[IPVS_SVC_ATTR_PE_NAME] = {.type = NLA_STRING, .maxlen = XLVS_PE_NAME_BYTES},
	[IPVS_SVC_ATTR_FLAGS] = {.minlen = sizeof(struct ip_vs_flags)},
	[IPVS_SVC_ATTR_TIMEOUT] = {.type = NLA_U32},
	[IPVS_SVC_ATTR_NETMASK] = {.type = NLA_U32},
};

static struct nla_policy dest_policy[XLVS_DEST_ATTR_MAX + 1] = {
	[IPVS_DEST_ATTR_ADDR] = {.minlen = sizeof(struct xlvs_address)},
	[IPVS_DEST_ATTR_PORT] = {.type = NLA_U16},
	[IPVS_DEST_ATTR_FWD_METHOD] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_WEIGHT] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_U_THRESH] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_L_THRESH] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_ACTIVE_CONNS] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_INACT_CONNS] = {.type = NLA_U32},
	[IPVS_DEST_ATTR_PERSIST_CONNS] = {.type = NLA_U32},
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
	[IPVS_DAEMON_ATTR_MCAST_GROUP] = {.minlen = 4},
	[IPVS_DAEMON_ATTR_MCAST_GROUP6] = {.minlen = sizeof(struct xlvs_address)},
	[IPVS_DAEMON_ATTR_MCAST_PORT] = {.type = NLA_U16},
	[IPVS_DAEMON_ATTR_MCAST_TTL] = {.type = NLA_U8},
};

static struct nla_policy info_policy[IPVS_CMD_ATTR_MAX + 1] = {
	[IPVS_INFO_ATTR_VERSION] = {.type = NLA_U32},
	[IPVS_INFO_ATTR_CONN_TAB_SIZE] = {.type = NLA_U32},
};

static struct nla_policy timeout_policy[IPVS_CMD_ATTR_MAX + 1] = {
	[IPVS_CMD_ATTR_TIMEOUT_TCP] = {.type = NLA_U32},
	[IPVS_CMD_ATTR_TIMEOUT_TCP_FIN] = {.type = NLA_U32},
	[IPVS_CMD_ATTR_TIMEOUT_UDP] = {.type = NLA_U32},
};

static struct nla_policy xlvs_policy[XLVS_ATTR_END] = {
	[XLVS_ATTR_JSON] = {.type = NLA_STRING},
	[XLVS_ATTR_LADDR_FAMILY] = {.type = NLA_U16},
};

static void *payload(const struct nlmsghdr *message)
{
	return (char *)message + NLMSG_HDRLEN;
}

static int payload_bytes(const struct nlmsghdr *message)
{
	return (int)message->nlmsg_len - NLMSG_HDRLEN;
}

static void read_sentence(const struct nlmsghdr *message, struct xlvs_error *reterr)
{
	struct nlattr *attr = nla_find(
		(struct nlattr *)(void *)((char *)payload(message) + sizeof(struct nlmsgerr)),
		payload_bytes(message) - (int)sizeof(struct nlmsgerr), NLMSGERR_ATTR_MSG);

	if (attr)
		nla_strlcpy(reterr->text, attr, sizeof(reterr->text));
}

int xlvs_answer_kind(const struct nlmsghdr *message, size_t bytes, enum xlvs_answer_kind *ret_kind,
		     int *ret_code, struct xlvs_error *reterr)
{
	int code = 0;

	if (bytes < NLMSG_HDRLEN || message->nlmsg_len < NLMSG_HDRLEN || message->nlmsg_len > bytes)
		return -EPROTO;
	if (message->nlmsg_type >= NLMSG_MIN_TYPE) {
		if (payload_bytes(message) < (int)GENL_HDRLEN)
			return -EPROTO;
		*ret_kind = XLVS_ANSWER_DATA;
		return 0;
	}
	if (message->nlmsg_type != NLMSG_ERROR && message->nlmsg_type != NLMSG_DONE)
		return -EPROTO;
	if (payload_bytes(message) < (int)sizeof(code))
		return -EPROTO;
	memcpy(&code, payload(message), sizeof(code));
	if (code > 0)
		return -EPROTO;
	if (reterr)
		reterr->text[0] = '\0';
	if (message->nlmsg_type == NLMSG_ERROR && (message->nlmsg_flags & NLM_F_ACK_TLVS) &&
	    payload_bytes(message) > (int)sizeof(struct nlmsgerr) && reterr)
		read_sentence(message, reterr);
	*ret_kind = XLVS_ANSWER_END;
	*ret_code = code;
	return 0;
}

static int parse(const struct nlmsghdr *message, struct nlattr **attrs, int max,
		 struct nla_policy *policy)
{
	struct nlattr *first = (struct nlattr *)(void *)((char *)payload(message) + GENL_HDRLEN);

	if (nla_parse(attrs, max, first, payload_bytes(message) - (int)GENL_HDRLEN, policy) < 0)
		return -EPROTO;
	return 0;
}

/* The attributes inside the one nest that the answer consists of. */
static int parse_nest(const struct nlmsghdr *message, int nest, struct nlattr **attrs, int max,
		      struct nla_policy *policy)
{
	struct nlattr *outer[IPVS_CMD_ATTR_MAX + 1];

	if (parse(message, outer, IPVS_CMD_ATTR_MAX, NULL) < 0 || !outer[nest] ||
	    nla_parse_nested(attrs, max, outer[nest], policy) < 0)
		return -EPROTO;
	return 0;
}

/* Each value is taken with the width it has: a nest of 32 or of 64 bits. */
static int read_stats(struct nlattr *nest, struct xlvs_stats *stats)
{
	struct nlattr *attrs[IPVS_STATS_ATTR_MAX + 1];

	if (!nest)
		return 0;
	if (nla_parse_nested(attrs, IPVS_STATS_ATTR_MAX, nest, NULL) < 0)
		return -EPROTO;
	for (size_t i = 0; i < sizeof(stats_fields) / sizeof(stats_fields[0]); i++) {
		struct nlattr *attr = attrs[stats_fields[i].attr];
		uint64_t value;

		if (!attr || (nla_len(attr) != 4 && nla_len(attr) != 8))
			return -EPROTO;
		value = nla_len(attr) == 8 ? nla_get_u64(attr) : nla_get_u32(attr);
		memcpy((char *)stats + stats_fields[i].offset, &value, sizeof(value));
	}
	return 0;
}

static void read_string(char *string, size_t bytes, struct nlattr *attr)
{
	if (attr)
		nla_strlcpy(string, attr, bytes);
}

static uint32_t read_u32(struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static uint16_t read_u16(struct nlattr *attr)
{
	return attr ? nla_get_u16(attr) : 0;
}

static void read_key(struct nlattr **attrs, struct xlvs_service_key *key)
{
	key->family = nla_get_u16(attrs[IPVS_SVC_ATTR_AF]);
	key->protocol = read_u16(attrs[IPVS_SVC_ATTR_PROTOCOL]);
	nla_memcpy(&key->address, attrs[IPVS_SVC_ATTR_ADDR], sizeof(key->address));
	key->port = read_u16(attrs[IPVS_SVC_ATTR_PORT]);
	key->fwmark = read_u32(attrs[IPVS_SVC_ATTR_FWMARK]);
}

int xlvs_answer_service(const struct nlmsghdr *message, struct xlvs_service_info *ret_service)
{
	struct nlattr *attrs[IPVS_SVC_ATTR_MAX + 1];
	struct xlvs_service_info info = {0};
	struct xlvs_service_spec *spec = &info.spec;
	struct ip_vs_flags flags = {0};

	if (parse_nest(message, IPVS_CMD_ATTR_SERVICE, attrs, IPVS_SVC_ATTR_MAX, service_policy) <
	    0)
		return -EPROTO;
	if (!attrs[IPVS_SVC_ATTR_AF] || !attrs[IPVS_SVC_ATTR_SCHED_NAME])
		return -EPROTO;
	read_key(attrs, &spec->key);
	read_string(spec->scheduler, sizeof(spec->scheduler), attrs[IPVS_SVC_ATTR_SCHED_NAME]);
	read_string(spec->pe, sizeof(spec->pe), attrs[IPVS_SVC_ATTR_PE_NAME]);
	nla_memcpy(&flags, attrs[IPVS_SVC_ATTR_FLAGS], sizeof(flags));
	spec->flags = flags.flags;
	spec->flags_mask = flags.mask;
	spec->timeout_sec = read_u32(attrs[IPVS_SVC_ATTR_TIMEOUT]);
	spec->netmask = read_u32(attrs[IPVS_SVC_ATTR_NETMASK]);
	if (read_stats(attrs[IPVS_SVC_ATTR_STATS64] ? attrs[IPVS_SVC_ATTR_STATS64]
						    : attrs[IPVS_SVC_ATTR_STATS],
		       &info.stats) < 0)
		return -EPROTO;
	*ret_service = info;
	return 0;
}

int xlvs_answer_dest(const struct nlmsghdr *message, struct xlvs_dest_info *ret_dest)
{
	struct nlattr *attrs[XLVS_DEST_ATTR_MAX + 1];
	struct xlvs_dest_info info = {0};
	struct xlvs_dest_spec *spec = &info.spec;

	if (parse_nest(message, IPVS_CMD_ATTR_DEST, attrs, XLVS_DEST_ATTR_MAX, dest_policy) < 0)
		return -EPROTO;
	if (!attrs[IPVS_DEST_ATTR_ADDR] || !attrs[IPVS_DEST_ATTR_ADDR_FAMILY])
		return -EPROTO;
	spec->key.family = nla_get_u16(attrs[IPVS_DEST_ATTR_ADDR_FAMILY]);
	nla_memcpy(&spec->key.address, attrs[IPVS_DEST_ATTR_ADDR], sizeof(spec->key.address));
	spec->key.port = read_u16(attrs[IPVS_DEST_ATTR_PORT]);
	spec->method = read_u32(attrs[IPVS_DEST_ATTR_FWD_METHOD]) & IP_VS_CONN_F_FWD_MASK;
	spec->weight = (int32_t)read_u32(attrs[IPVS_DEST_ATTR_WEIGHT]);
	spec->upper_threshold = read_u32(attrs[IPVS_DEST_ATTR_U_THRESH]);
	spec->lower_threshold = read_u32(attrs[IPVS_DEST_ATTR_L_THRESH]);
	xlvs_dest_way_get(attrs, spec);
	info.active = read_u32(attrs[IPVS_DEST_ATTR_ACTIVE_CONNS]);
	info.inactive = read_u32(attrs[IPVS_DEST_ATTR_INACT_CONNS]);
	info.persistent = read_u32(attrs[IPVS_DEST_ATTR_PERSIST_CONNS]);
	if (read_stats(attrs[IPVS_DEST_ATTR_STATS64] ? attrs[IPVS_DEST_ATTR_STATS64]
						     : attrs[IPVS_DEST_ATTR_STATS],
		       &info.stats) < 0)
		return -EPROTO;
	*ret_dest = info;
	return 0;
}

int xlvs_answer_config(const struct nlmsghdr *message, struct xlvs_timeouts *ret_timeouts)
{
	struct nlattr *attrs[IPVS_CMD_ATTR_MAX + 1];

	if (parse(message, attrs, IPVS_CMD_ATTR_MAX, timeout_policy) < 0)
		return -EPROTO;
	*ret_timeouts = (struct xlvs_timeouts){
		.tcp_sec = read_u32(attrs[IPVS_CMD_ATTR_TIMEOUT_TCP]),
		.tcp_fin_sec = read_u32(attrs[IPVS_CMD_ATTR_TIMEOUT_TCP_FIN]),
		.udp_sec = read_u32(attrs[IPVS_CMD_ATTR_TIMEOUT_UDP]),
	};
	return 0;
}

int xlvs_answer_info(const struct nlmsghdr *message, struct xlvs_director_info *ret_info)
{
	struct nlattr *attrs[IPVS_INFO_ATTR_MAX + 1];

	if (parse(message, attrs, IPVS_INFO_ATTR_MAX, info_policy) < 0 ||
	    !attrs[IPVS_INFO_ATTR_VERSION])
		return -EPROTO;
	*ret_info = (struct xlvs_director_info){
		.version = nla_get_u32(attrs[IPVS_INFO_ATTR_VERSION]),
		.connection_table_size = read_u32(attrs[IPVS_INFO_ATTR_CONN_TAB_SIZE]),
	};
	return 0;
}

int xlvs_answer_sync(const struct nlmsghdr *message, struct xlvs_sync_spec *ret_sync)
{
	struct nlattr *attrs[IPVS_DAEMON_ATTR_MAX + 1];
	struct xlvs_sync_spec sync = {0};

	if (parse_nest(message, IPVS_CMD_ATTR_DAEMON, attrs, IPVS_DAEMON_ATTR_MAX, sync_policy) < 0)
		return -EPROTO;
	sync.role = read_u32(attrs[IPVS_DAEMON_ATTR_STATE]);
	read_string(sync.interface, sizeof(sync.interface), attrs[IPVS_DAEMON_ATTR_MCAST_IFN]);
	sync.sync_id = read_u32(attrs[IPVS_DAEMON_ATTR_SYNC_ID]);
	sync.max_message_bytes = read_u16(attrs[IPVS_DAEMON_ATTR_SYNC_MAXLEN]);
	if (attrs[IPVS_DAEMON_ATTR_MCAST_GROUP]) {
		sync.group_family = AF_INET;
		nla_memcpy(&sync.group, attrs[IPVS_DAEMON_ATTR_MCAST_GROUP], 4);
	} else if (attrs[IPVS_DAEMON_ATTR_MCAST_GROUP6]) {
		sync.group_family = AF_INET6;
		nla_memcpy(&sync.group, attrs[IPVS_DAEMON_ATTR_MCAST_GROUP6], sizeof(sync.group));
	}
	sync.port = read_u16(attrs[IPVS_DAEMON_ATTR_MCAST_PORT]);
	if (attrs[IPVS_DAEMON_ATTR_MCAST_TTL])
		sync.ttl = nla_get_u8(attrs[IPVS_DAEMON_ATTR_MCAST_TTL]);
	*ret_sync = sync;
	return 0;
}

int xlvs_answer_local(const struct nlmsghdr *message, struct xlvs_local_info *ret_local)
{
	struct nlattr *attrs[XLVS_ATTR_END], *service[IPVS_SVC_ATTR_MAX + 1];
	struct xlvs_local_info info = {0};

	if (parse(message, attrs, XLVS_ATTR_END - 1, xlvs_policy) < 0 ||
	    !attrs[XLVS_ATTR_SERVICE] || !attrs[XLVS_ATTR_LADDR_FAMILY] ||
	    !attrs[XLVS_ATTR_LADDR] ||
	    nla_parse_nested(service, IPVS_SVC_ATTR_MAX, attrs[XLVS_ATTR_SERVICE], service_policy) <
		    0 ||
	    !service[IPVS_SVC_ATTR_AF])
		return -EPROTO;
	read_key(service, &info.service);
	info.local.family = nla_get_u16(attrs[XLVS_ATTR_LADDR_FAMILY]);
	nla_memcpy(&info.local.address, attrs[XLVS_ATTR_LADDR], sizeof(info.local.address));
	*ret_local = info;
	return 0;
}

int xlvs_answer_json(const struct nlmsghdr *message, const char **ret_piece)
{
	struct nlattr *attrs[XLVS_ATTR_END];

	if (parse(message, attrs, XLVS_ATTR_END - 1, xlvs_policy) < 0 || !attrs[XLVS_ATTR_JSON])
		return -EPROTO;
	*ret_piece = nla_get_string(attrs[XLVS_ATTR_JSON]);
	return 0;
}

static bool is_pe(const struct nlattr *attr)
{
	const struct xlvs_conn_pe *pe = nla_data(attr);

	return nla_len(attr) == sizeof(*pe) && memchr(pe->name, '\0', sizeof(pe->name)) &&
	       memchr(pe->data, '\0', sizeof(pe->data));
}

int xlvs_answer_conns(const struct nlmsghdr *message, const struct xlvs_conn_entry **ret_entries,
		      size_t *ret_n, const struct xlvs_conn_pe **ret_pe)
{
	struct nlattr *attrs[XLVS_ATTR_END];
	const struct xlvs_conn_entry *entries;
	const struct nlattr *pe;
	size_t bytes;

	if (parse(message, attrs, XLVS_ATTR_END - 1, xlvs_policy) < 0 || !attrs[XLVS_ATTR_CONNS])
		return -EPROTO;
	entries = nla_data(attrs[XLVS_ATTR_CONNS]);
	bytes = (size_t)nla_len(attrs[XLVS_ATTR_CONNS]);
	if (bytes % sizeof(*entries) != 0)
		return -EPROTO;
	for (size_t i = 0; i < bytes / sizeof(*entries); i++)
		if (!memchr(entries[i].state, '\0', sizeof(entries[i].state)))
			return -EPROTO;
	pe = attrs[XLVS_ATTR_CONN_PE];
	if (pe && !is_pe(pe))
		return -EPROTO;
	*ret_pe = pe ? nla_data(pe) : NULL;
	*ret_entries = entries;
	*ret_n = bytes / sizeof(*entries);
	return 0;
}
