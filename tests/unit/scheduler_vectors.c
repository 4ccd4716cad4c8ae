// SPDX-License-Identifier: GPL-2.0-or-later
/* What a real kernel's schedulers served, step by step, is what the shipped schedulers serve, and
 * what the reference predicts that the random histories are judged by.
 *
 * A row is a script over destinations A to Z, all of whose connections stay open and active:
 *   +A3  add with weight 3        -A   delete          ~A3  edit to weight 3
 *   <A2  edit to upper threshold 2                     =rr  ipvsadm -E with that scheduler
 *   ?CBA expect these answers, one new client each; '-' is none */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_maps.h"
#include "model/spec.h"
#include "scheduler/scheduler.h"
#include "scheduler_reference.h"
#include "scheduler_shipped.h"

struct vector {
	const char *scheduler;
	const char *script;
};

static const struct vector vectors[] = {
	{"rr", "+A1 +B1 +C1 ?CBACBAC"},
	{"rr", "+A1 +B1 +C1 <C2 ?CBACBABAB"},
	{"rr", "+A1 +B1 +C1 +D1 ?DC -C ?BADB +E1 ?AEDBA =rr ?ED =wrr ?EDBAE =rr ?EDBAE"},
	{"wrr", "+A3 +B1 +C2 ?CBAACA CBAACA CBAACA"},
	{"wrr", "+A4 +B4 +C2 ?CBABA CBABA CBABA"},
	{"wrr", "+A2 +B1 +C3 ?CBACCA CBACCA"},
	{"wrr", "+A1 +B2 +C3 ?CBACCB CBACCB"},
	{"wrr", "+A10 +B20 +C30 ?CBACCB CBACCB"},
	{"wrr", "+A3 +B0 +C2 ?CAACA CAACA"},
	{"wrr", "+A3 +B1 +C2 <A2 ?CBAACCBCCBCC"},
	{"lc", "+A1 +B1 +C1 ?CBACBA"},
	{"lc", "+A3 +B1 +C2 ?CBACBA"},
	{"lc", "+A1 +B0 +C1 ?CACA"},
	{"wlc", "+A1 +B1 +C1 ?CBACBA"},
	{"wlc", "+A3 +B1 +C2 ?CBAACA CBAACA"},
	{"wlc", "+A1 +B0 +C5 ?CACCCCCACCCC"},
	{"wlc", "+A1 +B1 <A1 <B1 ?BA----"},
	{"sed", "+A1 +B1 +C1 ?CBACBA"},
	{"sed", "+A3 +B1 +C2 ?ACACBA ACACBA"},
	{"nq", "+A3 +B1 +C2 ?CBAACAACACBAACACBA"},
	{"fo", "+A3 +B1 +C2 ?AAAA"},
	{"fo", "+A2 +B2 +C2 ?CCC"},
	{"ovf", "+A3 +B1 +C2 ?AAAACCCBB--"},
	{"ovf", "+A2 +B2 +C1 ?BBBAAACC-"},
	{"lblc", "+A3 +B1 +C2 ?CCCBBAAAAAAA"},
	{"lblcr", "+A3 +B1 +C2 ?CCCBBAAAAACA"},
	{"none", "+A1 ?--"},
};

enum engine {
	SHIPPED,
	REFERENCE,
};

struct run {
	enum engine engine;
	struct shipped shipped;
	struct reference *reference;
	int32_t weights[26];
	uint32_t active[26];
	uint32_t threshold[26];
};

static uint16_t scheduler_number(const char *name)
{
	int number = xlvs_scheduler_find(name);

	assert_true(number >= 0);
	return (uint16_t)number;
}

static void configure(struct run *run, const char *word)
{
	uint32_t id = (uint32_t)(word[1] - 'A');
	int number = atoi(word + 2);

	if (word[0] == '+' || word[0] == '~')
		run->weights[id] = number;
	else if (word[0] == '<')
		run->threshold[id] = (uint32_t)number;

	if (word[0] == '+' && run->engine == SHIPPED)
		shipped_add(&run->shipped, id, run->weights[id]);
	else if (word[0] == '+')
		reference_add(run->reference, id, run->weights[id]);
	else if (word[0] == '-' && run->engine == SHIPPED)
		shipped_delete(&run->shipped, id);
	else if (word[0] == '-')
		reference_delete(run->reference, id);
	else if (run->engine == SHIPPED)
		shipped_edit(&run->shipped, id, run->weights[id]);
	else
		reference_edit(run->reference, id, run->weights[id]);
}

static char pick(struct run *run)
{
	static const struct arrival nobody;
	bool overloaded;
	int64_t id;

	id = run->engine == SHIPPED ? shipped_pick(&run->shipped, &nobody)
				    : reference_pick(run->reference, &nobody);
	if (id < 0)
		return '-';
	run->active[id]++;
	overloaded = run->threshold[id] && run->active[id] >= run->threshold[id];
	if (run->engine == REFERENCE) {
		reference_load(run->reference, (uint32_t)id, run->active[id], 0, overloaded);
	} else {
		host_dests[id].active = run->active[id];
		host_dests[id].overloaded = overloaded;
	}
	return (char)('A' + id);
}

static void step(struct run *run, const char *word)
{
	const char *expected = word[0] == '?' ? word + 1 : word;
	char served[32] = "";

	if (word[0] == '=' && run->engine == SHIPPED) {
		shipped_bind(&run->shipped, scheduler_number(word + 1));
	} else if (word[0] == '=') {
		reference_bind(run->reference, scheduler_number(word + 1));
	} else if (strchr("+-~<", word[0])) {
		configure(run, word);
	} else {
		for (size_t i = 0; i < strlen(expected); i++)
			served[i] = pick(run);
		assert_string_equal(served, expected);
	}
}

static void replay(const struct vector *vector, enum engine engine)
{
	struct run run = {.engine = engine};
	char script[128];
	char *rest = script;
	char *word;

	snprintf(script, sizeof(script), "%s", vector->script);
	if (engine == SHIPPED)
		shipped_init(&run.shipped, scheduler_number(vector->scheduler));
	else
		run.reference = reference_new(scheduler_number(vector->scheduler));
	while ((word = strsep(&rest, " ")))
		step(&run, word);
	if (run.reference)
		reference_free(run.reference);
}

static void test_reference_predicts_what_the_kernel_served(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		replay(&vectors[i], REFERENCE);
}

static void test_shipped_schedulers_serve_what_the_kernel_served(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		replay(&vectors[i], SHIPPED);
}

static void test_source_hash_sends_clients_where_the_kernel_sent_them(void **state)
{
	/* 192.0.2.1, 192.0.2.2, 10.0.0.2, 203.0.113.77, 2001:db8::1 folded */
	static const uint32_t clients[] = {0xc0000201, 0xc0000202, 0x0a000002, 0xcb00714d,
					   0x20010db9};
	static const uint32_t slots[] = {50, 148, 137, 57, 63};
	static const uint32_t served[] = {91, 92, 91, 93};
	static struct shipped shipped;
	const union xlvs_chunk *run;

	(void)state;
	shipped_init(&shipped, XLVS_SCHEDULER_sh);
	for (uint32_t id = 91; id <= 93; id++)
		shipped_add(&shipped, id, 1);
	for (size_t i = 0; i < 4; i++) {
		struct arrival arrival = {.client = clients[i]};

		assert_int_equal(shipped_pick(&shipped, &arrival), served[i]);
	}
	run = &host_chunks[shipped.list];
	for (size_t i = 0; i < 5; i++) {
		struct arrival arrival = {.client = clients[i]};

		assert_int_equal(shipped_pick(&shipped, &arrival),
				 run[run->head.table + slots[i] / 64].slots[slots[i] % 64] - 1);
	}
}

static void test_destination_hash_deals_the_slots_round_robin(void **state)
{
	static const uint32_t addresses[] = {0xc0000201, 0xc0000202, 0x0a000002, 0xcb00714d};
	static const uint32_t slots[] = {50, 148, 137, 57};
	static struct shipped shipped;

	(void)state;
	shipped_init(&shipped, XLVS_SCHEDULER_dh);
	for (uint32_t id = 91; id <= 93; id++)
		shipped_add(&shipped, id, (int32_t)id);
	for (size_t i = 0; i < 4; i++) {
		struct arrival arrival = {.client = 1, .address = addresses[i]};

		assert_int_equal(shipped_pick(&shipped, &arrival), 93 - slots[i] % 3);
	}
}

static void test_source_hash_with_ports_adds_the_port(void **state)
{
	static const struct arrival without = {.client = 0xc0000201, .port = 1000};
	static const struct arrival with_port = {
		.client = 0xc0000201, .port = 1000, .flags = XLVS_SERVICE_SCHED2};
	static struct shipped shipped;
	const union xlvs_chunk *run;

	(void)state;
	shipped_init(&shipped, XLVS_SCHEDULER_sh);
	for (uint32_t id = 0; id < 256; id++)
		shipped_add(&shipped, id, 1);
	run = &host_chunks[shipped.list];
	assert_int_equal(shipped_pick(&shipped, &with_port), run[run->head.table].slots[42] - 1);
	assert_int_equal(shipped_pick(&shipped, &without), run[run->head.table].slots[50] - 1);
}

/* The first usable slot after twice the client's own, wrapping. */
static void test_source_hash_with_fallback_leaves_unusable_slots(void **state)
{
	static struct shipped shipped;

	(void)state;
	shipped_init(&shipped, XLVS_SCHEDULER_sh);
	for (uint32_t id = 0; id < 256; id++)
		shipped_add(&shipped, 255 - id, 1); /* slot n holds destination n */
	for (uint32_t own = 0; own < 256; own++) {
		struct arrival arrival = {};
		uint32_t next = (own + own) % 256;

		while ((arrival.client * 0x61C88647U) >> 24 != own)
			arrival.client++;
		shipped_edit(&shipped, own, 0);
		host_dests[next].overloaded = 1;
		if ((next + 1) % 256 == own)
			next++;
		assert_int_equal(shipped_pick(&shipped, &arrival), -1);
		arrival.flags = XLVS_SERVICE_SCHED1;
		assert_int_equal(shipped_pick(&shipped, &arrival), (next + 1) % 256);
		host_dests[(own + own) % 256].overloaded = 0;
		shipped_edit(&shipped, own, 1);
	}
	for (uint32_t id = 0; id < 256; id++)
		host_dests[id].overloaded = 1;
	assert_int_equal(shipped_pick(&shipped, &(struct arrival){.flags = XLVS_SERVICE_SCHED1}),
			 -1);
}

static void count_slots(const struct shipped *shipped, uint32_t counts[static 256])
{
	const union xlvs_chunk *run = &host_chunks[shipped->list];

	memset(counts, 0, 256 * sizeof(counts[0]));
	for (uint32_t i = 0; i < run->head.n_slots; i++)
		counts[run[run->head.table + i / 64].slots[i % 64] - 1]++;
}

static void test_maglev_tables_are_the_kernels(void **state)
{
	static const struct {
		int32_t weights[3];
		uint32_t counts[3];
	} rows[] = {
		{{1, 1, 1}, {1364, 1364, 1365}},
		{{3, 1, 2}, {2046, 682, 1365}},
		{{1, 0, 1}, {2046, 0, 2047}},
	};
	static struct shipped shipped;
	uint32_t counts[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		shipped_init(&shipped, XLVS_SCHEDULER_mh);
		for (uint32_t n = 0; n < 3; n++)
			shipped_add(&shipped, 91 + n, rows[i].weights[n]);
		count_slots(&shipped, counts);
		for (uint32_t n = 0; n < 3; n++)
			assert_int_equal(counts[91 + n], rows[i].counts[n]);
	}
}

static void test_maglev_table_begins_as_the_kernels(void **state)
{
	static const uint32_t first[] = {91, 91, 91, 93, 91, 93, 93, 93, 93, 91,
					 93, 91, 91, 93, 93, 93, 93, 91, 91, 91};
	static struct shipped shipped;
	const union xlvs_chunk *run;

	(void)state;
	shipped_init(&shipped, XLVS_SCHEDULER_mh);
	for (uint32_t id = 91; id <= 93; id++)
		shipped_add(&shipped, id, id == 92 ? 0 : 1);
	run = &host_chunks[shipped.list];
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		assert_int_equal(run[run->head.table].slots[i] - 1, first[i]);
}

static void test_maglev_sends_clients_to_the_kernels_slots(void **state)
{
	/* 192.0.2.1, 192.0.2.2, 10.0.0.2, 203.0.113.77, 2001:db8::1 folded */
	static const struct {
		struct arrival arrival;
		uint32_t slot;
	} rows[] = {
		{{.client = 0xc0000201}, 2891},
		{{.client = 0xc0000202}, 746},
		{{.client = 0x0a000002}, 1884},
		{{.client = 0xcb00714d}, 2731},
		{{.client = 0xc0000201, .port = 1000, .flags = XLVS_SERVICE_SCHED2}, 1155},
		{{.client = 0xc0000201, .port = 1000}, 2891},
		{{.client = 0x20010db9}, 3457},
	};
	static struct shipped shipped;
	const union xlvs_chunk *run;

	(void)state;
	shipped_init(&shipped, XLVS_SCHEDULER_mh);
	for (uint32_t id = 91; id <= 93; id++)
		shipped_add(&shipped, id, 1);
	run = &host_chunks[shipped.list];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t served = shipped_pick(&shipped, &rows[i].arrival);

		assert_int_equal(served,
				 run[run->head.table + rows[i].slot / 64].slots[rows[i].slot % 64] -
					 1);
	}
}

static void test_maglev_keeps_the_slots_of_a_quiesced_destination(void **state)
{
	static struct shipped shipped;
	uint32_t before[256], after[256];

	(void)state;
	shipped_init(&shipped, XLVS_SCHEDULER_mh);
	for (uint32_t id = 91; id <= 93; id++)
		shipped_add(&shipped, id, 2);
	count_slots(&shipped, before);
	shipped_edit(&shipped, 92, 0);
	count_slots(&shipped, after);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(shipped_pick(&shipped, &(struct arrival){.client = 0xc0000201}), -1);
	assert_in_range(shipped_pick(&shipped, &(struct arrival){.client = 0xc0000201,
								 .flags = XLVS_SERVICE_SCHED1}),
			91, 93);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference_predicts_what_the_kernel_served),
		cmocka_unit_test(test_shipped_schedulers_serve_what_the_kernel_served),
		cmocka_unit_test(test_source_hash_sends_clients_where_the_kernel_sent_them),
		cmocka_unit_test(test_destination_hash_deals_the_slots_round_robin),
		cmocka_unit_test(test_source_hash_with_ports_adds_the_port),
		cmocka_unit_test(test_maglev_tables_are_the_kernels),
		cmocka_unit_test(test_maglev_table_begins_as_the_kernels),
		cmocka_unit_test(test_maglev_sends_clients_to_the_kernels_slots),
		cmocka_unit_test(test_maglev_keeps_the_slots_of_a_quiesced_destination),
		cmocka_unit_test(test_source_hash_with_fallback_leaves_unusable_slots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
