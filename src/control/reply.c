// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/reply.h"

#include "base/error.h"
#include "control/dest_way.h"
#include "control/request.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

/* A message of several KiB keeps a long document's overhead small and a datagram modest. */
#define JSON_PIECE_BYTES 16384

void xlvs_reply_init(struct xlvs_reply *reply, const struct xlvs_request *request,
		     int (*sink)(void *context, const void *datagram, size_t bytes), void *context)
{
	*reply = (struct xlvs_reply){
		.sink = sink,
		.context = context,
		.sequence = request->sequence,
		.port = request->port,
		.family = (uint16_t)request->family,
		.command = request->command,
		.is_dump = request->dump,
	};
}

void xlvs_reply_dump(struct xlvs_reply *reply, const struct xlvs_dump *dump)
{
	reply->dump = *dump;
}

static struct nl_msg *data_message(const struct xlvs_reply *reply, uint8_t command, size_t payload)
{
	struct nl_msg *message = nlmsg_alloc_size(payload + 256);

	if (message && !genlmsg_put(message, reply->port, reply->sequence, reply->family, 0,
				    reply->is_dump ? NLM_F_MULTI : 0, command, 1)) {
		nlmsg_free(message);
		message = NULL;
	}
	return message;
}

/* Send what was made and free it; `r` is the sum of the put results, negative when one failed. */
static int send_message(struct xlvs_reply *reply, struct nl_msg *message, int r)
{
	const struct nlmsghdr *header = nlmsg_hdr(message);

	r = r < 0 ? -EMSGSIZE : reply->sink(reply->context, header, header->nlmsg_len);
	nlmsg_free(message);
	return r;
}

/* Without the flag that marks nests: the kernel's IPVS does not set it, and clients compare types
 * as they stand. */
static struct nlattr *begin_nest(struct nl_msg *message, int attr)
{
	return nla_reserve(message, attr, 0);
}

/* The old form, in which all but bytes is cut to 32 bits. */
static int put_stats32(struct nl_msg *message, int attr, const struct xlvs_stats *stats)
{
	struct nlattr *nest = begin_nest(message, attr);
	int r;

	if (!nest)
		return -1;
	r = nla_put_u32(message, IPVS_STATS_ATTR_CONNS, (uint32_t)stats->total.conns) |
	    nla_put_u32(message, IPVS_STATS_ATTR_INPKTS, (uint32_t)stats->total.in_packets) |
	    nla_put_u32(message, IPVS_STATS_ATTR_OUTPKTS, (uint32_t)stats->total.out_packets) |
	    nla_put_u64(message, IPVS_STATS_ATTR_INBYTES, stats->total.in_bytes) |
	    nla_put_u64(message, IPVS_STATS_ATTR_OUTBYTES, stats->total.out_bytes) |
	    nla_put_u32(message, IPVS_STATS_ATTR_CPS, (uint32_t)stats->conns_per_sec) |
	    nla_put_u32(message, IPVS_STATS_ATTR_INPPS, (uint32_t)stats->in_packets_per_sec) |
	    nla_put_u32(message, IPVS_STATS_ATTR_OUTPPS, (uint32_t)stats->out_packets_per_sec) |
	    nla_put_u32(message, IPVS_STATS_ATTR_INBPS, (uint32_t)stats->in_bytes_per_sec) |
	    nla_put_u32(message, IPVS_STATS_ATTR_OUTBPS, (uint32_t)stats->out_bytes_per_sec);
	nla_nest_end(message, nest);
	return r;
}

static int put_stats64(struct nl_msg *message, int attr, const struct xlvs_stats *stats)
{
	struct nlattr *nest = begin_nest(message, attr);
	int r;

	if (!nest)
		return -1;
	r = nla_put_u64(message, IPVS_STATS_ATTR_CONNS, stats->total.conns) |
	    nla_put_u64(message, IPVS_STATS_ATTR_INPKTS, stats->total.in_packets) |
	    nla_put_u64(message, IPVS_STATS_ATTR_OUTPKTS, stats->total.out_packets) |
	    nla_put_u64(message, IPVS_STATS_ATTR_INBYTES, stats->total.in_bytes) |
	    nla_put_u64(message, IPVS_STATS_ATTR_OUTBYTES, stats->total.out_bytes) |
	    nla_put_u64(message, IPVS_STATS_ATTR_CPS, stats->conns_per_sec) |
	    nla_put_u64(message, IPVS_STATS_ATTR_INPPS, stats->in_packets_per_sec) |
	    nla_put_u64(message, IPVS_STATS_ATTR_OUTPPS, stats->out_packets_per_sec) |
	    nla_put_u64(message, IPVS_STATS_ATTR_INBPS, stats->in_bytes_per_sec) |
	    nla_put_u64(message, IPVS_STATS_ATTR_OUTBPS, stats->out_bytes_per_sec);
	nla_nest_end(message, nest);
	return r;
}

static int put_key(struct nl_msg *message, const struct xlvs_service_key *key)
{
	int r = nla_put_u16(message, IPVS_SVC_ATTR_AF, key->family);

	if (key->fwmark)
		return r | nla_put_u32(message, IPVS_SVC_ATTR_FWMARK, key->fwmark);
	return r | nla_put_u16(message, IPVS_SVC_ATTR_PROTOCOL, key->protocol) |
	       nla_put(message, IPVS_SVC_ATTR_ADDR, sizeof(key->address), &key->address) |
	       nla_put_u16(message, IPVS_SVC_ATTR_PORT, key->port);
}

static int put_service(struct nl_msg *message, const struct xlvs_service_info *service)
{
	const struct xlvs_service_spec *spec = &service->spec;
	struct ip_vs_flags flags = {.flags = spec->flags, .mask = ~0U};
	struct nlattr *nest = begin_nest(message, IPVS_CMD_ATTR_SERVICE);
	int r;

	if (!nest)
		return -1;
	r = put_key(message, &spec->key);
	r |= nla_put_string(message, IPVS_SVC_ATTR_SCHED_NAME, spec->scheduler);
	if (spec->pe[0])
		r |= nla_put_string(message, IPVS_SVC_ATTR_PE_NAME, spec->pe);
	r |= nla_put(message, IPVS_SVC_ATTR_FLAGS, sizeof(flags), &flags) |
	     nla_put_u32(message, IPVS_SVC_ATTR_TIMEOUT, spec->timeout_sec) |
	     nla_put_u32(message, IPVS_SVC_ATTR_NETMASK, spec->netmask) |
	     put_stats32(message, IPVS_SVC_ATTR_STATS, &service->stats) |
	     put_stats64(message, IPVS_SVC_ATTR_STATS64, &service->stats);
	nla_nest_end(message, nest);
	return r;
}

int xlvs_reply_service(struct xlvs_reply *reply, const struct xlvs_service_info *service)
{
	struct nl_msg *message = data_message(reply, IPVS_CMD_NEW_SERVICE, 1024);

	if (!message)
		return -ENOMEM;
	return send_message(reply, message, put_service(message, service));
}

static int put_dest(struct nl_msg *message, const struct xlvs_dest_info *dest)
{
	const struct xlvs_dest_spec *spec = &dest->spec;
	struct nlattr *nest = begin_nest(message, IPVS_CMD_ATTR_DEST);
	int r;

	if (!nest)
		return -1;
	r = nla_put(message, IPVS_DEST_ATTR_ADDR, sizeof(spec->key.address), &spec->key.address) |
	    nla_put_u16(message, IPVS_DEST_ATTR_PORT, spec->key.port) |
	    nla_put_u32(message, IPVS_DEST_ATTR_FWD_METHOD, spec->method) |
	    nla_put_u32(message, IPVS_DEST_ATTR_WEIGHT, (uint32_t)spec->weight) |
	    xlvs_dest_way_put(message, spec) |
	    nla_put_u32(message, IPVS_DEST_ATTR_U_THRESH, spec->upper_threshold) |
	    nla_put_u32(message, IPVS_DEST_ATTR_L_THRESH, spec->lower_threshold) |
	    nla_put_u32(message, IPVS_DEST_ATTR_ACTIVE_CONNS, dest->active) |
	    nla_put_u32(message, IPVS_DEST_ATTR_INACT_CONNS, dest->inactive) |
	    nla_put_u32(message, IPVS_DEST_ATTR_PERSIST_CONNS, dest->persistent) |
	    nla_put_u16(message, IPVS_DEST_ATTR_ADDR_FAMILY, spec->key.family) |
	    put_stats32(message, IPVS_DEST_ATTR_STATS, &dest->stats) |
	    put_stats64(message, IPVS_DEST_ATTR_STATS64, &dest->stats);
	nla_nest_end(message, nest);
	return r;
}

int xlvs_reply_dest(struct xlvs_reply *reply, const struct xlvs_dest_info *dest)
{
	struct nl_msg *message = data_message(reply, IPVS_CMD_NEW_DEST, 1024);

	if (!message)
		return -ENOMEM;
	return send_message(reply, message, put_dest(message, dest));
}

static int put_local(struct nl_msg *message, const struct xlvs_service_key *service,
		     const struct xlvs_local_address *local)
{
	struct nlattr *nest = begin_nest(message, XLVS_ATTR_SERVICE);
	int r;

	if (!nest)
		return -1;
	r = put_key(message, service);
	nla_nest_end(message, nest);
	return r | nla_put_u16(message, XLVS_ATTR_LADDR_FAMILY, local->family) |
	       nla_put(message, XLVS_ATTR_LADDR, sizeof(local->address), &local->address);
}

int xlvs_reply_local(struct xlvs_reply *reply, const struct xlvs_service_key *service,
		     const struct xlvs_local_address *local)
{
	struct nl_msg *message = data_message(reply, reply->command, 256);

	if (!message)
		return -ENOMEM;
	return send_message(reply, message, put_local(message, service, local));
}

int xlvs_reply_config(struct xlvs_reply *reply, const struct xlvs_timeouts *timeouts)
{
	struct nl_msg *message = data_message(reply, IPVS_CMD_SET_CONFIG, 64);

	if (!message)
		return -ENOMEM;
	return send_message(
		reply, message,
		nla_put_u32(message, IPVS_CMD_ATTR_TIMEOUT_TCP, timeouts->tcp_sec) |
			nla_put_u32(message, IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, timeouts->tcp_fin_sec) |
			nla_put_u32(message, IPVS_CMD_ATTR_TIMEOUT_UDP, timeouts->udp_sec));
}

int xlvs_reply_info(struct xlvs_reply *reply, const struct xlvs_director_info *info)
{
	struct nl_msg *message = data_message(reply, IPVS_CMD_SET_INFO, 64);

	if (!message)
		return -ENOMEM;
	return send_message(reply, message,
			    nla_put_u32(message, IPVS_INFO_ATTR_VERSION, info->version) |
				    nla_put_u32(message, IPVS_INFO_ATTR_CONN_TAB_SIZE,
						info->connection_table_size));
}

static int put_sync(struct nl_msg *message, const struct xlvs_sync_spec *sync)
{
	struct nlattr *nest = begin_nest(message, IPVS_CMD_ATTR_DAEMON);
	int r;

	if (!nest)
		return -1;
	r = nla_put_u32(message, IPVS_DAEMON_ATTR_STATE, sync->role) |
	    nla_put_string(message, IPVS_DAEMON_ATTR_MCAST_IFN, sync->interface) |
	    nla_put_u32(message, IPVS_DAEMON_ATTR_SYNC_ID, sync->sync_id) |
	    nla_put_u16(message, IPVS_DAEMON_ATTR_SYNC_MAXLEN, sync->max_message_bytes) |
	    nla_put_u16(message, IPVS_DAEMON_ATTR_MCAST_PORT, sync->port) |
	    nla_put_u8(message, IPVS_DAEMON_ATTR_MCAST_TTL, sync->ttl);
	if (sync->group_family == AF_INET)
		r |= nla_put(message, IPVS_DAEMON_ATTR_MCAST_GROUP, 4, &sync->group);
	if (sync->group_family == AF_INET6)
		r |= nla_put(message, IPVS_DAEMON_ATTR_MCAST_GROUP6, sizeof(sync->group),
			     &sync->group);
	nla_nest_end(message, nest);
	return r;
}

int xlvs_reply_sync(struct xlvs_reply *reply, const struct xlvs_sync_spec *sync)
{
	struct nl_msg *message = data_message(reply, IPVS_CMD_NEW_DAEMON, 256);

	if (!message)
		return -ENOMEM;
	return send_message(reply, message, put_sync(message, sync));
}

static int reply_piece(struct xlvs_reply *reply, const char *piece, size_t bytes)
{
	struct nl_msg *message = data_message(reply, reply->command, bytes + 1);
	struct nlattr *attr;

	if (!message)
		return -ENOMEM;
	attr = nla_reserve(message, XLVS_ATTR_JSON, (int)bytes + 1);
	if (attr) {
		memcpy(nla_data(attr), piece, bytes);
		((char *)nla_data(attr))[bytes] = '\0';
	}
	return send_message(reply, message, attr ? 0 : -1);
}

int xlvs_reply_json(struct xlvs_reply *reply, const char *document)
{
	size_t left = strlen(document);
	int r;

	do {
		size_t bytes = left < JSON_PIECE_BYTES ? left : JSON_PIECE_BYTES;

		r = reply_piece(reply, document, bytes);
		document += bytes;
		left -= bytes;
	} while (r == 0 && left);
	return r;
}

int xlvs_reply_conns(struct xlvs_reply *reply, const struct xlvs_conn_entry *entries,
		     size_t n_entries, const struct xlvs_conn_pe *pe)
{
	struct nl_msg *message;
	size_t bytes = n_entries * sizeof(*entries);
	int r;

	if (n_entries > XLVS_CONNS_PER_REPLY)
		return -EMSGSIZE;
	message = data_message(reply, reply->command, bytes + sizeof(*pe));
	if (!message)
		return -ENOMEM;
	r = nla_put(message, XLVS_ATTR_CONNS, (int)bytes, entries);
	if (pe)
		r |= nla_put(message, XLVS_ATTR_CONN_PE, sizeof(*pe), pe);
	return send_message(reply, message, r);
}

int xlvs_reply_family(struct xlvs_reply *reply, const char *name)
{
	bool is_ipvs = strcmp(name, IPVS_GENL_NAME) == 0;
	struct nl_msg *message;

	if (!is_ipvs && strcmp(name, XLVS_GENL_NAME) != 0)
		return -ENOENT;
	message = data_message(reply, CTRL_CMD_NEWFAMILY, 256);
	if (!message)
		return -ENOMEM;
	return send_message(reply, message,
			    nla_put_string(message, CTRL_ATTR_FAMILY_NAME, name) |
				    nla_put_u16(message, CTRL_ATTR_FAMILY_ID,
						is_ipvs ? XLVS_FAMILY_IPVS : XLVS_FAMILY_XLVS) |
				    nla_put_u32(message, CTRL_ATTR_VERSION, 1) |
				    nla_put_u32(message, CTRL_ATTR_HDRSIZE, 0) |
				    nla_put_u32(message, CTRL_ATTR_MAXATTR,
						is_ipvs ? IPVS_CMD_ATTR_MAX : XLVS_ATTR_END - 1));
}

/* As the kernel with its extended acknowledgements: the refused message's header alone is
 * returned, and a sentence follows as an attribute. */
int xlvs_reply_end(struct xlvs_reply *reply, int code, const struct xlvs_error *error)
{
	bool has_text = code < 0 && error && error->text[0];
	int flags = NLM_F_CAPPED | (has_text ? NLM_F_ACK_TLVS : 0);
	struct nlmsgerr ack = {
		.error = code,
		.msg = {.nlmsg_len = NLMSG_HDRLEN,
			.nlmsg_type = reply->family,
			.nlmsg_seq = reply->sequence,
			.nlmsg_pid = reply->port},
	};
	struct nl_msg *message = nlmsg_alloc_size(1024);
	int r;

	if (!message)
		return -ENOMEM;
	r = nlmsg_put(message, reply->port, reply->sequence, NLMSG_ERROR, 0, flags) ? 0 : -1;
	if (r == 0)
		r = nlmsg_append(message, &ack, sizeof(ack), NLMSG_ALIGNTO);
	if (r == 0 && has_text)
		r = nla_put_string(message, NLMSGERR_ATTR_MSG, error->text);
	return send_message(reply, message, r);
}

int xlvs_reply_done(struct xlvs_reply *reply, int code)
{
	struct nl_msg *message = nlmsg_alloc_size(256);
	int r;

	if (!message)
		return -ENOMEM;
	r = nlmsg_put(message, reply->port, reply->sequence, NLMSG_DONE, 0, NLM_F_MULTI) ? 0 : -1;
	if (r == 0)
		r = nlmsg_append(message, &code, sizeof(code), NLMSG_ALIGNTO);
	return send_message(reply, message, r);
}
