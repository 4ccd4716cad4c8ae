// SPDX-License-Identifier: GPL-2.0-or-later
/* The words of `xlvs rs`: addresses and methods, from text and back. */
#include "realserver/realserver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

static const char *const methods[XLVS_RS_METHODS] = {
	[XLVS_RS_DR] = "dr",
	[XLVS_RS_TUN] = "tun",
	[XLVS_RS_NAT] = "nat",
	[XLVS_RS_FULLNAT] = "fullnat",
};

const char *xlvs_rs_method_name(enum xlvs_rs_method method)
{
	return methods[method];
}

int xlvs_rs_method_parse(const char *text, enum xlvs_rs_method *ret, struct xlvs_error *reterr)
{
	for (int i = 0; i < XLVS_RS_METHODS; i++) {
		if (!strcmp(text, methods[i])) {
			*ret = i;
			return 0;
		}
	}
	return xlvs_refuse(reterr, -EINVAL, "unknown method '%s': use dr, tun, nat or fullnat",
			   text);
}

int xlvs_rs_address_parse(const char *text, struct in6_addr *ret, struct xlvs_error *reterr)
{
	struct in6_addr address = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
	bool is4 = inet_pton(AF_INET, text, &address.s6_addr[12]) == 1;
	in_addr_t host = ntohl(address.s6_addr32[3]);

	if (!is4 && inet_pton(AF_INET6, text, &address) != 1)
		return xlvs_refuse(reterr, -EINVAL, "'%s' is not an IP address", text);
	if (is4 ? IN_MULTICAST(host) || IN_BADCLASS(host) || !host || host >> 24 == IN_LOOPBACKNET
		: IN6_IS_ADDR_MULTICAST(&address) || IN6_IS_ADDR_UNSPECIFIED(&address) ||
			    IN6_IS_ADDR_LOOPBACK(&address) || IN6_IS_ADDR_V4MAPPED(&address))
		return xlvs_refuse(reterr, -EINVAL, "%s is not an address of a host on a network",
				   text);
	*ret = address;
	return 0;
}

const char *xlvs_rs_address_text(const struct in6_addr *address, char text[INET6_ADDRSTRLEN])
{
	if (IN6_IS_ADDR_V4MAPPED(address))
		return inet_ntop(AF_INET, &address->s6_addr[12], text, INET6_ADDRSTRLEN);
	return inet_ntop(AF_INET6, address, text, INET6_ADDRSTRLEN);
}
