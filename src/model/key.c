// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/key.h"

#include <string.h>
#include <sys/socket.h>

static bool address_equal(uint16_t family, const struct xlvs_address *a,
			  const struct xlvs_address *b)
{
	return !memcmp(a->bytes, b->bytes, family == AF_INET ? 4 : 16);
}

bool xlvs_service_key_equal(const struct xlvs_service_key *a, const struct xlvs_service_key *b)
{
	if (a->family != b->family || a->fwmark != b->fwmark)
		return false;
	if (a->fwmark)
		return true;
	return a->protocol == b->protocol && a->port == b->port &&
	       address_equal(a->family, &a->address, &b->address);
}

bool xlvs_dest_key_equal(const struct xlvs_dest_key *a, const struct xlvs_dest_key *b)
{
	return a->family == b->family && a->port == b->port &&
	       address_equal(a->family, &a->address, &b->address);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
	return hash ^ (hash >> 32);
}

static uint64_t mix_address(uint64_t hash, uint16_t family, const struct xlvs_address *address)
{
	uint64_t words[2] = {};

	memcpy(words, address->bytes, family == AF_INET ? 4 : 16);
	return mix(mix(hash, words[0]), words[1]);
}

uint64_t xlvs_service_key_hash(const struct xlvs_service_key *key)
{
	uint64_t hash = mix(0, (uint64_t)key->family << 32 | key->fwmark);

	if (key->fwmark)
		return hash;
	hash = mix(hash, (uint64_t)key->protocol << 16 | key->port);
	return mix_address(hash, key->family, &key->address);
}

uint64_t xlvs_dest_key_hash(const struct xlvs_service_key *service, const struct xlvs_dest_key *key)
{
	uint64_t hash = xlvs_service_key_hash(service);

	hash = mix(hash, (uint64_t)key->family << 16 | key->port);
	return mix_address(hash, key->family, &key->address);
}
