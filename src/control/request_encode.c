// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/request.h"

#include "control/dest_way.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <sys/socket.h>

/* Room for everything but an array. */
#define PARTS_BYTES 4096

/* Each put_*() returns libnl's result: negative when the message has no more room. */

static int put_address(struct nl_msg *message, int attr, const struct xlvs_address *address)
{
	return nla_put(message, attr, sizeof(*address), address);
}

static int put_service_key(struct nl_msg *message, const struct xlvs_service_key *key)
{
	int r = nla_put_u16(message, IPVS_SVC_ATTR_AF, key->family);

	if (key->fwmark)
		return r | nla_put_u32(message, IPVS_SVC_ATTR_FWMARK, key->fwmark);
	return r | nla_put_u16(message, IPVS_SVC_ATTR_PROTOCOL, key->protocol) |
	       put_address(message, IPVS_SVC_ATTR_ADDR, &key->address) |
	       nla_put_u16(message, IPVS_SVC_ATTR_PORT, key->port);
}

static int put_service(struct nl_msg *message, int attr, const struct xlvs_service_spec *spec,
		       bool full)
{
	struct ip_vs_flags flags = {.flags = spec->flags, .mask = spec->flags_mask};
	struct nlattr *nest = nla_nest_start(message, attr);
	int r;

	if (!nest)
		return -1;
	r = put_service_key(message, &spec->key);
	if (full) {
		r |= nla_put_string(message, IPVS_SVC_ATTR_SCHED_NAME, spec->scheduler);
		if (spec->pe[0])
			r |= nla_put_string(message, IPVS_SVC_ATTR_PE_NAME, spec->pe);
		r |= nla_put(message, IPVS_SVC_ATTR_FLAGS, sizeof(flags), &flags) |
		     nla_put_u32(message, IPVS_SVC_ATTR_TIMEOUT, spec->timeout_sec) |
		     nla_put_u32(message, IPVS_SVC_ATTR_NETMASK, spec->netmask);
	}
	nla_nest_end(message, nest);
	return r;
}

static int put_dest(struct nl_msg *message, const struct xlvs_dest_spec *spec, bool full)
{
	struct nlattr *nest = nla_nest_start(message, IPVS_CMD_ATTR_DEST);
	int r;

	if (!nest)
		return -1;
	r = nla_put_u16(message, IPVS_DEST_ATTR_ADDR_FAMILY, spec->key.family) |
	    put_address(message, IPVS_DEST_ATTR_ADDR, &spec->key.address) |
	    nla_put_u16(message, IPVS_DEST_ATTR_PORT, spec->key.port);
	if (full)
		r |= nla_put_u32(message, IPVS_DEST_ATTR_FWD_METHOD, spec->method) |
		     nla_put_u32(message, IPVS_DEST_ATTR_WEIGHT, (uint32_t)spec->weight) |
		     xlvs_dest_way_put(message, spec) |
		     nla_put_u32(message, IPVS_DEST_ATTR_U_THRESH, spec->upper_threshold) |
		     nla_put_u32(message, IPVS_DEST_ATTR_L_THRESH, spec->lower_threshold);
	nla_nest_end(message, nest);
	return r;
}

static int put_sync(struct nl_msg *message, const struct xlvs_sync_spec *sync)
{
	struct nlattr *nest = nla_nest_start(message, IPVS_CMD_ATTR_DAEMON);
	int r;

	if (!nest)
		return -1;
	r = nla_put_u32(message, IPVS_DAEMON_ATTR_STATE, sync->role) |
	    nla_put_string(message, IPVS_DAEMON_ATTR_MCAST_IFN, sync->interface) |
	    nla_put_u32(message, IPVS_DAEMON_ATTR_SYNC_ID, sync->sync_id);
	if (sync->max_message_bytes)
		r |= nla_put_u16(message, IPVS_DAEMON_ATTR_SYNC_MAXLEN, sync->max_message_bytes);
	if (sync->group_family == AF_INET)
		r |= nla_put(message, IPVS_DAEMON_ATTR_MCAST_GROUP, 4, &sync->group);
	if (sync->group_family == AF_INET6)
		r |= put_address(message, IPVS_DAEMON_ATTR_MCAST_GROUP6, &sync->group);
	if (sync->port)
		r |= nla_put_u16(message, IPVS_DAEMON_ATTR_MCAST_PORT, sync->port);
	if (sync->ttl)
		r |= nla_put_u8(message, IPVS_DAEMON_ATTR_MCAST_TTL, sync->ttl);
	nla_nest_end(message, nest);
	return r;
}

static int put_timeouts(struct nl_msg *message, const struct xlvs_timeouts *timeouts)
{
	return nla_put_u32(message, IPVS_CMD_ATTR_TIMEOUT_TCP, timeouts->tcp_sec) |
	       nla_put_u32(message, IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, timeouts->tcp_fin_sec) |
	       nla_put_u32(message, IPVS_CMD_ATTR_TIMEOUT_UDP, timeouts->udp_sec);
}

static int put_local(struct nl_msg *message, const struct xlvs_local_address *local)
{
	return nla_put_u16(message, XLVS_ATTR_LADDR_FAMILY, local->family) |
	       put_address(message, XLVS_ATTR_LADDR, &local->address);
}

static int put_parts(struct nl_msg *message, const struct xlvs_request *request)
{
	int service =
		request->family == XLVS_FAMILY_IPVS ? IPVS_CMD_ATTR_SERVICE : XLVS_ATTR_SERVICE;
	int r = 0;

	if (request->family == XLVS_FAMILY_CONTROL)
		return nla_put_string(message, CTRL_ATTR_FAMILY_NAME, request->family_name);
	if (request->given & (XLVS_GIVEN_SERVICE_KEY | XLVS_GIVEN_SERVICE_FULL))
		r |= put_service(message, service, &request->service,
				 request->given & XLVS_GIVEN_SERVICE_FULL);
	if (request->given & (XLVS_GIVEN_DEST_KEY | XLVS_GIVEN_DEST_FULL))
		r |= put_dest(message, &request->dest, request->given & XLVS_GIVEN_DEST_FULL);
	if (request->given & XLVS_GIVEN_SYNC)
		r |= put_sync(message, &request->sync);
	if (request->given & XLVS_GIVEN_LOCAL)
		r |= put_local(message, &request->local);
	if (request->given & XLVS_GIVEN_MARKS)
		r |= nla_put(message, XLVS_ATTR_MARKS,
			     (int)(request->n_marks * sizeof(*request->marks)), request->marks);
	if (request->given & XLVS_GIVEN_MARK_PAIR)
		r |= nla_put_u32(message, XLVS_ATTR_MARK_NEAR, request->mark_near) |
		     nla_put_u32(message, XLVS_ATTR_MARK_FAR, request->mark_far);
	if (request->given & XLVS_GIVEN_SETTING)
		r |= nla_put_string(message, XLVS_ATTR_SETTING, request->setting) |
		     nla_put_string(message, XLVS_ATTR_SETTING_VALUE, request->value);
	if (request->family == XLVS_FAMILY_IPVS && request->command == IPVS_CMD_SET_CONFIG)
		r |= put_timeouts(message, &request->timeouts);
	return r;
}

int xlvs_request_encode(const struct xlvs_request *request, struct nl_msg **ret_message)
{
	int flags = NLM_F_REQUEST | (request->dump ? NLM_F_DUMP : 0) |
		    (request->wants_ack ? NLM_F_ACK : 0);
	size_t bytes = PARTS_BYTES + request->n_marks * sizeof(*request->marks);
	struct nl_msg *message = nlmsg_alloc_size(bytes);

	if (!message)
		return -ENOMEM;
	/* Both families and nlctrl's GETFAMILY are at version 1. */
	if (!genlmsg_put(message, request->port, request->sequence, (int)request->family, 0, flags,
			 request->command, IPVS_GENL_VERSION) ||
	    put_parts(message, request) < 0) {
		nlmsg_free(message);
		return -ENOMEM;
	}
	*ret_message = message;
	return 0;
}
