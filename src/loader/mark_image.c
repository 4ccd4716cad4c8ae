// SPDX-License-Identifier: GPL-2.0-or-later
/* The rules are sorted by prefix, and within one by precedence: the narrowest range of ports first,
 * then the lowest first port, then a protocol before any of them. The borders of all ranges cut the
 * ports into segments; rule after rule takes those of its segments that are still free, going from
 * one free segment to the next over links that are shortened as they are followed. So a prefix with
 * n rules costs n log n. */
#include "loader/mark_image.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "abi/hash.h"
#include "abi/limits.h"

enum {
	FIRST_PREFIXES = XLVS_MARK_PREFIXES_PER_CHUNK,
};

/* What is made of one set of rules. */
struct build {
	const struct xlvs_mark_rule *rules;
	const __u64 *seed;
	uint32_t *order; /* numbers of the rules in use, sorted */
	uint32_t n_order;
	struct xlvs_mark_prefix *prefixes; /* in order, not yet in their places */
	uint32_t n_prefixes;
	struct xlvs_mark_cell *cells;
	uint32_t n_cells;
	/* Of one prefix and protocol. */
	uint32_t *borders; /* first ports of segments, and the port after the last */
	uint32_t *owner; /* rule of a segment, XLVS_NONE */
	uint32_t *next; /* the segment itself while it is free, else one nearer to a free one */
};

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_prefixes(const struct xlvs_mark_rule *a, const struct xlvs_mark_rule *b)
{
	if (a->family != b->family || a->length != b->length)
		return compare((uint64_t)a->family << 8 | a->length,
			       (uint64_t)b->family << 8 | b->length);
	return memcmp(a->address, b->address, sizeof(a->address));
}

static int compare_rules(const void *one, const void *other, void *context)
{
	const struct xlvs_mark_rule *rules = context;
	const struct xlvs_mark_rule *a = &rules[*(const uint32_t *)one];
	const struct xlvs_mark_rule *b = &rules[*(const uint32_t *)other];
	uint32_t width_a = (uint32_t)(a->last_port - a->first_port);
	uint32_t width_b = (uint32_t)(b->last_port - b->first_port);
	int r = compare_prefixes(a, b);

	if (!r)
		r = compare(width_a, width_b);
	if (!r)
		r = compare(a->first_port, b->first_port);
	return r ? r : compare(!a->protocol, !b->protocol);
}

static int compare_ports(const void *one, const void *other)
{
	return compare(*(const uint32_t *)one, *(const uint32_t *)other);
}

static bool is_of_kind(const struct xlvs_mark_rule *rule, enum xlvs_mark_kind kind)
{
	switch (rule->protocol) {
	case 0:
		return true;
	case IPPROTO_TCP:
		return kind == XLVS_MARK_TCP;
	case IPPROTO_UDP:
		return kind == XLVS_MARK_UDP;
	default:
		return false;
	}
}

/* The borders of the rules order[from .. to) of one kind; how many. */
static uint32_t find_borders(struct build *build, uint32_t from, uint32_t to,
			     enum xlvs_mark_kind kind)
{
	uint32_t n = 0, n_unique = 0;

	for (uint32_t i = from; i < to; i++) {
		const struct xlvs_mark_rule *rule = &build->rules[build->order[i]];

		if (!is_of_kind(rule, kind))
			continue;
		build->borders[n++] = rule->first_port;
		build->borders[n++] = rule->last_port + 1U;
	}
	qsort(build->borders, n, sizeof(*build->borders), compare_ports);
	for (uint32_t i = 0; i < n; i++) {
		if (!i || build->borders[i] != build->borders[n_unique - 1])
			build->borders[n_unique++] = build->borders[i];
	}
	return n_unique;
}

static uint32_t segment_at(const struct build *build, uint32_t n_borders, uint32_t port)
{
	const uint32_t *border =
		bsearch(&port, build->borders, n_borders, sizeof(port), compare_ports);

	return (uint32_t)(border - build->borders);
}

/* The first free segment at or after this one. */
static uint32_t free_segment(struct build *build, uint32_t segment)
{
	while (build->next[segment] != segment) {
		build->next[segment] = build->next[build->next[segment]];
		segment = build->next[segment];
	}
	return segment;
}

static void take_segments(struct build *build, uint32_t n_borders, uint32_t rule)
{
	uint32_t end = segment_at(build, n_borders, build->rules[rule].last_port + 1U);
	uint32_t segment = segment_at(build, n_borders, build->rules[rule].first_port);

	for (segment = free_segment(build, segment); segment < end;
	     segment = free_segment(build, segment)) {
		build->owner[segment] = rule;
		build->next[segment] = segment + 1;
	}
}

/* Segments become cells; neighbours of one rule become one. */
static uint32_t add_cells(struct build *build, uint32_t n_borders)
{
	struct xlvs_mark_cell *first = build->cells + build->n_cells, *end = first;

	for (uint32_t i = 0; i + 1 < n_borders; i++) {
		uint16_t last_port = (uint16_t)(build->borders[i + 1] - 1);

		if (build->owner[i] == XLVS_NONE)
			continue;
		if (end > first && end[-1].rule == build->owner[i] &&
		    end[-1].last_port + 1U == build->borders[i]) {
			end[-1].last_port = last_port;
			continue;
		}
		*end++ = (struct xlvs_mark_cell){
			.first_port = (uint16_t)build->borders[i],
			.last_port = last_port,
			.rule = build->owner[i],
		};
	}
	build->n_cells += (uint32_t)(end - first);
	return (uint32_t)(end - first);
}

static uint32_t build_cells(struct build *build, uint32_t from, uint32_t to,
			    enum xlvs_mark_kind kind)
{
	uint32_t n_borders = find_borders(build, from, to, kind);

	for (uint32_t i = 0; i < n_borders; i++) {
		build->owner[i] = XLVS_NONE;
		build->next[i] = i;
	}
	for (uint32_t i = from; i < to; i++) {
		if (is_of_kind(&build->rules[build->order[i]], kind))
			take_segments(build, n_borders, build->order[i]);
	}
	return add_cells(build, n_borders);
}

/* The prefix of the rules order[from .. to). */
static void add_prefix(struct build *build, uint32_t from, uint32_t to)
{
	const struct xlvs_mark_rule *rule = &build->rules[build->order[from]];
	struct xlvs_mark_prefix *prefix = &build->prefixes[build->n_prefixes++];

	*prefix = (struct xlvs_mark_prefix){
		.family = rule->family,
		.length = rule->length,
		.first = build->n_cells,
	};
	memcpy(prefix->address, rule->address, sizeof(prefix->address));
	for (int kind = 0; kind < XLVS_MARK_KINDS; kind++)
		prefix->n_cells[kind] =
			(uint16_t)build_cells(build, from, to, (enum xlvs_mark_kind)kind);
}

static void add_prefixes(struct build *build)
{
	uint32_t from = 0;

	for (uint32_t i = 1; i <= build->n_order; i++) {
		if (i < build->n_order && !compare_prefixes(&build->rules[build->order[i]],
							    &build->rules[build->order[from]]))
			continue;
		add_prefix(build, from, i);
		from = i;
	}
}

static struct xlvs_mark_prefix *prefix_at(union xlvs_chunk *chunks, uint32_t place)
{
	return &chunks[1 + place / XLVS_MARK_PREFIXES_PER_CHUNK]
			.mark_prefixes[place % XLVS_MARK_PREFIXES_PER_CHUNK];
}

/* False when it would be further from its place than a search goes. */
static bool place_prefix(const struct build *build, union xlvs_chunk *chunks, uint32_t n_places,
			 const struct xlvs_mark_prefix *prefix)
{
	uint32_t place = xlvs_hash_service(build->seed, prefix->address, prefix->length,
					   (__u32)prefix->family << 8, n_places);

	for (uint32_t i = 0; i < XLVS_MARK_PROBES; i++) {
		struct xlvs_mark_prefix *at = prefix_at(chunks, (place + i) & (n_places - 1));

		if (at->family)
			continue;
		*at = *prefix;
		return true;
	}
	return false;
}

static void write_lengths(const struct build *build, struct xlvs_mark_head *head)
{
	for (uint32_t i = build->n_prefixes; i--;) {
		const struct xlvs_mark_prefix *prefix = &build->prefixes[i];
		bool is_ipv4 = prefix->family == AF_INET;
		__u8 *n = is_ipv4 ? &head->n_lengths4 : &head->n_lengths6;
		__u8 *lengths = head->lengths + (is_ipv4 ? 0 : XLVS_MARK_LENGTHS4);

		if (!*n || lengths[*n - 1] != prefix->length)
			lengths[(*n)++] = prefix->length;
	}
}

/* With `n_places` places. -EAGAIN: too few. */
static int assemble(const struct build *build, uint32_t n_places, struct xlvs_mark_image *ret_image)
{
	uint32_t cells = 1 + n_places / XLVS_MARK_PREFIXES_PER_CHUNK;
	uint32_t n_chunks = cells + build->n_cells / XLVS_MARK_CELLS_PER_CHUNK + 1;
	union xlvs_chunk *chunks = calloc(n_chunks, sizeof(*chunks));

	if (!chunks)
		return -ENOMEM;
	for (uint32_t i = 0; i < build->n_prefixes; i++) {
		if (!place_prefix(build, chunks, n_places, &build->prefixes[i])) {
			free(chunks);
			return -EAGAIN;
		}
	}
	chunks->marks = (struct xlvs_mark_head){
		.magic = XLVS_MARK_MAGIC,
		.n_chunks = n_chunks,
		.n_prefixes = n_places,
		.cells = cells,
	};
	write_lengths(build, &chunks->marks);
	for (uint32_t i = 0; i < build->n_cells; i++)
		chunks[cells + i / XLVS_MARK_CELLS_PER_CHUNK]
			.mark_cells[i % XLVS_MARK_CELLS_PER_CHUNK] = build->cells[i];
	*ret_image = (struct xlvs_mark_image){.chunks = chunks, .n_chunks = n_chunks};
	return 0;
}

/* Segments lie between the borders of ranges: n rules have at most 2n borders. */
static int prepare(struct build *build, uint32_t n_rules)
{
	size_t n = n_rules + (size_t)1;

	build->order = calloc(n, sizeof(*build->order));
	build->prefixes = calloc(n, sizeof(*build->prefixes));
	build->cells = calloc(2 * XLVS_MARK_KINDS * n, sizeof(*build->cells));
	build->borders = calloc(2 * n, sizeof(*build->borders));
	build->owner = calloc(2 * n, sizeof(*build->owner));
	build->next = calloc(2 * n, sizeof(*build->next));
	if (!build->order || !build->prefixes || !build->cells || !build->borders ||
	    !build->owner || !build->next)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_rules; i++) {
		if (build->rules[i].mark)
			build->order[build->n_order++] = i;
	}
	qsort_r(build->order, build->n_order, sizeof(*build->order), compare_rules,
		(void *)build->rules);
	return 0;
}

static void release(struct build *build)
{
	free(build->order);
	free(build->prefixes);
	free(build->cells);
	free(build->borders);
	free(build->owner);
	free(build->next);
}

int xlvs_mark_image_build(const struct xlvs_mark_rule *rules, uint32_t n_rules, const __u64 *seed,
			  struct xlvs_mark_image *ret_image)
{
	struct build build = {.rules = rules, .seed = seed};
	struct xlvs_mark_image image = {};
	uint32_t n_places = FIRST_PREFIXES;
	int r = prepare(&build, n_rules);

	if (r == 0 && build.n_order) {
		add_prefixes(&build);
		while (n_places < 2 * build.n_prefixes)
			n_places *= 2;
		do {
			r = assemble(&build, n_places, &image);
			n_places *= 2;
		} while (r == -EAGAIN);
	}
	release(&build);
	if (r < 0)
		return r;
	*ret_image = image;
	return 0;
}

void xlvs_mark_image_done(struct xlvs_mark_image *image)
{
	free(image->chunks);
}
