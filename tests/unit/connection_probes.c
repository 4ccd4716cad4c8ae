// SPDX-License-Identifier: GPL-2.0-or-later
/* How many records a search of the shipped connection table looks at, when the table is 25, 50 and
 * 75 per cent full, before and after every connection has been replaced by others several times.
 *
 *   connection_probes              a small table against bounds
 *   connection_probes RECORDS      a table of that many records, its figures as a table */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "abi/hash.h"
#include "datapath/connection.bpf.h"
#include "host_kernel.h"
#include "host_maps.h"

enum {
	TEST_RECORDS = 1 << 16,
	TURNOVER = 8, /* how often each connection is replaced */
	MISSES = 200000,
};

struct live {
	uint64_t id;
	uint32_t index;
};

static struct live *lives;
static uint32_t n_lives;
static uint64_t next_id;
static uint64_t claims;
static uint64_t failures;

/* The records a search looks at: how many searches looked at so many. */
struct searches {
	uint64_t n;
	uint64_t looked_at;
	uint64_t by_probes[XLVS_CONN_PROBES + 1];
};

static uint64_t random64(void)
{
	static uint64_t state = 1;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Clients of one network, each with its ports one after the other. */
static struct xlvs_tuple tuple_of(uint64_t id)
{
	struct xlvs_tuple tuple = {
		.key.v4 = {.saddr = (__be32)(id >> 8) * 0x01000193, .daddr = 0x0a7100cb},
		.sport = (__be16)(id & 0xff),
		.dport = 80 << 8,
		.protocol = 6,
		.family = XLVS_AF_INET,
	};

	tuple.hash = xlvs_hash_ipv4(xlvs_constants.seed, tuple.key.v4.saddr, tuple.key.v4.daddr,
				    tuple.ports, tuple.kind);
	return tuple;
}

static uint32_t percentile(const struct searches *searches, double share)
{
	uint64_t seen = 0;
	uint32_t probes = 0;

	while (probes < XLVS_CONN_PROBES && seen < (uint64_t)((double)searches->n * share))
		seen += searches->by_probes[++probes];
	return probes;
}

static double mean(const struct searches *searches)
{
	return (double)searches->looked_at / (double)searches->n;
}

static void search(uint64_t id, struct searches *searches)
{
	struct xlvs_tuple tuple = tuple_of(id);
	uint32_t probes = 0;

	while (probes < XLVS_CONN_PROBES) {
		struct xlvs_conn *conn = xlvs_conn_at(xlvs_conn_slot(tuple.hash, probes++));

		if (xlvs_conn_matches(conn, &tuple, true) || conn->word < XLVS_WORD_PASS)
			break;
	}
	searches->n++;
	searches->looked_at += probes;
	searches->by_probes[probes]++;
}

static struct searches search_all_live(void)
{
	struct searches searches = {};

	for (uint32_t i = 0; i < n_lives; i++)
		search(lives[i].id, &searches);
	return searches;
}

static struct searches search_unknown(void)
{
	struct searches searches = {};

	for (uint64_t i = 0; i < MISSES; i++)
		search(next_id + i, &searches);
	return searches;
}

/* A new connection; another one when there is no place for it. */
static struct live open_next(void)
{
	struct xlvs_tuple tuple;
	int index;

	do {
		tuple = tuple_of(next_id++);
		index = xlvs_conn_claim(&tuple);
		claims++;
		failures += index < 0;
	} while (index < 0);
	host_conns[index].partner = XLVS_NONE;
	host_conns[index].meta = XLVS_META_REPLY; /* nothing is accounted for */
	xlvs_conn_publish(&host_conns[index]);
	return (struct live){next_id - 1, (uint32_t)index};
}

static void fill_to(uint32_t n)
{
	while (n_lives < n)
		lives[n_lives++] = open_next();
}

static void replace_some(uint64_t n)
{
	while (n--) {
		struct live *old = &lives[random64() % n_lives];

		xlvs_conn_change_life(&host_conns[old->index], XLVS_LIFE_LIVE, XLVS_LIFE_ZOMBIE);
		xlvs_conn_free(old->index);
		*old = open_next();
	}
}

static void empty(uint32_t n_records)
{
	struct xlvs_constants constants = {.conn_groups = n_records / XLVS_CONN_GROUP,
					   .ticks_per_sec = 250};

	for (int i = 0; i < 6; i++)
		constants.seed[i] = random64();
	host_set_constants(&constants);
	xlvs_runtime = (struct xlvs_runtime){};
	host_n_conns = n_records;
	free(host_conns);
	host_conns = aligned_alloc(64, n_records * sizeof(struct xlvs_conn));
	assert_non_null(host_conns);
	for (uint32_t i = 0; i < n_records; i++)
		host_conns[i] = (struct xlvs_conn){};
	free(lives);
	lives = calloc(n_records, sizeof(*lives));
	assert_non_null(lives);
	n_lives = 0;
	claims = failures = 0;
}

static void leave(void)
{
	free(host_conns);
	free(lives);
	host_conns = NULL;
	lives = NULL;
}

static const uint32_t fills[] = {25, 50, 75};

/* At each fill: records looked at on average to find one, and to find none; claims that fail. */
static const struct {
	double found, absent, failed_in_a_million;
} bounds[] = {{1.5, 1.3, 0}, {2.4, 2.8, 20}, {4.9, 16.5, 1000}};

static void check_figures(int i, double found, double absent)
{
	double failed = (double)failures * 1e6 / (double)claims;

	if (found > bounds[i].found || absent > bounds[i].absent ||
	    failed > bounds[i].failed_in_a_million)
		fail_msg("%u %% full: %.2f records to find one, %.2f for none, %.0f claims failed",
			 fills[i], found, absent, failed);
}

static void test_search_stays_short_however_often_connections_are_replaced(void **state)
{
	(void)state;
	empty(TEST_RECORDS);
	for (int i = 0; i < 3; i++) {
		double found, absent;
		struct searches later;

		fill_to(TEST_RECORDS / 100 * fills[i]);
		replace_some((uint64_t)TURNOVER * n_lives);
		later = search_all_live();
		found = mean(&later);
		later = search_unknown();
		absent = mean(&later);
		claims = failures = 0;
		replace_some((uint64_t)TURNOVER * n_lives);
		check_figures(i, found, absent);
		/* No longer than it was half the time ago. */
		later = search_all_live();
		assert_true(mean(&later) < found * 1.05);
		later = search_unknown();
		assert_true(mean(&later) < absent * 1.05);
	}
	leave();
}

static void print_row(uint32_t fill, const char *when)
{
	struct searches found = search_all_live(), absent = search_unknown();

	printf("| %u %% | %s | %.0f %% | %.2f | %u | %u | %.2f | %u | %u | %.0f |\n", fill, when,
	       100.0 * (double)found.by_probes[1] / (double)found.n, mean(&found),
	       percentile(&found, 0.99), percentile(&found, 1), mean(&absent),
	       percentile(&absent, 0.99), percentile(&absent, 1),
	       (double)failures * 1e6 / (double)claims);
}

static void print_table(uint32_t n_records)
{
	printf("| full | replaced | found at once | found: mean | 99 %% | most | absent: mean | 99 "
	       "%% "
	       "| most | failed claims in a million |\n"
	       "|---|---|---|---|---|---|---|---|---|---|\n");
	empty(n_records);
	for (int i = 0; i < 3; i++) {
		char when[20];

		fill_to((uint32_t)((uint64_t)n_records * fills[i] / 100));
		print_row(fills[i], "never");
		claims = failures = 0;
		replace_some((uint64_t)TURNOVER * n_lives);
		snprintf(when, sizeof(when), "%d times", TURNOVER);
		print_row(fills[i], when);
		claims = failures = 0;
	}
	leave();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_search_stays_short_however_often_connections_are_replaced),
	};

	if (argc == 2) {
		print_table((uint32_t)strtoul(argv[1], NULL, 10) / 32 * 32);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
