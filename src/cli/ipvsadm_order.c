// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/ipvsadm_order.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static int wrapped_difference(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static uint32_t address_word(const struct xlvs_address *address, size_t index)
{
	uint32_t word;

	memcpy(&word, address->bytes + 4 * index, sizeof(word));
	return ntohl(word);
}

static int compare_addresses(const struct xlvs_address *a, const struct xlvs_address *b,
			     uint16_t family)
{
	size_t words = family == AF_INET6 ? 4 : 1;

	for (size_t i = 0; i < words; i++) {
		int difference = wrapped_difference(address_word(a, i), address_word(b, i));

		if (difference)
			return difference;
	}
	return 0;
}

static int compare_services(const void *first, const void *second)
{
	const struct xlvs_service_key *a = &((const struct xlvs_service_info *)first)->spec.key;
	const struct xlvs_service_key *b = &((const struct xlvs_service_info *)second)->spec.key;
	int difference = wrapped_difference(a->fwmark, b->fwmark);

	if (!difference)
		difference = a->family - b->family;
	if (!difference)
		difference = a->protocol - b->protocol;
	if (!difference)
		difference = compare_addresses(&a->address, &b->address, a->family);
	if (!difference)
		difference = ntohs(a->port) - ntohs(b->port);
	return difference;
}

/* Families are not compared: of a mixed pair, the first one's says how many words count. */
static int compare_dests(const void *first, const void *second)
{
	const struct xlvs_dest_key *a = &((const struct xlvs_dest_info *)first)->spec.key;
	const struct xlvs_dest_key *b = &((const struct xlvs_dest_info *)second)->spec.key;
	int difference = compare_addresses(&a->address, &b->address, a->family);

	return difference ? difference : ntohs(a->port) - ntohs(b->port);
}

void xlvs_ipvsadm_sort_services(struct xlvs_service_info *services, size_t n)
{
	if (n)
		qsort(services, n, sizeof(*services), compare_services);
}

void xlvs_ipvsadm_sort_dests(struct xlvs_dest_info *dests, size_t n)
{
	if (n)
		qsort(dests, n, sizeof(*dests), compare_dests);
}
