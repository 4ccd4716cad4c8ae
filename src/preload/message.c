// SPDX-License-Identifier: GPL-2.0-or-later
#include "preload/message.h"

#include "control/ipvs_abi.h"

#include <linux/genetlink.h>
#include <string.h>

/* The program's buffer need not be aligned, so headers are copied out of it. */
static bool take_header(const void *data, size_t bytes, struct nlmsghdr *ret_header)
{
	if (bytes < NLMSG_HDRLEN)
		return false;
	memcpy(ret_header, data, sizeof(*ret_header));
	return ret_header->nlmsg_len >= NLMSG_HDRLEN && ret_header->nlmsg_len <= bytes;
}

static bool names_ipvs(const char *attributes, size_t bytes)
{
	static const char name[] = IPVS_GENL_NAME;

	while (bytes >= NLA_HDRLEN) {
		struct nlattr attribute;
		size_t payload;

		memcpy(&attribute, attributes, sizeof(attribute));
		if (attribute.nla_len < NLA_HDRLEN || attribute.nla_len > bytes)
			return false;
		payload = attribute.nla_len - NLA_HDRLEN;
		if ((attribute.nla_type & NLA_TYPE_MASK) == CTRL_ATTR_FAMILY_NAME)
			return payload >= sizeof(name) - 1 &&
			       !strncmp(attributes + NLA_HDRLEN, name, payload);
		if ((size_t)NLA_ALIGN(attribute.nla_len) >= bytes)
			return false;
		attributes += NLA_ALIGN(attribute.nla_len);
		bytes -= NLA_ALIGN(attribute.nla_len);
	}
	return false;
}

enum xlvs_message_kind xlvs_message_kind(const void *data, size_t bytes)
{
	const size_t headers = NLMSG_HDRLEN + GENL_HDRLEN;
	struct genlmsghdr genl;
	struct nlmsghdr header;

	if (bytes < headers)
		return XLVS_MESSAGE_FOREIGN;
	memcpy(&header, data, sizeof(header));
	if (header.nlmsg_len < headers)
		return XLVS_MESSAGE_FOREIGN;
	if (bytes > header.nlmsg_len)
		bytes = header.nlmsg_len;
	if (header.nlmsg_type == XLVS_FAMILY_IPVS)
		return XLVS_MESSAGE_IPVS;
	memcpy(&genl, (const char *)data + NLMSG_HDRLEN, sizeof(genl));
	if (header.nlmsg_type == GENL_ID_CTRL && genl.cmd == CTRL_CMD_GETFAMILY &&
	    (header.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP &&
	    names_ipvs((const char *)data + headers, bytes - headers))
		return XLVS_MESSAGE_RESOLVE;
	return XLVS_MESSAGE_FOREIGN;
}

size_t xlvs_message_length(const void *data, size_t bytes)
{
	struct nlmsghdr header;

	if (!take_header(data, bytes, &header) || NLMSG_ALIGN(header.nlmsg_len) >= bytes)
		return bytes;
	return NLMSG_ALIGN(header.nlmsg_len);
}

static bool ends(const struct nlmsghdr *request, const struct nlmsghdr *answer)
{
	if (answer->nlmsg_seq != request->nlmsg_seq)
		return false;
	if (answer->nlmsg_type == NLMSG_ERROR || answer->nlmsg_type == NLMSG_DONE)
		return true;
	return !(request->nlmsg_flags & NLM_F_ACK) && !(answer->nlmsg_flags & NLM_F_MULTI);
}

bool xlvs_message_is_end(const struct nlmsghdr *request, const void *data, size_t bytes)
{
	const char *front = data;
	struct nlmsghdr header;

	while (take_header(front, bytes, &header)) {
		size_t length = xlvs_message_length(front, bytes);

		if (ends(request, &header))
			return true;
		front += length;
		bytes -= length;
	}
	return false;
}

void xlvs_message_refuse(const struct nlmsghdr *request, int code,
			 struct xlvs_message_error *ret_error)
{
	*ret_error = (struct xlvs_message_error){
		.header =
			{
				.nlmsg_len = sizeof(*ret_error),
				.nlmsg_type = NLMSG_ERROR,
				.nlmsg_seq = request->nlmsg_seq,
				.nlmsg_pid = request->nlmsg_pid,
			},
		.error = {.error = code, .msg = *request},
	};
}
