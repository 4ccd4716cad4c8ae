// SPDX-License-Identifier: GPL-2.0-or-later
#include "table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/hash.h"
#include "datapath/connection.bpf.h"

enum {
	COMPLAINTS_PRINTED = 20,
};

struct audit {
	const struct table *table;
	struct table_census *census;
	uint32_t *passes; /* that the words should have */
	uint32_t *active; /* of the destinations */
	uint32_t *inactive;
	uint32_t *persistent;
	uint32_t *controlled; /* of each record: how many connections name it as their template */
	uint32_t complaints;
};

__attribute__((format(printf, 2, 3))) static void complain(struct audit *audit, const char *format,
							   ...)
{
	va_list arguments;

	if (audit->complaints++ >= COMPLAINTS_PRINTED)
		return;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

static uint32_t life_of(const struct xlvs_conn *conn)
{
	return (uint32_t)conn->word & XLVS_LIFE_MASK;
}

static struct xlvs_tuple tuple_of(const struct xlvs_conn *conn)
{
	struct xlvs_tuple tuple = {.key = conn->key, .ports = conn->ports, .kind = conn->kind};

	if (conn->family == XLVS_AF_INET)
		tuple.hash = xlvs_hash_ipv4(xlvs_constants.seed, tuple.key.v4.saddr,
					    tuple.key.v4.daddr, tuple.ports, tuple.kind);
	else
		tuple.hash = xlvs_hash_ipv6(xlvs_constants.seed, tuple.key.words, tuple.ports,
					    tuple.kind);
	return tuple;
}

/* The passes this record left on the way to its place. */
static void add_passes(struct audit *audit, const struct xlvs_tuple *tuple, uint32_t index)
{
	uint32_t probes = 0;

	while (probes < XLVS_CONN_PROBES && xlvs_conn_slot(tuple->hash, probes) != index)
		probes++;
	if (probes == XLVS_CONN_PROBES)
		complain(audit, "record %u: no search for its key comes by it", index);
	audit->census->passes += probes;
	while (probes--)
		audit->passes[xlvs_conn_slot(tuple->hash, probes)]++;
}

static bool has_tuple(const struct xlvs_conn *conn, const struct xlvs_tuple *tuple)
{
	size_t bytes = tuple->family == XLVS_AF_INET ? sizeof(tuple->key.v4) : sizeof(tuple->key);

	return life_of(conn) == XLVS_LIFE_LIVE && ((conn->word ^ tuple->hash) & 0xfffffffc) == 0 &&
	       conn->ports == tuple->ports && conn->kind == tuple->kind &&
	       !memcmp(&conn->key, &tuple->key, bytes);
}

/* Where a search for the tuple ends: an index, or -1. */
static int64_t search(const struct table *table, const struct xlvs_tuple *tuple)
{
	for (uint32_t i = 0; i < XLVS_CONN_PROBES; i++) {
		uint32_t index = xlvs_conn_slot(tuple->hash, i);
		const struct xlvs_conn *conn = &table->conns[index];

		if (has_tuple(conn, tuple))
			return index;
		if (conn->word < XLVS_WORD_PASS)
			return -1;
	}
	return -1;
}

static void check_control(struct audit *audit, uint32_t index)
{
	const struct table *table = audit->table;
	uint32_t template = table->controls[index].template;

	if (template <table->n_conns &&life_of(&table->conns[template]) == XLVS_LIFE_LIVE &&
		      table->conns[template].family & XLVS_FAMILY_TEMPLATE)
		audit->controlled[template]++;
	else
		complain(audit, "record %u: record %u is no template", index, template);
}

static void check_first(struct audit *audit, const struct xlvs_conn *conn, uint32_t index)
{
	audit->census->live++;
	if (!(conn->meta & XLVS_META_PROVEN))
		audit->census->unproven++;
	if (conn->meta & XLVS_META_ENDED)
		complain(audit, "record %u: ended, yet live", index);
	if (conn->meta & XLVS_META_CONTROLLED)
		check_control(audit, index);
	if (conn->dest >= audit->table->n_dests)
		complain(audit, "record %u: destination %u", index, conn->dest);
	else if (conn->family & XLVS_FAMILY_TEMPLATE)
		audit->persistent[conn->dest]++;
	else if (conn->meta & XLVS_META_INACTIVE)
		audit->inactive[conn->dest]++;
	else
		audit->active[conn->dest]++;
}

static void check_live(struct audit *audit, const struct xlvs_conn *conn, uint32_t index)
{
	const struct table *table = audit->table;
	struct xlvs_tuple tuple = tuple_of(conn);
	int64_t found = search(table, &tuple);

	if (conn->family & XLVS_FAMILY_TEMPLATE && conn->meta & XLVS_META_INVALID)
		found = found == index ? -1 : (int64_t)index; /* its successor at most */
	if (found < 0)
		complain(audit, "record %u: a search does not find it", index);
	else if (found != index)
		complain(audit, "record %u: a search finds record %u with its key", index,
			 (uint32_t)found);
	if (!(conn->meta & XLVS_META_REPLY)) {
		check_first(audit, conn, index);
		return;
	}
	audit->census->replies++;
	if (conn->partner >= table->n_conns || table->conns[conn->partner].partner != index ||
	    life_of(&table->conns[conn->partner]) != XLVS_LIFE_LIVE)
		audit->census->orphans++;
}

static void visit(struct audit *audit, uint32_t index)
{
	const struct xlvs_conn *conn = &audit->table->conns[index];
	struct xlvs_tuple tuple;

	if (!(uint32_t)conn->word)
		return;
	tuple = tuple_of(conn);
	add_passes(audit, &tuple, index);
	if (life_of(conn) == XLVS_LIFE_LIVE)
		check_live(audit, conn, index);
	else if (life_of(conn) == XLVS_LIFE_ZOMBIE)
		audit->census->zombies++;
	else
		audit->census->busy++;
}

static void check_counts(struct audit *audit)
{
	const struct table *table = audit->table;
	const struct table_census *census = audit->census;
	uint32_t records = census->live + census->replies + census->busy + census->zombies;

	for (uint32_t i = 0; i < table->n_conns; i++) {
		if (table->conns[i].word >> 32 != audit->passes[i])
			complain(audit, "record %u: %u passes, should be %u", i,
				 (uint32_t)(table->conns[i].word >> 32), audit->passes[i]);
	}
	for (uint32_t i = 0; i < table->n_dests; i++) {
		if (table->dests[i].active != audit->active[i] ||
		    table->dests[i].inactive != audit->inactive[i] ||
		    table->dests[i].persistent != audit->persistent[i])
			complain(audit,
				 "destination %u: %u active, %u inactive, %u persistent; should "
				 "be %u, %u, %u",
				 i, table->dests[i].active, table->dests[i].inactive,
				 table->dests[i].persistent, audit->active[i], audit->inactive[i],
				 audit->persistent[i]);
	}
	for (uint32_t i = 0; table->controls && i < table->n_conns; i++) {
		if (table->controls[i].n_controlled != audit->controlled[i])
			complain(audit, "record %u: %u connections controlled, should be %u", i,
				 table->controls[i].n_controlled, audit->controlled[i]);
	}
	if (table->runtime->records != records)
		complain(audit, "%u records counted, %u there", table->runtime->records, records);
	if (table->runtime->unproven != census->unproven)
		complain(audit, "%u unproven connections counted, %u there",
			 table->runtime->unproven, census->unproven);
	if (census->busy)
		complain(audit, "%u records claimed and never published", census->busy);
}

uint32_t table_audit(const struct table *table, struct table_census *ret_census)
{
	struct audit audit = {
		.table = table,
		.census = ret_census,
		.passes = calloc(table->n_conns, sizeof(uint32_t)),
		.active = calloc(table->n_dests, sizeof(uint32_t)),
		.inactive = calloc(table->n_dests, sizeof(uint32_t)),
		.persistent = calloc(table->n_dests, sizeof(uint32_t)),
		.controlled = calloc(table->n_conns, sizeof(uint32_t)),
	};

	*ret_census = (struct table_census){};
	if (!audit.passes || !audit.active || !audit.inactive || !audit.persistent ||
	    !audit.controlled)
		abort();
	for (uint32_t i = 0; i < table->n_conns; i++)
		visit(&audit, i);
	check_counts(&audit);
	free(audit.passes);
	free(audit.active);
	free(audit.inactive);
	free(audit.persistent);
	free(audit.controlled);
	return audit.complaints;
}
