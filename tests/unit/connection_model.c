// SPDX-License-Identifier: GPL-2.0-or-later
#include "connection_model.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "abi/hash.h"
#include "datapath/connection.bpf.h"
#include "host_kernel.h"
#include "host_maps.h"
#include "table.h"

enum {
	PLACES_MAX = MODEL_GROUPS_MAX * XLVS_CONN_GROUP,
	DISPLACE_PROBES = 16,
	TIMEOUT_TICKS = 40,
};

int xlvs_start(struct __sk_buff *skb);

/* One place of the table. Its key counts unless it is free. */
struct place {
	enum xlvs_life life;
	uint32_t key;
	uint32_t partner;
	uint32_t deadline; /* of a zombie: when it died, if that is known */
	bool reply;
	bool proven;
	bool dated;
};

static struct xlvs_conn conns[PLACES_MAX];
static struct place places[PLACES_MAX];
static uint32_t n_places;
static uint32_t now;

__attribute__((format(printf, 1, 2))) static bool disagree(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return false;
}

static struct xlvs_tuple tuple_of(uint32_t key, bool reply)
{
	struct xlvs_tuple tuple = {
		.sport = (__be16)(1000 + key),
		.dport = 80,
		.protocol = key % 3 ? 6 : 17,
		.family = key % 2 ? XLVS_AF_INET6 : XLVS_AF_INET,
		.flags = reply ? XLVS_TUPLE_REPLY : 0,
	};

	tuple.key.v4.saddr = 0xc6336400 + key / 8;
	tuple.key.v4.daddr = 0xcb007100;
	if (tuple.family == XLVS_AF_INET) {
		tuple.hash = xlvs_hash_ipv4(xlvs_constants.seed, tuple.key.v4.saddr,
					    tuple.key.v4.daddr, tuple.ports, tuple.kind);
		return tuple;
	}
	tuple.key.v6.saddr[3] = key / 4;
	tuple.hash = xlvs_hash_ipv6(xlvs_constants.seed, tuple.key.words, tuple.ports, tuple.kind);
	return tuple;
}

/* Index of the place of a key in that life, XLVS_NONE without. */
static uint32_t place_of(uint32_t key, enum xlvs_life life)
{
	for (uint32_t i = 0; i < n_places; i++) {
		if (places[i].life == life && places[i].key == key)
			return i;
	}
	return XLVS_NONE;
}

static uint32_t live_place(uint32_t key)
{
	return place_of(key, XLVS_LIFE_LIVE);
}

static bool is_cold(const struct place *place)
{
	return place->life == XLVS_LIFE_ZOMBIE && place->dated &&
	       now - place->deadline >= MODEL_GRACE_TICKS;
}

static void bury(struct place *place, bool dated)
{
	place->life = XLVS_LIFE_ZOMBIE;
	place->dated = dated;
	place->deadline = now;
}

static uint32_t live_partner(uint32_t index)
{
	uint32_t partner = places[index].partner;

	return partner < n_places && places[partner].life == XLVS_LIFE_LIVE &&
			       places[partner].partner == index
		       ? partner
		       : XLVS_NONE;
}

/* Its reply record goes with it. */
static void end_partner(uint32_t index)
{
	uint32_t partner = live_partner(index);

	if (partner != XLVS_NONE)
		bury(&places[partner], true);
}

/* A claimed place becomes the key's, or is given up for a rival. */
static int occupied(uint32_t index, uint32_t key, bool reply)
{
	bool is_being_made = place_of(key, XLVS_LIFE_BUSY) != XLVS_NONE;
	uint32_t rival;

	places[index] = (struct place){
		.life = XLVS_LIFE_BUSY, .key = key, .partner = XLVS_NONE, .reply = reply};
	rival = live_place(key);
	if (rival == XLVS_NONE && !is_being_made)
		return (int)index;
	if (!is_being_made && reply && places[rival].reply) {
		bury(&places[rival], false);
		return (int)index;
	}
	bury(&places[index], true);
	return -XLVS_DROP_INSERT_RACE;
}

static int expected_claim(const struct xlvs_tuple *tuple, uint32_t key)
{
	for (uint32_t i = 0; i < XLVS_CONN_PROBES; i++) {
		uint32_t index = xlvs_conn_slot(tuple->hash, i);

		if (places[index].life == XLVS_LIFE_FREE || is_cold(&places[index]))
			return occupied(index, key, tuple->flags & XLVS_TUPLE_REPLY);
	}
	return -XLVS_DROP_TABLE_FULL;
}

static int expected_displacement(const struct xlvs_tuple *tuple, uint32_t key)
{
	uint32_t victim = XLVS_NONE;

	for (uint32_t i = 0; i < DISPLACE_PROBES; i++) {
		uint32_t index = xlvs_conn_slot(tuple->hash, i);
		const struct place *place = &places[index];

		if (place->life == XLVS_LIFE_LIVE && !place->reply && !place->proven &&
		    (victim == XLVS_NONE ||
		     (int32_t)(place->deadline - places[victim].deadline) < 0))
			victim = index;
	}
	if (victim == XLVS_NONE)
		return -XLVS_DROP_TABLE_FULL;
	end_partner(victim);
	return occupied(victim, key, false);
}

static bool is_as_expected(const char *what, int got, int expected)
{
	if (got == expected)
		return true;
	return disagree("%s: %d, should be %d", what, got, expected);
}

/* Make a claimed first record live, as the packet path does. */
static void publish_first(uint32_t index, uint32_t partner)
{
	struct xlvs_conn *conn = &conns[index];

	conn->dest = index % MODEL_DESTS;
	conn->partner = partner;
	conn->deadline = now + TIMEOUT_TICKS;
	conn->meta = XLVS_META_INACTIVE;
	host_dests[conn->dest].inactive++;
	xlvs_runtime.unproven++;
	xlvs_conn_publish(conn);
	places[index].life = XLVS_LIFE_LIVE;
	places[index].partner = partner;
	places[index].deadline = conn->deadline;
	places[index].proven = places[index].reply = false;
}

static void publish_reply(uint32_t index, uint32_t partner)
{
	conns[index].meta = XLVS_META_REPLY;
	conns[index].partner = partner;
	xlvs_conn_publish(&conns[index]);
	places[index].life = XLVS_LIFE_LIVE;
	places[index].partner = partner;
}

/* The second record of the first record just claimed at `first`, then both are live. */
static bool finish_pair(uint32_t first, uint32_t reply_key)
{
	struct xlvs_tuple tuple = tuple_of(reply_key, true);
	int expected = expected_claim(&tuple, reply_key);
	int index = xlvs_conn_claim(&tuple);

	if (!is_as_expected("claim of the reply record", index, expected))
		return false;
	if (index < 0) {
		xlvs_conn_abandon(&conns[first]);
		bury(&places[first], true);
		places[first].partner = XLVS_NONE;
		return true;
	}
	publish_first(first, (uint32_t)index);
	publish_reply((uint32_t)index, first);
	return true;
}

static bool finish(int first, bool pair, uint32_t reply_key)
{
	if (first < 0)
		return true;
	if (pair)
		return finish_pair((uint32_t)first, reply_key);
	publish_first((uint32_t)first, XLVS_NONE);
	return true;
}

static bool open_first(uint32_t key, bool pair, uint32_t reply_key)
{
	struct xlvs_tuple tuple = tuple_of(key, false);
	int expected = expected_claim(&tuple, key), index = xlvs_conn_claim(&tuple);

	return is_as_expected("claim", index, expected) && finish(index, pair, reply_key);
}

static bool open_reply(uint32_t key)
{
	struct xlvs_tuple tuple = tuple_of(key, true);
	int expected = expected_claim(&tuple, key), index = xlvs_conn_claim(&tuple);

	if (!is_as_expected("claim of a reply record", index, expected))
		return false;
	if (index >= 0)
		publish_reply((uint32_t)index, XLVS_NONE);
	return true;
}

static bool displace(uint32_t key, bool pair, uint32_t reply_key)
{
	struct xlvs_tuple tuple = tuple_of(key, false);
	int expected = expected_displacement(&tuple, key), index = xlvs_conn_displace(&tuple);

	return is_as_expected("displacement", index, expected) && finish(index, pair, reply_key);
}

static bool reclaim(uint32_t key, uint32_t place)
{
	struct xlvs_tuple tuple = tuple_of(key, false);
	uint32_t index = live_place(key);
	bool is_first = index != XLVS_NONE && !places[index].reply;
	int expected = is_first ? (int)index : -XLVS_DROP_INSERT_RACE;

	if (!is_first && index == place)
		return true; /* a reply record is never claimed again */
	if (!is_first)
		index = place;
	if (!is_as_expected("reclaim", xlvs_conn_reclaim(&tuple, index), expected))
		return false;
	if (!is_first)
		return true;
	end_partner(index);
	return finish((int)index, false, 0);
}

static bool prove(uint32_t key)
{
	uint32_t index = live_place(key);

	if (index == XLVS_NONE || places[index].reply || places[index].proven)
		return true;
	places[index].proven = true;
	conns[index].meta |= XLVS_META_PROVEN;
	xlvs_runtime.unproven--;
	return true;
}

static bool age(uint32_t key, uint32_t ticks)
{
	uint32_t index = live_place(key);

	if (index != XLVS_NONE && !places[index].reply)
		places[index].deadline = conns[index].deadline = now + ticks % TIMEOUT_TICKS;
	return true;
}

static bool free_place(uint32_t index)
{
	if (places[index].life == XLVS_LIFE_ZOMBIE)
		places[index].life = XLVS_LIFE_FREE;
	return is_as_expected("free", xlvs_conn_free(index), 0);
}

static void expected_visit(uint32_t index)
{
	struct place *place = &places[index];

	if (place->life == XLVS_LIFE_ZOMBIE) {
		if (!place->dated)
			bury(place, true);
		else if (is_cold(place))
			place->life = XLVS_LIFE_FREE;
	} else if (place->life == XLVS_LIFE_LIVE && place->reply) {
		if (live_partner(index) == XLVS_NONE)
			bury(place, false);
	} else if (place->life == XLVS_LIFE_LIVE && (int32_t)(now - place->deadline) >= 0) {
		end_partner(index);
		bury(place, true);
	}
}

static bool sweep(void)
{
	for (uint32_t i = 0; i < n_places; i++)
		expected_visit(i);
	host_fire_timer();
	return is_as_expected("the hand after a turn", (int)xlvs_runtime.sweep_hand, 0);
}

static bool pass_time(uint32_t ticks)
{
	now += ticks;
	host_jiffies += ticks;
	return true;
}

static bool do_step(uint32_t operation, uint32_t key, uint32_t other)
{
	switch (operation) {
	case MODEL_OPEN:
		return open_first(key, false, 0);
	case MODEL_OPEN_PAIR:
		return open_first(key, true, other % MODEL_KEYS);
	case MODEL_OPEN_REPLY:
		return open_reply(key);
	case MODEL_DISPLACE:
		return displace(key, false, 0);
	case MODEL_DISPLACE_PAIR:
		return displace(key, true, other % MODEL_KEYS);
	case MODEL_RECLAIM:
		return reclaim(key, other % n_places);
	case MODEL_PROVE:
		return prove(key);
	case MODEL_AGE:
		return age(key, other);
	case MODEL_FREE:
		return free_place(other % n_places);
	case MODEL_SWEEP:
		return sweep();
	default:
		return pass_time(other % (TIMEOUT_TICKS / 4));
	}
}

static bool find(uint32_t key)
{
	struct xlvs_tuple tuple = tuple_of(key, false);
	uint32_t index = XLVS_NONE;

	xlvs_conn_find(&tuple, tuple.family == XLVS_AF_INET, &index);
	if (index == live_place(key))
		return true;
	return disagree("key %u found at %d, should be at %d", key, (int)index,
			(int)live_place(key));
}

bool model_apply(struct model_step step)
{
	uint32_t key = step.key % MODEL_KEYS;

	return do_step(step.operation % MODEL_OPERATIONS, key, step.other) && find(key) &&
	       find(step.other % MODEL_KEYS);
}

static bool is_place_equal(uint32_t index)
{
	const struct xlvs_conn *conn = &conns[index];
	const struct place *place = &places[index];

	if ((enum xlvs_life)(conn->word & XLVS_LIFE_MASK) != place->life)
		return disagree("place %u: life %u, should be %u", index,
				(uint32_t)conn->word & XLVS_LIFE_MASK, place->life);
	if (place->life == XLVS_LIFE_ZOMBIE && (conn->gateway == XLVS_ZOMBIE_DATED) != place->dated)
		return disagree("place %u: should%s be dated", index, place->dated ? "" : " not");
	if (place->life == XLVS_LIFE_ZOMBIE && place->dated && conn->deadline != place->deadline)
		return disagree("place %u: died at %u, not %u", index, place->deadline,
				conn->deadline);
	return true;
}

bool model_check(void)
{
	const struct table table = {conns, n_places, host_dests, MODEL_DESTS, &xlvs_runtime, NULL};
	struct table_census census;

	for (uint32_t i = 0; i < n_places; i++) {
		if (!is_place_equal(i))
			return false;
	}
	for (uint32_t key = 0; key < MODEL_KEYS; key++) {
		if (!find(key))
			return false;
	}
	return !table_audit(&table, &census);
}

bool model_drain(void)
{
	pass_time(2 * TIMEOUT_TICKS);
	for (int i = 0; i < 4; i++) {
		if (!sweep())
			return false;
		pass_time(MODEL_GRACE_TICKS);
	}
	for (uint32_t i = 0; i < n_places; i++) {
		if (conns[i].word)
			return disagree("place %u is not as new: %#llx", i, conns[i].word);
	}
	return model_check() && is_as_expected("records left", (int)xlvs_runtime.records, 0);
}

void model_begin(uint32_t n_groups, uint64_t seed)
{
	struct xlvs_constants constants = {
		.conn_groups = n_groups,
		.ticks_per_sec = MODEL_GRACE_TICKS * 10,
	};

	for (int i = 0; i < 6; i++)
		constants.seed[i] = seed = seed * 0x5851f42d4c957f2d + 0x14057b7ef767814f;
	host_set_constants(&constants);
	memset(conns, 0, sizeof(conns));
	memset(places, 0, sizeof(places));
	memset(host_dests, 0, MODEL_DESTS * sizeof(host_dests[0]));
	n_places = n_groups * XLVS_CONN_GROUP;
	host_conns = conns;
	host_n_conns = n_places;
	xlvs_runtime = (struct xlvs_runtime){.sweep_records = n_places};
	host_jiffies = now = (uint32_t)seed; /* wherever its 32 bits are about to overflow */
	xlvs_start(NULL);
}
