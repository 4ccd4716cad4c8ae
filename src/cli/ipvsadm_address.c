// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/ipvsadm_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

long xlvs_ipvsadm_parse_number(const char *word, long min, long max)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(word, &end, 10);
	if (end == word || *end || errno == ERANGE || number < min || number > max)
		return -1;
	return number;
}

static const char *protocol_name(uint16_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_SCTP:
		return "sctp";
	default:
		return NULL;
	}
}

static int parse_port(const char *word, uint16_t protocol, __be16 *ret_port)
{
	const struct servent *service = NULL;
	long number = xlvs_ipvsadm_parse_number(word, 0, UINT16_MAX);

	if (number >= 0) {
		*ret_port = htons((uint16_t)number);
		return 0;
	}
	if (protocol_name(protocol))
		service = getservbyname(word, protocol_name(protocol));
	if (!service)
		return -EINVAL;
	*ret_port = (__be16)service->s_port;
	return 0;
}

/* Names are looked up for IPv4 only, as ipvsadm does. */
static int parse_host(const char *host, struct xlvs_dest_key *key)
{
	const struct hostent *found;
	struct in_addr address;

	if (inet_pton(AF_INET6, host, &key->address) == 1) {
		key->family = AF_INET6;
		return 0;
	}
	if (!inet_aton(host, &address)) {
		found = gethostbyname(host);
		if (!found || found->h_addrtype != AF_INET || !found->h_addr_list[0])
			return -EINVAL;
		memcpy(&address, found->h_addr_list[0], sizeof(address));
	}
	key->family = AF_INET;
	memcpy(&key->address, &address, sizeof(address));
	return 0;
}

static bool is_all_digits(const char *word)
{
	return word[strspn(word, "0123456789")] == '\0';
}

/* Cut `text` into host and port, where there is one. Inside brackets no port is looked for. */
static int split(char *text, char **ret_host, char **ret_port)
{
	struct in6_addr address;
	char *colon;

	*ret_host = text;
	*ret_port = NULL;
	if (*text == '[') {
		char *bracket = strchr(text, ']');

		if (!bracket || bracket[1] != ':')
			return -EINVAL;
		*bracket = '\0';
		*ret_host = text + 1;
		*ret_port = bracket + 2;
		/* IPv4 in brackets has no port: what follows the bracket is not read. */
		if (inet_pton(AF_INET6, *ret_host, &address) != 1)
			*ret_port = NULL;
	} else if (inet_pton(AF_INET6, text, &address) != 1) {
		colon = strrchr(text, ':');
		if (colon) {
			*colon = '\0';
			*ret_port = colon + 1;
		}
	}
	return 0;
}

int xlvs_ipvsadm_parse_address(const char *word, uint16_t protocol, struct xlvs_dest_key *ret_key,
			       bool *ret_has_port)
{
	char text[IPVSADM_ADDRESS_BYTES];
	struct xlvs_dest_key key = {0};
	char *host;
	char *port;

	if (strlen(word) >= sizeof(text) || is_all_digits(word))
		return -EINVAL;
	snprintf(text, sizeof(text), "%s", word);
	if (split(text, &host, &port) < 0 || parse_host(host, &key) < 0)
		return -EINVAL;
	if (port && parse_port(port, protocol, &key.port) < 0)
		return -EINVAL;
	*ret_key = key;
	*ret_has_port = port;
	return 0;
}

static const char *host_name(const struct xlvs_dest_key *key)
{
	const struct hostent *found =
		gethostbyaddr(&key->address, key->family == AF_INET6 ? 16 : 4, key->family);

	return found ? found->h_name : NULL;
}

const char *xlvs_ipvsadm_format_address(const struct xlvs_dest_key *key, uint16_t protocol,
					bool numeric, char text[static IPVSADM_ADDRESS_BYTES])
{
	const char *host = numeric ? NULL : host_name(key);
	const struct servent *service = NULL;
	char number[INET6_ADDRSTRLEN];
	char port[8];

	if (!numeric && protocol_name(protocol))
		service = getservbyport(key->port, protocol_name(protocol));
	if (!host)
		host = inet_ntop(key->family, &key->address, number, sizeof(number));
	snprintf(port, sizeof(port), "%u", ntohs(key->port));
	snprintf(text, IPVSADM_ADDRESS_BYTES, key->family == AF_INET6 ? "[%s]:%s" : "%s:%s",
		 host ? host : "?", service ? service->s_name : port);
	return text;
}
