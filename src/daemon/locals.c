// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/locals.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BITS_MAX 128

struct xlvs_locals {
	struct xlvs_rtnl *rtnl;
	bool stale;
	struct xlvs_prefix *prefixes; /* sorted by compare() */
	size_t n, n_allocated;
	bool has_bits[2][BITS_MAX + 1]; /* [IPv6?][length]: whether there is such a prefix */
};

static int compare(const void *first, const void *second)
{
	const struct xlvs_prefix *a = first, *b = second;

	if (a->family != b->family)
		return a->family - b->family;
	if (a->bits != b->bits)
		return a->bits - b->bits;
	return memcmp(&a->address, &b->address, sizeof(a->address));
}

int xlvs_locals_new(struct xlvs_rtnl *rtnl, struct xlvs_locals **ret_locals)
{
	struct xlvs_locals *locals = calloc(1, sizeof(*locals));

	if (!locals)
		return -ENOMEM;
	locals->rtnl = rtnl;
	locals->stale = true;
	*ret_locals = locals;
	return 0;
}

void xlvs_locals_free(struct xlvs_locals *locals)
{
	if (!locals)
		return;
	free(locals->prefixes);
	free(locals);
}

void xlvs_locals_changed(struct xlvs_locals *locals)
{
	locals->stale = true;
}

static int add(void *context, const struct xlvs_prefix *prefix)
{
	struct xlvs_locals *locals = context;

	if (prefix->type == RTN_UNICAST || prefix->bits > BITS_MAX)
		return 0;
	if (locals->n == locals->n_allocated) {
		size_t n = locals->n_allocated ? 2 * locals->n_allocated : 64;
		struct xlvs_prefix *prefixes = reallocarray(locals->prefixes, n, sizeof(*prefixes));

		if (!prefixes)
			return -ENOMEM;
		locals->prefixes = prefixes;
		locals->n_allocated = n;
	}
	locals->prefixes[locals->n++] = *prefix;
	locals->has_bits[prefix->family == AF_INET6][prefix->bits] = true;
	return 0;
}

static int refresh(struct xlvs_locals *locals)
{
	int r;

	locals->n = 0;
	memset(locals->has_bits, 0, sizeof(locals->has_bits));
	r = xlvs_rtnl_locals(locals->rtnl, add, locals);
	if (r < 0)
		return r;
	if (locals->n)
		qsort(locals->prefixes, locals->n, sizeof(*locals->prefixes), compare);
	locals->stale = false;
	return 0;
}

static struct xlvs_prefix prefix_of(uint16_t family, const struct xlvs_address *address,
				    unsigned int bits)
{
	struct xlvs_prefix prefix = {.family = family, .bits = (uint8_t)bits};

	memcpy(&prefix.address, address, bits / 8);
	if (bits % 8)
		prefix.address.bytes[bits / 8] =
			address->bytes[bits / 8] & (uint8_t)(0xff00U >> bits % 8);
	return prefix;
}

/* The longest prefix counts. */
int xlvs_locals_type(struct xlvs_locals *locals, uint16_t family,
		     const struct xlvs_address *address, uint8_t *ret_type)
{
	const struct xlvs_prefix *found = NULL;
	unsigned int bits = family == AF_INET6 ? 128 : 32;
	int r;

	if (locals->stale) {
		r = refresh(locals);
		if (r < 0)
			return r;
	}
	for (unsigned int i = bits + 1; i-- && !found;) {
		struct xlvs_prefix prefix;

		if (!locals->has_bits[family == AF_INET6][i])
			continue;
		prefix = prefix_of(family, address, i);
		found = bsearch(&prefix, locals->prefixes, locals->n, sizeof(prefix), compare);
	}
	*ret_type = found ? found->type : RTN_UNICAST;
	return 0;
}

int xlvs_locals_check(struct xlvs_locals *locals, const struct xlvs_dest_key *key,
		      struct xlvs_error *reterr)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t type;
	int r;

	r = xlvs_locals_type(locals, key->family, &key->address, &type);
	if (r < 0)
		return xlvs_refuse(reterr, r, "the kernel's local addresses cannot be read: %s",
				   strerror(-r));
	inet_ntop(key->family, &key->address, text, sizeof(text));
	switch (type) {
	case RTN_BROADCAST:
	case RTN_ANYCAST:
	case RTN_MULTICAST:
		return xlvs_refuse(reterr, -EINVAL, "destination %s is not a unicast address",
				   text);
	default:
		return 0;
	}
}
