// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/attachment.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

struct reader {
	xlvs_attachment_visit *visit;
	void *context;
};

static void read_xdp(struct nlattr *nested, struct xlvs_attachment *attachment)
{
	struct nlattr *xdp[IFLA_XDP_MAX + 1];

	if (nla_parse_nested(xdp, IFLA_XDP_MAX, nested, NULL) || !xdp[IFLA_XDP_ATTACHED])
		return;
	/* An interface that can both may run one program in its card and another in the host. */
	attachment->native = nla_get_u8(xdp[IFLA_XDP_ATTACHED]) != XDP_ATTACHED_SKB;
	if (xdp[IFLA_XDP_DRV_PROG_ID])
		attachment->program_id = nla_get_u32(xdp[IFLA_XDP_DRV_PROG_ID]);
	else if (xdp[IFLA_XDP_PROG_ID])
		attachment->program_id = nla_get_u32(xdp[IFLA_XDP_PROG_ID]);
}

static int read_link(struct nl_msg *message, void *context)
{
	const struct reader *reader = context;
	struct nlmsghdr *header = nlmsg_hdr(message);
	const struct ifinfomsg *link = nlmsg_data(header);
	struct nlattr *attributes[IFLA_MAX + 1];
	struct xlvs_attachment attachment = {};

	if (header->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(header, sizeof(*link), attributes, IFLA_MAX, NULL))
		return NL_SKIP;
	attachment.ifindex = (uint32_t)link->ifi_index;
	if (attributes[IFLA_XDP])
		read_xdp(attributes[IFLA_XDP], &attachment);
	reader->visit(reader->context, &attachment);
	return NL_OK;
}

static int errno_of(int netlink_error)
{
	switch (-netlink_error) {
	case NLE_NODEV:
	case NLE_OBJ_NOTFOUND:
		return -ENODEV;
	case NLE_NOMEM:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

static int ask(uint32_t ifindex, struct reader *reader)
{
	struct ifinfomsg link = {.ifi_family = AF_UNSPEC, .ifi_index = (int)ifindex};
	struct nl_sock *sock = nl_socket_alloc();
	int r;

	if (!sock)
		return -ENOMEM;
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, read_link, reader);
	r = nl_connect(sock, NETLINK_ROUTE);
	if (r == 0)
		r = nl_send_simple(sock, RTM_GETLINK, ifindex ? 0 : NLM_F_DUMP, &link,
				   sizeof(link));
	if (r >= 0)
		r = nl_recvmsgs_default(sock);
	nl_socket_free(sock);
	/* Links came or went meanwhile: those that stayed have been told of. */
	return r < 0 && r != -NLE_DUMP_INTR ? errno_of(r) : 0;
}

int xlvs_attachments_walk(xlvs_attachment_visit *visit, void *context)
{
	struct reader reader = {.visit = visit, .context = context};

	return ask(0, &reader);
}

static void keep(void *context, const struct xlvs_attachment *attachment)
{
	*(struct xlvs_attachment *)context = *attachment;
}

int xlvs_attachment_get(uint32_t ifindex, struct xlvs_attachment *ret_attachment)
{
	struct xlvs_attachment attachment = {};
	struct reader reader = {.visit = keep, .context = &attachment};
	int r;

	if (!ifindex)
		return -ENODEV;
	r = ask(ifindex, &reader);
	if (r < 0)
		return r;
	if (attachment.ifindex != ifindex)
		return -ENODEV;
	*ret_attachment = attachment;
	return 0;
}
