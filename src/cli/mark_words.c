// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/mark_words.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A whole number in decimal or, where base is 0, as C writes it. Moves *at behind it. */
static bool read_number(const char **at, int base, unsigned long max, unsigned long *ret_number)
{
	char *end;
	unsigned long number;

	if (!isdigit((unsigned char)**at))
		return false;
	errno = 0;
	number = strtoul(*at, &end, base);
	if (errno || number > max)
		return false;
	*at = end;
	*ret_number = number;
	return true;
}

static bool read_protocol(const char *word, struct xlvs_mark_spec *spec)
{
	if (!strcmp(word, "tcp"))
		spec->protocol = IPPROTO_TCP;
	else if (!strcmp(word, "udp"))
		spec->protocol = IPPROTO_UDP;
	else if (strcmp(word, "any") != 0)
		return false;
	return true;
}

/* The address that `word` begins with; *ret_rest is what follows it. */
static bool read_address(const char *word, struct xlvs_mark_spec *spec, const char **ret_rest)
{
	const char *colon = strchr(word, ':');
	bool in_brackets = *word == '[', is_ipv6 = in_brackets || (colon && strchr(colon + 1, ':'));
	const char *start = word + in_brackets;
	size_t bytes = strcspn(start, in_brackets ? "]" : is_ipv6 ? "/" : "/:");
	char text[INET6_ADDRSTRLEN] = "";

	if (bytes >= sizeof(text) || (in_brackets && start[bytes] != ']'))
		return false;
	memcpy(text, start, bytes);
	spec->family = is_ipv6 ? AF_INET6 : AF_INET;
	*ret_rest = start + bytes + in_brackets;
	return inet_pton(spec->family, text, spec->address.bytes) == 1;
}

static bool read_rest(const char *at, struct xlvs_mark_spec *spec)
{
	unsigned long longest = spec->family == AF_INET ? 32 : 128;
	unsigned long length = longest, first = 0, last = UINT16_MAX;

	if (*at == '/') {
		at++;
		if (!read_number(&at, 10, longest, &length))
			return false;
	}
	if (*at == ':') {
		at++;
		if (!read_number(&at, 10, UINT16_MAX, &first))
			return false;
		last = first;
		if (*at == '-') {
			at++;
			if (!read_number(&at, 10, UINT16_MAX, &last))
				return false;
		}
	}
	spec->length = (uint16_t)length;
	spec->first_port = (uint16_t)first;
	spec->last_port = (uint16_t)last;
	return !*at;
}

int xlvs_mark_words_parse(const char *protocol, const char *packets, const char *mark,
			  struct xlvs_mark_spec *ret_spec, struct xlvs_error *reterr)
{
	struct xlvs_mark_spec spec = {0};
	unsigned long number = 0;
	const char *rest;

	if (!read_protocol(protocol, &spec))
		return xlvs_refuse(reterr, -EINVAL, "%s is neither tcp nor udp nor any", protocol);
	if (!read_address(packets, &spec, &rest) || !read_rest(rest, &spec))
		return xlvs_refuse(reterr, -EINVAL, "%s is no ADDR[/LEN][:PORTS]", packets);
	if (mark && (!read_number(&mark, 0, UINT32_MAX, &number) || *mark || !number))
		return xlvs_refuse(reterr, -EINVAL, "a mark is a number from 1 to 4294967295");
	spec.mark = (uint32_t)number;
	*ret_spec = spec;
	return 0;
}
