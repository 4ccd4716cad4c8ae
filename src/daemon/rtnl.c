// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/rtnl.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define EVENT_BUFFER_BYTES   (8 << 20)
#define MESSAGE_BUFFER_BYTES 32768
#define READS_PER_TURN	     64
#define DUMP_TRIES	     5

struct xlvs_rtnl {
	struct nl_sock *events;
	struct nl_sock *queries;
	const struct xlvs_rtnl_handler *handler;
	bool left_out; /* by the kernel, of what happened */
	/* The answer to the query under way. */
	struct xlvs_route *route;
	bool answered;
	int (*visit)(void *context, const struct xlvs_prefix *prefix);
	void *visit_context;
	int visit_error;
};

static int system_error(int nl_error)
{
	switch (-nl_error) {
	case NLE_SUCCESS:
		return 0;
	case NLE_AGAIN:
		return -EAGAIN;
	case NLE_NOMEM:
		return -ENOBUFS;
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	case NLE_NOADDR:
		return -EADDRNOTAVAIL;
	case NLE_PERM:
	case NLE_NOACCESS:
		return -EACCES;
	case NLE_INVAL:
		return -EINVAL;
	case NLE_NODEV:
		return -ENODEV;
	case NLE_DUMP_INTR:
		return -EINTR;
	default:
		return -EIO;
	}
}

/* Attributes shorter than the type are left out, so a missing one and a malformed one read the
 * same: zero. */
static void copy_attribute(struct nlattr *attribute, void *to, size_t bytes)
{
	if (attribute && (size_t)nla_len(attribute) >= bytes)
		memcpy(to, nla_data(attribute), bytes);
}

static size_t address_bytes(uint32_t family)
{
	return family == AF_INET ? 4 : 16;
}

static bool is_ip(unsigned int family)
{
	return family == AF_INET || family == AF_INET6;
}

static void read_link_kinds(struct nlattr *info, struct xlvs_link *link)
{
	struct nlattr *attributes[IFLA_INFO_MAX + 1];

	if (!info || nla_parse_nested(attributes, IFLA_INFO_MAX, info, NULL) < 0)
		return;
	if (attributes[IFLA_INFO_KIND])
		nla_strlcpy(link->kind, attributes[IFLA_INFO_KIND], sizeof(link->kind));
	if (attributes[IFLA_INFO_SLAVE_KIND])
		nla_strlcpy(link->master_kind, attributes[IFLA_INFO_SLAVE_KIND],
			    sizeof(link->master_kind));
}

static void read_link(struct xlvs_rtnl *rtnl, struct nlmsghdr *header)
{
	struct nlattr *attributes[IFLA_MAX + 1];
	struct ifinfomsg *info = nlmsg_data(header);
	struct xlvs_link link = {0};

	/* Bridges speak of their ports in messages of a family of their own. */
	if (nlmsg_parse(header, sizeof(*info), attributes, IFLA_MAX, NULL) < 0 ||
	    info->ifi_family != AF_UNSPEC)
		return;
	link.ifindex = (uint32_t)info->ifi_index;
	link.flags = info->ifi_flags & (IFF_UP | IFF_RUNNING | IFF_LOOPBACK | IFF_NOARP);
	link.type = info->ifi_type;
	copy_attribute(attributes[IFLA_MTU], &link.mtu_bytes, sizeof(link.mtu_bytes));
	copy_attribute(attributes[IFLA_ADDRESS], link.mac, sizeof(link.mac));
	if (attributes[IFLA_IFNAME])
		nla_strlcpy(link.name, attributes[IFLA_IFNAME], sizeof(link.name));
	read_link_kinds(attributes[IFLA_LINKINFO], &link);
	rtnl->handler->link(rtnl->handler->context, &link, header->nlmsg_type == RTM_DELLINK);
}

static void read_neigh(struct xlvs_rtnl *rtnl, struct nlmsghdr *header)
{
	const unsigned int lasting = NUD_PERMANENT | NUD_NOARP;
	const unsigned int valid = lasting | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY;
	struct nlattr *attributes[NDA_MAX + 1];
	struct ndmsg *nd = nlmsg_data(header);
	bool is_gone = header->nlmsg_type == RTM_DELNEIGH;
	struct xlvs_neigh neigh = {0};

	if (nlmsg_parse(header, sizeof(*nd), attributes, NDA_MAX, NULL) < 0 ||
	    !is_ip(nd->ndm_family))
		return;
	neigh.key.ifindex = (uint32_t)nd->ndm_ifindex;
	neigh.key.family = nd->ndm_family;
	copy_attribute(attributes[NDA_DST], &neigh.key.address, address_bytes(nd->ndm_family));
	if (!is_gone) {
		neigh.settled = nd->ndm_state & lasting;
		neigh.has_mac = (nd->ndm_state & valid) && attributes[NDA_LLADDR] &&
				nla_len(attributes[NDA_LLADDR]) == sizeof(neigh.mac);
	}
	if (neigh.has_mac)
		copy_attribute(attributes[NDA_LLADDR], neigh.mac, sizeof(neigh.mac));
	rtnl->handler->neigh(rtnl->handler->context, &neigh, is_gone);
}

static bool read_prefix(struct nlmsghdr *header, struct xlvs_prefix *ret_prefix)
{
	struct nlattr *attributes[RTA_MAX + 1];
	struct rtmsg *rt = nlmsg_data(header);

	if (nlmsg_parse(header, sizeof(*rt), attributes, RTA_MAX, NULL) < 0 ||
	    !is_ip(rt->rtm_family) || (rt->rtm_flags & RTM_F_CLONED))
		return false;
	*ret_prefix = (struct xlvs_prefix){
		.family = rt->rtm_family,
		.bits = rt->rtm_dst_len,
		.type = rt->rtm_type,
	};
	copy_attribute(attributes[RTA_DST], &ret_prefix->address, address_bytes(rt->rtm_family));
	return true;
}

static void read_route_change(struct xlvs_rtnl *rtnl, struct nlmsghdr *header)
{
	struct xlvs_prefix prefix;

	if (!read_prefix(header, &prefix))
		return;
	rtnl->handler->changed(rtnl->handler->context, prefix.family, &prefix);
}

static int on_message(struct nl_msg *message, void *context)
{
	struct xlvs_rtnl *rtnl = context;
	struct nlmsghdr *header = nlmsg_hdr(message);

	switch (header->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		read_link(rtnl, header);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		read_neigh(rtnl, header);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		read_route_change(rtnl, header);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
	case RTM_NEWRULE:
	case RTM_DELRULE:
		/* All these messages begin with the family. */
		rtnl->handler->changed(rtnl->handler->context, *(uint8_t *)nlmsg_data(header),
				       NULL);
		break;
	case RTM_NEWNEXTHOP:
	case RTM_DELNEXTHOP:
		rtnl->handler->changed(rtnl->handler->context, AF_UNSPEC, NULL);
		break;
	default:
		break;
	}
	return NL_OK;
}

static struct nl_sock *open_socket(void)
{
	struct nl_sock *socket = nl_socket_alloc();
	int strict = 1;

	if (!socket)
		return NULL;
	nl_socket_disable_msg_peek(socket);
	/* Questions are answered; an ack after the answer would be taken for the next one. */
	nl_socket_disable_auto_ack(socket);
	nl_socket_set_msg_buf_size(socket, MESSAGE_BUFFER_BYTES);
	if (nl_connect(socket, NETLINK_ROUTE) < 0) {
		nl_socket_free(socket);
		return NULL;
	}
	/* A dump of one table is of that table alone. */
	setsockopt(nl_socket_get_fd(socket), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &strict,
		   sizeof(strict));
	return socket;
}

static int follow_changes(struct xlvs_rtnl *rtnl)
{
	int bytes = EVENT_BUFFER_BYTES;
	int r;

	nl_socket_disable_seq_check(rtnl->events);
	nl_socket_modify_cb(rtnl->events, NL_CB_VALID, NL_CB_CUSTOM, on_message, rtnl);
	/* Where it is refused the kernel's default has to do, and overflows are met by dumps. */
	setsockopt(nl_socket_get_fd(rtnl->events), SOL_SOCKET, SO_RCVBUFFORCE, &bytes,
		   sizeof(bytes));
	r = nl_socket_add_memberships(rtnl->events, RTNLGRP_LINK, RTNLGRP_NEIGH,
				      RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
				      RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE,
				      RTNLGRP_NEXTHOP, RTNLGRP_NONE);
	if (r == 0)
		r = nl_socket_set_nonblocking(rtnl->events);
	return system_error(r);
}

int xlvs_rtnl_open(const struct xlvs_rtnl_handler *handler, struct xlvs_rtnl **ret_rtnl)
{
	struct xlvs_rtnl *rtnl = calloc(1, sizeof(*rtnl));
	int r;

	if (!rtnl)
		return -ENOMEM;
	rtnl->handler = handler;
	rtnl->events = open_socket();
	rtnl->queries = open_socket();
	r = rtnl->events && rtnl->queries ? follow_changes(rtnl) : -EIO;
	if (r < 0) {
		xlvs_rtnl_close(rtnl);
		return r;
	}
	*ret_rtnl = rtnl;
	return 0;
}

void xlvs_rtnl_close(struct xlvs_rtnl *rtnl)
{
	if (!rtnl)
		return;
	nl_socket_free(rtnl->events);
	nl_socket_free(rtnl->queries);
	free(rtnl);
}

int xlvs_rtnl_fd(const struct xlvs_rtnl *rtnl)
{
	return nl_socket_get_fd(rtnl->events);
}

/* Once it has left something out the kernel says nothing more, not even that, until the socket is
 * empty: only a dump begun then misses nothing. */
int xlvs_rtnl_read(struct xlvs_rtnl *rtnl)
{
	for (int i = 0; i < READS_PER_TURN; i++) {
		int r = system_error(nl_recvmsgs_default(rtnl->events));

		if (r == -ENOBUFS) {
			rtnl->left_out = true;
		} else if (r == -EAGAIN) {
			r = rtnl->left_out ? -ENOBUFS : 0;
			rtnl->left_out = false;
			return r;
		} else if (r < 0) {
			return r;
		}
	}
	return 0;
}

bool xlvs_rtnl_has_news(const struct xlvs_rtnl *rtnl)
{
	char byte;

	return recv(nl_socket_get_fd(rtnl->events), &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) >=
		       0 ||
	       errno != EAGAIN;
}

/* A dump during which something changed may have left something out. */
static int dump(struct xlvs_rtnl *rtnl, int type, size_t header_bytes)
{
	/* The family, AF_UNSPEC, comes first in either header. */
	_Alignas(4) char header[sizeof(struct ifinfomsg)] = {0};
	int r = -EINTR;

	nl_socket_modify_cb(rtnl->queries, NL_CB_VALID, NL_CB_CUSTOM, on_message, rtnl);
	for (int i = 0; i < DUMP_TRIES && r == -EINTR; i++) {
		r = nl_send_simple(rtnl->queries, type, NLM_F_DUMP, header, header_bytes);
		if (r >= 0)
			r = nl_recvmsgs_default(rtnl->queries);
		r = system_error(r < 0 ? r : 0);
	}
	return r;
}

int xlvs_rtnl_dump(struct xlvs_rtnl *rtnl)
{
	int r;

	r = dump(rtnl, RTM_GETLINK, sizeof(struct ifinfomsg));
	if (r < 0)
		return r;
	return dump(rtnl, RTM_GETNEIGH, sizeof(struct ndmsg));
}

static int on_local(struct nl_msg *message, void *context)
{
	struct nlmsghdr *header = nlmsg_hdr(message);
	struct xlvs_rtnl *rtnl = context;
	struct xlvs_prefix prefix;

	if (header->nlmsg_type == RTM_NEWROUTE && rtnl->visit_error == 0 &&
	    read_prefix(header, &prefix))
		rtnl->visit_error = rtnl->visit(rtnl->visit_context, &prefix);
	return NL_OK;
}

static int dump_locals(struct xlvs_rtnl *rtnl, uint16_t family)
{
	struct rtmsg rt = {.rtm_family = (unsigned char)family, .rtm_table = RT_TABLE_LOCAL};
	int r = -EINTR;

	nl_socket_modify_cb(rtnl->queries, NL_CB_VALID, NL_CB_CUSTOM, on_local, rtnl);
	/* What is told twice does no harm. */
	for (int i = 0; i < DUMP_TRIES && r == -EINTR; i++) {
		r = nl_send_simple(rtnl->queries, RTM_GETROUTE, NLM_F_DUMP, &rt, sizeof(rt));
		if (r >= 0)
			r = nl_recvmsgs_default(rtnl->queries);
		r = system_error(r < 0 ? r : 0);
	}
	return r == -ENOENT ? 0 : r; /* no such table: no address of this family */
}

int xlvs_rtnl_locals(struct xlvs_rtnl *rtnl,
		     int (*visit)(void *context, const struct xlvs_prefix *prefix), void *context)
{
	int r;

	rtnl->visit = visit;
	rtnl->visit_context = context;
	rtnl->visit_error = 0;
	r = dump_locals(rtnl, AF_INET);
	if (r == 0)
		r = dump_locals(rtnl, AF_INET6);
	return r < 0 ? r : rtnl->visit_error;
}

/* An MTU the kernel has learnt from the path comes with an expiry; nobody tells when it is over,
 * so only what was configured counts. */
static uint32_t route_mtu(struct nlattr **attributes)
{
	struct nlattr *metrics[RTAX_MAX + 1];
	struct rta_cacheinfo cache = {0};
	uint32_t mtu_bytes = 0;

	copy_attribute(attributes[RTA_CACHEINFO], &cache, sizeof(cache));
	if (!cache.rta_expires && attributes[RTA_METRICS] &&
	    nla_parse_nested(metrics, RTAX_MAX, attributes[RTA_METRICS], NULL) == 0)
		copy_attribute(metrics[RTAX_MTU], &mtu_bytes, sizeof(mtu_bytes));
	return mtu_bytes;
}

static void read_gateway(const struct rtmsg *rt, struct nlattr **attributes,
			 struct xlvs_neigh_key *gateway)
{
	const struct rtvia *via;

	gateway->family = rt->rtm_family;
	copy_attribute(attributes[RTA_OIF], &gateway->ifindex, sizeof(gateway->ifindex));
	copy_attribute(attributes[attributes[RTA_GATEWAY] ? RTA_GATEWAY : RTA_DST],
		       &gateway->address, address_bytes(gateway->family));
	if (!attributes[RTA_VIA] || (size_t)nla_len(attributes[RTA_VIA]) < sizeof(*via) + 4)
		return;
	/* An IPv4 route through an IPv6 neighbour. */
	via = nla_data(attributes[RTA_VIA]);
	gateway->family = via->rtvia_family;
	gateway->address = (struct xlvs_address){{0}};
	if ((size_t)nla_len(attributes[RTA_VIA]) >= sizeof(*via) + address_bytes(gateway->family))
		memcpy(&gateway->address, via->rtvia_addr, address_bytes(gateway->family));
}

static int on_route(struct nl_msg *message, void *context)
{
	struct nlattr *attributes[RTA_MAX + 1];
	struct nlmsghdr *header = nlmsg_hdr(message);
	struct rtmsg *rt = nlmsg_data(header);
	struct xlvs_rtnl *rtnl = context;
	struct xlvs_route route = {0};

	if (header->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse(header, sizeof(*rt), attributes, RTA_MAX, NULL) < 0 ||
	    !is_ip(rt->rtm_family))
		return NL_SKIP;
	route.type = rt->rtm_type;
	route.mtu_bytes = route_mtu(attributes);
	read_gateway(rt, attributes, &route.gateway);
	copy_attribute(attributes[RTA_PREFSRC], &route.source, address_bytes(rt->rtm_family));
	*rtnl->route = route;
	rtnl->answered = true;
	return NL_OK;
}

int xlvs_rtnl_route(struct xlvs_rtnl *rtnl, uint16_t family, const struct xlvs_address *address,
		    struct xlvs_route *ret_route)
{
	size_t bytes = address_bytes(family);
	struct rtmsg rt = {
		.rtm_family = (unsigned char)family,
		.rtm_dst_len = (unsigned char)(8 * bytes),
	};
	struct nl_msg *message = nlmsg_alloc_simple(RTM_GETROUTE, 0);
	int r;

	if (!message)
		return -ENOMEM;
	rtnl->route = ret_route;
	rtnl->answered = false;
	r = nlmsg_append(message, &rt, sizeof(rt), NLMSG_ALIGNTO);
	if (r == 0)
		r = nla_put(message, RTA_DST, (int)bytes, address);
	if (r == 0)
		r = nl_send_auto(rtnl->queries, message);
	nlmsg_free(message);
	if (r < 0)
		return system_error(r);
	nl_socket_modify_cb(rtnl->queries, NL_CB_VALID, NL_CB_CUSTOM, on_route, rtnl);
	r = system_error(nl_recvmsgs_default(rtnl->queries));
	if (r < 0)
		return r;
	return rtnl->answered ? 0 : -ENETUNREACH;
}

static int set_neigh(struct xlvs_rtnl *rtnl, const struct xlvs_neigh_key *key, int flags,
		     unsigned char neigh_flags, uint32_t extended_flags)
{
	struct ndmsg nd = {
		.ndm_family = (unsigned char)key->family,
		.ndm_ifindex = (int)key->ifindex,
		.ndm_state = NUD_NONE,
		.ndm_flags = neigh_flags,
	};
	struct nl_msg *message = nlmsg_alloc_simple(RTM_NEWNEIGH, flags | NLM_F_ACK);
	int r;

	if (!message)
		return -ENOMEM;
	r = nlmsg_append(message, &nd, sizeof(nd), NLMSG_ALIGNTO);
	if (r == 0)
		r = nla_put(message, NDA_DST, (int)address_bytes(key->family), &key->address);
	if (r == 0 && extended_flags)
		r = nla_put_u32(message, NDA_FLAGS_EXT, extended_flags);
	if (r == 0)
		r = nl_send_auto(rtnl->queries, message);
	nlmsg_free(message);
	if (r >= 0)
		r = nl_wait_for_ack(rtnl->queries);
	return system_error(r);
}

int xlvs_rtnl_neigh_keep(struct xlvs_rtnl *rtnl, const struct xlvs_neigh_key *key)
{
	return set_neigh(rtnl, key, NLM_F_CREATE, 0, NTF_EXT_MANAGED);
}

int xlvs_rtnl_neigh_release(struct xlvs_rtnl *rtnl, const struct xlvs_neigh_key *key)
{
	return set_neigh(rtnl, key, 0, NTF_USE, 0);
}

int xlvs_rtnl_neigh_probe(struct xlvs_rtnl *rtnl, const struct xlvs_neigh_key *key)
{
	return set_neigh(rtnl, key, NLM_F_CREATE, NTF_USE, 0);
}
