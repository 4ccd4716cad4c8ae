// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/change.h"

#include <string.h>
#include <sys/socket.h>

void xlvs_changes_add(struct xlvs_changes *changes, uint16_t family,
		      const struct xlvs_prefix *prefix)
{
	if (prefix && changes->n_prefixes < XLVS_CHANGE_PREFIXES_MAX) {
		changes->prefixes[changes->n_prefixes++] = *prefix;
		return;
	}
	changes->all4 |= family != AF_INET6;
	changes->all6 |= family != AF_INET;
}

bool xlvs_changes_any(const struct xlvs_changes *changes)
{
	return changes->n_prefixes || changes->all4 || changes->all6;
}

static bool has_prefix(uint16_t family, const struct xlvs_address *address,
		       const struct xlvs_prefix *prefix)
{
	unsigned int whole = prefix->bits / 8, rest = prefix->bits % 8;

	if (family != prefix->family || prefix->bits > 8 * sizeof(*address) ||
	    memcmp(address, &prefix->address, whole) != 0)
		return false;
	return !rest || !((address->bytes[whole] ^ prefix->address.bytes[whole]) >> (8 - rest));
}

bool xlvs_changes_concern(const struct xlvs_changes *changes, uint16_t family,
			  const struct xlvs_address *address)
{
	if (family == AF_INET ? changes->all4 : changes->all6)
		return true;
	for (unsigned int i = 0; i < changes->n_prefixes; i++)
		if (has_prefix(family, address, &changes->prefixes[i]))
			return true;
	return false;
}

void xlvs_changes_clear(struct xlvs_changes *changes)
{
	changes->n_prefixes = 0;
	changes->all4 = changes->all6 = false;
}
