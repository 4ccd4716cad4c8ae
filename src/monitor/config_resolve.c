// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

static int look_up_address(const char *name, int family, struct xlvs_address *ret_address)
{
	struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
	struct xlvs_address address = {0};
	struct addrinfo *found;

	/* getaddrinfo() would also take "10.1" for an address. */
	if (inet_pton(family, name, address.bytes) == 1) {
		*ret_address = address;
		return 0;
	}
	if (strspn(name, "0123456789.") == strlen(name) || getaddrinfo(name, NULL, &hints, &found))
		return -ENOENT;
	if (family == AF_INET6)
		memcpy(address.bytes, &((struct sockaddr_in6 *)(void *)found->ai_addr)->sin6_addr,
		       16);
	else
		memcpy(address.bytes, &((struct sockaddr_in *)(void *)found->ai_addr)->sin_addr, 4);
	freeaddrinfo(found);
	*ret_address = address;
	return 0;
}

static int look_up_port(const char *name, const char *protocol, uint16_t *ret_port)
{
	struct servent entry, *found = NULL;
	char buffer[1024];

	if (*name && strspn(name, "0123456789") == strlen(name)) {
		unsigned long number = strtoul(name, NULL, 10);

		if (strlen(name) > 5 || number > 65535)
			return -ERANGE;
		*ret_port = (uint16_t)number;
		return 0;
	}
	if (getservbyname_r(name, protocol, &entry, buffer, sizeof(buffer), &found) || !found)
		return -ENOENT;
	*ret_port = ntohs((uint16_t)found->s_port);
	return 0;
}

const struct xlvs_ld_resolver xlvs_ld_system_resolver = {look_up_address, look_up_port};
