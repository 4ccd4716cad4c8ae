// SPDX-License-Identifier: GPL-2.0-or-later
/* Random histories of commands, judged at every step by a table of what should be there, and
 * interrupted by restarts: the model is thrown away and adopted from what it said of itself. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "abi/limits.h"
#include "model_fixture.h"

#define N_SERVICES 3
#define N_DESTS	   5

enum place {
	NOWHERE,
	LISTED,
	TRASH,
};

struct expected_dest {
	enum place place;
	uint32_t id; /* while somewhere */
	uint32_t incarnation; /* of the service it belongs to */
};

struct expected {
	bool exists[N_SERVICES];
	uint32_t incarnation[N_SERVICES];
	struct expected_dest dests[N_SERVICES][N_DESTS];
	uint32_t list[N_SERVICES][N_DESTS]; /* numbers of dests, newest first */
	uint32_t n_listed[N_SERVICES];
};

static const char *const services[N_SERVICES] = {"192.0.2.1", "192.0.2.2", "2001:db8::1"};
static const char *const dests[N_SERVICES][N_DESTS] = {
	{"198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4", "198.51.100.5"},
	{"198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4", "198.51.100.5"},
	{"2001:db8::a1", "2001:db8::a2", "2001:db8::a3", "2001:db8::a4", "2001:db8::a5"},
};

static uint64_t seed = 1;

static uint32_t below(uint32_t bound)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 32) * bound >> 32);
}

static void unlist(struct expected *e, uint32_t s, uint32_t d)
{
	uint32_t i = 0;

	while (e->list[s][i] != d)
		i++;
	e->n_listed[s]--;
	memmove(&e->list[s][i], &e->list[s][i + 1], (e->n_listed[s] - i) * sizeof(uint32_t));
}

static void change_service(struct fixture *f, struct expected *e, uint32_t s)
{
	if (below(2)) {
		assert_int_equal(add_service(f, services[s], "rr"), e->exists[s] ? -EEXIST : 0);
		e->incarnation[s] += !e->exists[s];
		e->exists[s] = true;
		return;
	}
	assert_int_equal(delete_service(f, services[s]), e->exists[s] ? 0 : -ESRCH);
	e->exists[s] = false;
	e->n_listed[s] = 0;
	for (uint32_t d = 0; d < N_DESTS; d++) {
		if (e->dests[s][d].place == LISTED)
			e->dests[s][d].place = TRASH;
	}
}

static void expect_added(struct fixture *f, struct expected *e, uint32_t s, uint32_t d)
{
	struct expected_dest *dest = &e->dests[s][d];
	bool zeroed = dest->place == TRASH && dest->incarnation != e->incarnation[s];
	const struct xlvs_op *op = f->plan.ops;

	assert_int_equal(f->plan.n_ops, zeroed ? 3 : 2);
	if (zeroed)
		assert_int_equal((op++)->kind, XLVS_OP_DEST_ZERO);
	assert_int_equal(op->kind, XLVS_OP_DEST_PUT);
	if (dest->place == TRASH)
		assert_int_equal(op->dest, dest->id);
	dest->id = op->dest;
	dest->place = LISTED;
	dest->incarnation = e->incarnation[s];
	memmove(&e->list[s][1], &e->list[s][0], e->n_listed[s] * sizeof(uint32_t));
	e->list[s][0] = d;
	e->n_listed[s]++;
}

static void change_dest(struct fixture *f, struct expected *e, uint32_t s, uint32_t d)
{
	struct expected_dest *dest = &e->dests[s][d];
	bool listed = dest->place == LISTED;
	int r;

	switch (below(4)) {
	case 0:
	case 1:
		r = add_dest(f, services[s], dests[s][d]);
		assert_int_equal(r, !e->exists[s] ? -ESRCH : listed ? -EEXIST : 0);
		if (r == 0)
			expect_added(f, e, s, d);
		break;
	case 2:
		r = delete_dest(f, services[s], dests[s][d]);
		assert_int_equal(r, !e->exists[s] ? -ESRCH : listed ? 0 : -ENOENT);
		if (r < 0)
			break;
		unlist(e, s, d);
		dest->place = TRASH;
		break;
	default:
		if (dest->place == NOWHERE)
			break;
		r = xlvs_model_free_dest(f->model, dest->id, &f->plan);
		assert_int_equal(r, listed ? -EBUSY : 0);
		if (r == 0)
			dest->place = NOWHERE;
	}
}

static void verify(const struct fixture *f, const struct expected *e)
{
	const struct xlvs_model_dest *dest;
	uint32_t n_dests = 0, n_expected = 0;

	for (uint32_t s = 0; s < N_SERVICES; s++) {
		char list[64] = "";
		size_t bytes = 0;

		for (uint32_t i = 0; i < e->n_listed[s]; i++)
			bytes += (size_t)snprintf(list + bytes, sizeof(list) - bytes, "%s%u",
						  i ? " " : "", e->dests[s][e->list[s][i]].id);
		if (e->exists[s])
			expect_list(f, services[s], list);
		for (uint32_t d = 0; d < N_DESTS; d++) {
			const struct expected_dest *expected = &e->dests[s][d];

			if (expected->place == NOWHERE)
				continue;
			n_expected++;
			dest = xlvs_model_dest(f->model, expected->id);
			assert_non_null(dest);
			assert_int_equal(dest->available, expected->place == LISTED);
			assert_int_equal(dest->service != XLVS_NONE,
					 e->exists[s] &&
						 expected->incarnation == e->incarnation[s]);
		}
	}
	for (uint32_t id = 0; (dest = xlvs_model_next_dest(f->model, id)); id = dest->id + 1)
		n_dests++;
	assert_int_equal(n_dests, n_expected);
}

static void restart(struct fixture *f)
{
	struct xlvs_model *adopted = xlvs_model_new();
	const struct xlvs_model_service *service;
	const struct xlvs_model_dest *dest;

	assert_non_null(adopted);
	for (uint32_t id = 0; (service = xlvs_model_next_service(f->model, id));
	     id = service->id + 1)
		assert_int_equal(xlvs_model_adopt_service(adopted, service->id, &service->spec), 0);
	for (uint32_t id = 0; (service = xlvs_model_next_service(f->model, id));
	     id = service->id + 1)
		for (uint32_t i = 0; i < service->n_dests; i++)
			assert_int_equal(
				xlvs_model_adopt_dest(adopted,
						      xlvs_model_dest(f->model, service->dests[i])),
				0);
	for (uint32_t id = 0; (dest = xlvs_model_next_dest(f->model, id)); id = dest->id + 1)
		if (!dest->available)
			assert_int_equal(xlvs_model_adopt_dest(adopted, dest), 0);
	xlvs_model_free(f->model);
	f->model = adopted;
}

static void test_random_commands_and_restarts_keep_the_model_true(void **state)
{
	static struct expected expected;
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t s = below(N_SERVICES);

		f->plan.n_ops = 0;
		if (below(12))
			change_dest(f, &expected, s, below(N_DESTS));
		else if (below(5))
			change_service(f, &expected, s);
		else
			restart(f);
		verify(f, &expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		fixture_test(test_random_commands_and_restarts_keep_the_model_true),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
