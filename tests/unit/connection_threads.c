// SPDX-License-Identifier: GPL-2.0-or-later
/* The shipped packet path on several threads at once, each a CPU, in a table that is too small for
 * what they open, while the expiry goes round: no connection that a client holds is lost or mixed
 * up with another, and at the end everything that was counted agrees.
 *
 * Time goes by only when each thread has come to the end of a packet since the last tick, as on
 * CPUs that handle a packet in far less than the tenth of a second that ended records are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "connection_director.h"
#include "host_maps.h"

enum {
	THREADS = 4,
	GROUPS = 128,
	OWN_CLIENTS = 30, /* of each thread: nobody else sends their packets */
	SHARED_CLIENTS = 400,
	HOT_CLIENTS = 12, /* of the shared ones, half of what they send */
	TURNS = 250000,
	TURNS_PER_TICK = 100,
	RACE_THREADS = 2,
	RACES = 15000,
	RACES_PER_AUDIT = 300,
};

struct own_client {
	struct native_client client;
	bool is_open; /* proven, so it must be there */
	uint32_t dest;
};

struct worker {
	pthread_t thread;
	struct native_cpu *cpu;
	struct own_client own[OWN_CLIENTS];
	uint64_t random_state;
	uint32_t turns; /* read by the clock */
	uint32_t opened;
	uint32_t asked;
	uint32_t misled;
	const char *complaint;
};

static struct worker workers[THREADS];
static struct native_client shared[SHARED_CLIENTS];

static uint32_t random_below(struct worker *worker, uint32_t n)
{
	worker->random_state = worker->random_state * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)((worker->random_state >> 33) % n);
}

static void complain(struct worker *worker, const char *complaint)
{
	if (!worker->complaint)
		worker->complaint = complaint;
}

/* The handshake; it may fail at each packet when the table is full or the record displaced. */
static void open_own(struct worker *worker, struct own_client *own)
{
	const struct native_client *client = &own->client;
	uint32_t dest;

	if (native_request(worker->cpu, client, SYN, &own->dest) != NATIVE_FORWARDED)
		return;
	if (client->is_two_way &&
	    native_reply(worker->cpu, client, SYN | ACK, own->dest) != NATIVE_FORWARDED)
		return;
	if (native_request(worker->cpu, client, ACK, &dest) != NATIVE_FORWARDED ||
	    !native_is_proven(client))
		return;
	if (dest != own->dest)
		complain(worker, "the handshake's last packet went elsewhere");
	own->is_open = true;
	worker->opened++;
}

static void use_own(struct worker *worker, struct own_client *own)
{
	const struct native_client *client = &own->client;
	bool is_reply = client->is_two_way && random_below(worker, 2);
	bool is_end = random_below(worker, 20) == 0;
	enum native_verdict verdict;
	uint32_t dest = own->dest;

	if (is_reply)
		verdict = native_reply(worker->cpu, client, is_end ? RST : ACK, dest);
	else
		verdict = native_request(worker->cpu, client, is_end ? RST : ACK, &dest);
	worker->asked++;
	if (verdict != NATIVE_FORWARDED)
		complain(worker, is_reply ? "a proven connection's reply was not forwarded"
					  : "a proven connection's packet was not forwarded");
	else if (dest != own->dest)
		complain(worker, "a proven connection's packet went elsewhere");
	own->is_open = !is_end;
}

/* Anything at any time. An unproven connection may be displaced while its packet is under way:
 * that one packet may then be misled, and no other. */
static void use_shared(struct worker *worker)
{
	static const uint8_t flags[] = {SYN, SYN, SYN, ACK, ACK, ACK | FIN, RST, SYN | ACK};
	uint32_t n = random_below(worker, random_below(worker, 2) ? HOT_CLIENTS : SHARED_CLIENTS);
	const struct native_client *client = &shared[n];
	uint8_t flag = flags[random_below(worker, sizeof(flags))];
	enum native_verdict verdict;
	uint32_t dest;

	if (client->is_two_way && random_below(worker, 3) == 0)
		verdict =
			native_reply(worker->cpu, client, flag, random_below(worker, NATIVE_DESTS));
	else
		verdict = native_request(worker->cpu, client, flag, &dest);
	worker->misled += verdict == NATIVE_WRONG;
}

/* CPUs stop anywhere, as a virtual machine's do. */
static void make_way(void)
{
	static _Thread_local uint32_t n;

	n = n * 1664525 + 1013904223;
	if (n >> 27 == 0)
		sched_yield();
}

static void *work(void *context)
{
	struct worker *worker = context;

	for (uint32_t i = 0; i < TURNS; i++) {
		struct own_client *own = &worker->own[random_below(worker, OWN_CLIENTS)];

		if (random_below(worker, 2))
			use_shared(worker);
		else if (own->is_open)
			use_own(worker, own);
		else
			open_own(worker, own);
		__atomic_store_n(&worker->turns, i + 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

/* Until each thread has made some turns that began after this. False when one has no more. */
static bool await_turns(void)
{
	uint32_t before[THREADS];
	bool all_work = true;

	for (int i = 0; i < THREADS; i++)
		before[i] = __atomic_load_n(&workers[i].turns, __ATOMIC_ACQUIRE);
	for (int i = 0; i < THREADS; i++) {
		while (__atomic_load_n(&workers[i].turns, __ATOMIC_ACQUIRE) <
			       before[i] + TURNS_PER_TICK &&
		       __atomic_load_n(&workers[i].turns, __ATOMIC_ACQUIRE) < TURNS)
			sched_yield();
		all_work &= __atomic_load_n(&workers[i].turns, __ATOMIC_ACQUIRE) < TURNS;
	}
	return all_work;
}

static uint64_t count(enum xlvs_reason reason)
{
	uint64_t sum = 0;

	for (int i = 0; i < HOST_CPUS; i++)
		sum += host_reasons[i][reason];
	return sum;
}

static void start_workers(void)
{
	for (uint32_t i = 0; i < SHARED_CLIENTS; i++)
		native_make_client(i, &shared[i]);
	for (uint32_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.cpu = native_cpu(i), .random_state = i};
		for (uint32_t n = 0; n < OWN_CLIENTS; n++)
			native_make_client(SHARED_CLIENTS + i * OWN_CLIENTS + n,
					   &workers[i].own[n].client);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
}

static void test_nothing_is_lost_or_mixed_up_among_four_cpus(void **state)
{
	uint32_t opened = 0, asked = 0, misled = 0, ticks = 0;

	(void)state;
	assert_true(native_open(GROUPS));
	start_workers();
	while (await_turns()) {
		native_tick(THREADS);
		ticks++;
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		opened += workers[i].opened;
		asked += workers[i].asked;
		misled += workers[i].misled;
	}
	print_message("%u ticks, %u handshakes, %u packets of them, %lu displaced, %lu races, "
		      "%lu claims failed, %u packets misled\n",
		      ticks, opened, asked, (unsigned long)count(XLVS_EVENT_DISPLACED),
		      (unsigned long)count(XLVS_DROP_INSERT_RACE),
		      (unsigned long)count(XLVS_EVENT_INSERT_FAILED), misled);
	for (int i = 0; i < THREADS; i++) {
		if (workers[i].complaint)
			fail_msg("%s", workers[i].complaint);
	}
	assert_true(ticks > 20 && opened > 1000 && asked > 10000);
	assert_true(count(XLVS_EVENT_DISPLACED) > 0);
	assert_true(misled < THREADS * TURNS / 10000);
	assert_true(native_is_sound());
	assert_true(native_drains());
	native_close();
}

static uint32_t arrived; /* at the starting lines so far */

/* All threads go on together. */
static void line_up(uint32_t race)
{
	__atomic_fetch_add(&arrived, 1, __ATOMIC_ACQ_REL);
	for (int i = 0; __atomic_load_n(&arrived, __ATOMIC_ACQUIRE) < RACE_THREADS * (race + 1);
	     i++) {
		if (i > 1000)
			sched_yield();
	}
}

static void *race(void *context)
{
	struct worker *worker = context;
	uint32_t dest, audited = 0;

	for (uint32_t i = 0; i < RACES; i++) {
		if (i % RACES_PER_AUDIT == 0) {
			line_up(i + audited++);
			if (worker == &workers[0] && (!native_is_sound() || !native_drains()))
				complain(worker, "the table is not sound");
		}
		line_up(i + audited);
		native_request(worker->cpu, &shared[i % RACES_PER_AUDIT], SYN, &dest);
	}
	return NULL;
}

static void test_connection_opened_by_two_cpus_at_once_is_one(void **state)
{
	(void)state;
	assert_true(native_open(4 * GROUPS));
	arrived = 0;
	for (uint32_t i = 0; i < RACES_PER_AUDIT; i++)
		native_make_client(i, &shared[i]);
	for (uint32_t i = 0; i < RACE_THREADS; i++)
		workers[i] = (struct worker){.cpu = native_cpu(i)};
	for (int i = 0; i < RACE_THREADS; i++)
		assert_int_equal(pthread_create(&workers[i].thread, NULL, race, &workers[i]), 0);
	for (int i = 0; i < RACE_THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	print_message("%lu races in %u connections\n", (unsigned long)count(XLVS_DROP_INSERT_RACE),
		      RACES);
	assert_null(workers[0].complaint);
	assert_true(native_is_sound());
	assert_true(native_drains());
	native_close();
}

static int setup(void **state)
{
	(void)state;
	host_interrupt = make_way;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_lost_or_mixed_up_among_four_cpus),
		cmocka_unit_test(test_connection_opened_by_two_cpus_at_once_is_one),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
