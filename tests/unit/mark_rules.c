// SPDX-License-Identifier: GPL-2.0-or-later
/* The mark rules as shipped, compiler and packet path, against a reading of all rules one by one:
 * random rules that overlap in every way, and packets near their borders. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "datapath/mark.bpf.h"
#include "host_kernel.h"
#include "host_maps.h"
#include "loader/mark_image.h"

enum {
	ROUNDS = 400,
	RULES = 60,
	PACKETS = 400,
	MANY_PACKETS = 3000,
	FIRST_CHUNK = 3, /* low numbers name nothing */
};

static const struct xlvs_constants constants = {
	.seed = {11, 0x9e3779b97f4a7c15, 3, 0xc2b2ae3d27d4eb4f, 5, 17},
};

static uint64_t seed;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 6364136223846793005U + 1442695040888963407U;
	return (uint32_t)(seed >> 33) % n;
}

/* Publish what the rules in host_marks are compiled into. */
static void publish(void)
{
	struct xlvs_mark_image image;

	assert_int_equal(
		xlvs_mark_image_build(host_marks, XLVS_MARK_RULES_MAX, constants.seed, &image), 0);
	assert_true(FIRST_CHUNK + image.n_chunks < HOST_CHUNKS);
	xlvs_runtime.marks = image.n_chunks ? FIRST_CHUNK : 0;
	if (image.n_chunks)
		memcpy(&host_chunks[FIRST_CHUNK], image.chunks,
		       image.n_chunks * sizeof(union xlvs_chunk));
	xlvs_mark_image_done(&image);
}

static bool has_prefix(const uint8_t *address, const struct xlvs_mark_rule *rule)
{
	const uint8_t *prefix = (const uint8_t *)rule->address;

	for (int bit = 0; bit < rule->length; bit++) {
		if ((address[bit / 8] ^ prefix[bit / 8]) & (0x80 >> bit % 8))
			return false;
	}
	return true;
}

struct packet {
	uint8_t family;
	uint8_t protocol;
	uint16_t port;
	__be32 address[4];
};

static bool matches(const struct xlvs_mark_rule *rule, const struct packet *packet)
{
	return rule->mark && rule->family == packet->family &&
	       (!rule->protocol || rule->protocol == packet->protocol) &&
	       rule->first_port <= packet->port && packet->port <= rule->last_port &&
	       has_prefix((const uint8_t *)packet->address, rule);
}

static bool precedes(const struct xlvs_mark_rule *a, const struct xlvs_mark_rule *b)
{
	int width_a = a->last_port - a->first_port, width_b = b->last_port - b->first_port;

	if (a->length != b->length)
		return a->length > b->length;
	if (width_a != width_b)
		return width_a < width_b;
	if (a->first_port != b->first_port)
		return a->first_port < b->first_port;
	return a->protocol && !b->protocol;
}

/* What the manual page says, word by word. */
static const struct xlvs_mark_rule *expected_rule(uint32_t n_rules, const struct packet *packet)
{
	const struct xlvs_mark_rule *best = NULL;

	for (uint32_t i = 0; i < n_rules; i++) {
		const struct xlvs_mark_rule *rule = &host_marks[i];

		if (matches(rule, packet) && (!best || precedes(rule, best)))
			best = rule;
	}
	return best;
}

static uint32_t give(const struct packet *packet)
{
	struct xlvs_tuple tuple = {.dport = htons(packet->port)};

	tuple.family = packet->family;
	tuple.protocol = packet->protocol;
	if (packet->family == AF_INET)
		tuple.key.v4.daddr = packet->address[0];
	else
		memcpy(tuple.key.v6.daddr, packet->address, sizeof(packet->address));
	return xlvs_mark_give(&tuple);
}

static void check_packet(uint32_t n_rules, const struct packet *packet, uint64_t of_seed)
{
	const struct xlvs_mark_rule *rule = expected_rule(n_rules, packet);
	uint64_t before = rule ? rule->packets : 0;
	uint32_t mark = give(packet);

	if (mark != (rule ? rule->mark : 0) || (rule && rule->packets != before + 1))
		fail_msg("seed %llu: mark %u of a packet that should have %u",
			 (unsigned long long)of_seed, mark, rule ? rule->mark : 0);
}

/* Few different addresses, so that prefixes lie inside one another. */
static void random_address(uint8_t family, __be32 *address)
{
	memset(address, 0, 16);
	if (family == AF_INET) {
		address[0] = htonl(0xc0000200 | random_below(4) << 5 | random_below(4));
		if (!random_below(20))
			address[0] = htonl(random_below(1U << 31));
		return;
	}
	address[0] = htonl(0x20010db8);
	address[1] = htonl(random_below(2) << 31 | random_below(2));
	address[2] = htonl(random_below(2) << 7);
	address[3] = htonl(random_below(3));
}

static void cut(struct xlvs_mark_rule *rule)
{
	uint8_t *bytes = (uint8_t *)rule->address;

	for (int bit = rule->length; bit < 128; bit++)
		bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

static uint16_t random_port(void)
{
	static const uint16_t borders[] = {0, 1, 79, 80, 81, 443, 1023, 1024, 65534, 65535};

	return random_below(2) ? borders[random_below(10)] : (uint16_t)(70 + random_below(30));
}

static bool is_double(uint32_t n_rules, const struct xlvs_mark_rule *rule)
{
	for (uint32_t i = 0; i < n_rules; i++) {
		const struct xlvs_mark_rule *other = &host_marks[i];

		if (other->family == rule->family && other->length == rule->length &&
		    other->protocol == rule->protocol && other->first_port == rule->first_port &&
		    other->last_port == rule->last_port &&
		    !memcmp(other->address, rule->address, sizeof(rule->address)))
			return true;
	}
	return false;
}

static struct xlvs_mark_rule random_rule(void)
{
	static const uint8_t protocols[] = {0, IPPROTO_TCP, IPPROTO_UDP};
	static const uint8_t lengths4[] = {0, 8, 23, 24, 27, 30, 31, 32};
	static const uint8_t lengths6[] = {0, 1, 32, 33, 63, 64, 65, 96, 121, 127, 128};
	struct xlvs_mark_rule rule = {
		.mark = 1 + random_below(1000000),
		.family = random_below(2) ? AF_INET : AF_INET6,
		.protocol = protocols[random_below(3)],
	};
	uint16_t one = random_port(), other = random_port();

	rule.length = rule.family == AF_INET ? lengths4[random_below(sizeof(lengths4))]
					     : lengths6[random_below(sizeof(lengths6))];
	rule.first_port = one < other ? one : other;
	rule.last_port = one < other ? other : one;
	if (!random_below(4)) {
		rule.first_port = 0;
		rule.last_port = 65535;
	}
	random_address(rule.family, rule.address);
	cut(&rule);
	return rule;
}

static void test_random_rules_are_found_as_one_by_one(void **state)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};

	(void)state;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		uint32_t n_rules = random_below(RULES);
		uint64_t of_seed = seed;

		memset(host_marks, 0, sizeof(host_marks));
		for (uint32_t i = 0; i < n_rules; i++) {
			struct xlvs_mark_rule rule = random_rule();

			if (random_below(10) && !is_double(n_rules, &rule))
				host_marks[i] = rule;
		}
		publish();
		for (int i = 0; i < PACKETS; i++) {
			struct packet packet = {
				.family = random_below(2) ? AF_INET : AF_INET6,
				.protocol = protocols[random_below(3)],
				.port = random_port(),
			};

			random_address(packet.family, packet.address);
			check_packet(n_rules, &packet, of_seed);
		}
	}
}

/* As many as there can be: one prefix has half of them, each for another range of ports. */
static void test_thousands_of_rules_are_found_as_one_by_one(void **state)
{
	uint64_t of_seed = seed;

	(void)state;
	memset(host_marks, 0, sizeof(host_marks));
	for (uint32_t i = 0; i < XLVS_MARK_RULES_MAX; i++) {
		struct xlvs_mark_rule *rule = &host_marks[i];
		uint32_t half = XLVS_MARK_RULES_MAX / 2;

		*rule = (struct xlvs_mark_rule){.mark = i + 1, .family = AF_INET, .length = 32};
		rule->address[0] = htonl(i < half ? 0xc0000201 : 0xc6336400 + i * 3);
		rule->first_port = i < half ? (uint16_t)(i * 5) : 0;
		rule->last_port = i < half ? (uint16_t)(i * 5 + random_below(40)) : 65535;
	}
	publish();
	for (int i = 0; i < MANY_PACKETS; i++) {
		struct packet packet = {
			.family = AF_INET,
			.protocol = IPPROTO_TCP,
			.port = (uint16_t)random_below(65536),
		};

		packet.address[0] =
			htonl(random_below(2) ? 0xc0000201 : 0xc6336400 + random_below(60000));
		check_packet(XLVS_MARK_RULES_MAX, &packet, of_seed);
	}
}

static void test_no_rules_give_no_mark(void **state)
{
	const struct packet packet = {.family = AF_INET, .protocol = IPPROTO_TCP, .port = 80};

	(void)state;
	memset(host_marks, 0, sizeof(host_marks));
	publish();
	assert_int_equal(xlvs_runtime.marks, 0);
	assert_int_equal(give(&packet), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_rules_are_found_as_one_by_one),
		cmocka_unit_test(test_thousands_of_rules_are_found_as_one_by_one),
		cmocka_unit_test(test_no_rules_give_no_mark),
	};

	seed = argc > 1 ? strtoull(argv[1], NULL, 0) : (uint64_t)time(NULL);
	printf("seed %llu\n", (unsigned long long)seed);
	host_set_constants(&constants);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
