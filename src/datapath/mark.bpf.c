// SPDX-License-Identifier: GPL-2.0-or-later
/* Mark rules are searched one prefix length after the other, longest first, each with one look
 * into a hash table; where the prefix is there its ports are searched by halving. So the cost is
 * that of the number of different lengths, not of rules. All of it is paid by packets without a
 * connection alone. */
#include "datapath/mark.bpf.h"

#include <linux/in.h>

#include <bpf/bpf_endian.h>

#include "abi/hash.h"
#include "scheduler/scheduler.bpf.h"

enum mark_constant {
	CELLS_SHIFT = 5,
};

_Static_assert(1 << CELLS_SHIFT == XLVS_MARK_CELLS_PER_CHUNK,
	       "a chunk of cells is halved so often");

static __always_inline __u32 mark_kind(__u8 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return XLVS_MARK_TCP;
	case IPPROTO_UDP:
		return XLVS_MARK_UDP;
	default:
		return XLVS_MARK_OTHER;
	}
}

static __always_inline __be32 mask_word(__u32 length, __u32 word)
{
	__u32 before = 32 * word;

	if (length <= before)
		return 0;
	if (length >= before + 32)
		return ~0U;
	return bpf_htonl(~0U << (before + 32 - length));
}

/* The first `length` bits of the address a packet goes to. */
static __always_inline void cut_prefix(const struct xlvs_tuple *tuple, __u32 length,
				       __be32 ret_address[4])
{
	if (tuple->family == XLVS_AF_INET) {
		ret_address[0] = tuple->key.v4.daddr & mask_word(length, 0);
		return;
	}
	for (__u32 i = 0; i < 4; i++)
		ret_address[i] = tuple->key.v6.daddr[i] & mask_word(length, i);
}

static __always_inline bool is_prefix(const struct xlvs_mark_prefix *prefix, const __be32 *address,
				      __u8 family, __u32 length)
{
	return prefix->family == family && prefix->length == length &&
	       prefix->address[0] == address[0] && prefix->address[1] == address[1] &&
	       prefix->address[2] == address[2] && prefix->address[3] == address[3];
}

static __always_inline struct xlvs_mark_cell *cell_at(__u32 cells, __u32 n)
{
	union xlvs_chunk *chunk = xlvs_chunk_at(cells + n / XLVS_MARK_CELLS_PER_CHUNK);

	return chunk ? &chunk->mark_cells[n % XLVS_MARK_CELLS_PER_CHUNK] : (void *)0;
}

/* The cells of one prefix and protocol, and the port looked for. */
struct cells {
	__u32 chunk; /* that cell 0 is in */
	__u32 first;
	__u32 n;
	__u32 port;
};

/* The rule among those of the prefix of `length` bits, or -1. `marks` is the image's head. */
int xlvs_mark_prefix_find(struct xlvs_tuple *tuple, __u32 marks, __u32 length);

/* All ones when a < b, both below 2^32; without a branch, of which the verifier would follow both
 * sides at every step. */
static __always_inline __u32 mask_less(__u32 a, __u32 b)
{
	__s64 difference = (__s64)a - (__s64)b;

	asm volatile("" : "+r"(difference));
	return (__u32)(difference >> 63);
}

/* One step of the search for the last cell that does not begin after the port: `at` or later. */
static __always_inline __u32 halve(const struct cells *cells, __u32 at, __u32 step)
{
	const struct xlvs_mark_cell *cell = cell_at(cells->chunk, cells->first + at + step);

	if (!cell)
		return at;
	return at + (step & mask_less(at + step, cells->n) &
		     mask_less(cell->first_port, cells->port + 1));
}

/* The rule of the cell that holds the port, or -1. */
static __always_inline int find_cell(const struct cells *cells)
{
	const struct xlvs_mark_cell *cell;
	__u32 at = 0;

	if (cells->n > XLVS_MARK_CELLS_PER_CHUNK) {
		for (int bit = XLVS_MARK_HALVINGS - 1; bit >= 0; bit--)
			at = halve(cells, at, 1U << bit);
	} else if (cells->n > 1) {
		for (int bit = CELLS_SHIFT - 1; bit >= 0; bit--)
			at = halve(cells, at, 1U << bit);
	}
	cell = cell_at(cells->chunk, cells->first + at);
	if (!cell || !cells->n || cells->port < cell->first_port || cells->port > cell->last_port)
		return -1;
	return cell->rule;
}

int xlvs_mark_prefix_find(struct xlvs_tuple *tuple, __u32 marks, __u32 length)
{
	union xlvs_chunk *head = xlvs_chunk_at(marks), *chunk;
	const struct xlvs_mark_prefix *prefix = (void *)0;
	__be32 address[4] = {};
	struct cells cells;
	__u32 place, kind;

	if (!tuple || !head)
		return -1;
	cut_prefix(tuple, length, address);
	place = xlvs_hash_service(xlvs_constants.seed, address, length, tuple->family << 8,
				  head->marks.n_prefixes);
	for (__u32 i = 0; i < XLVS_MARK_PROBES; i++) {
		__u32 index = (place + i) & (head->marks.n_prefixes - 1);

		chunk = xlvs_chunk_at(marks + 1 + index / XLVS_MARK_PREFIXES_PER_CHUNK);
		if (!chunk)
			return -1;
		prefix = &chunk->mark_prefixes[index % XLVS_MARK_PREFIXES_PER_CHUNK];
		if (!prefix->family)
			return -1;
		if (is_prefix(prefix, address, tuple->family, length))
			goto found;
	}
	return -1;
found:
	kind = mark_kind(tuple->protocol);
	cells.chunk = marks + head->marks.cells;
	cells.first = prefix->first;
	if (kind > XLVS_MARK_TCP)
		cells.first += prefix->n_cells[XLVS_MARK_TCP];
	if (kind > XLVS_MARK_UDP)
		cells.first += prefix->n_cells[XLVS_MARK_UDP];
	cells.n = prefix->n_cells[kind];
	cells.port = bpf_ntohs(tuple->dport);
	return find_cell(&cells);
}

static __always_inline int find_rule(struct xlvs_tuple *tuple)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	__u32 marks, at = 0, n;
	union xlvs_chunk *head;

	if (!tuple || !runtime)
		return -1;
	marks = *(volatile __u32 *)&runtime->marks;
	head = xlvs_chunk_at(marks);
	if (!marks || !head)
		return -1;
	n = head->marks.n_lengths4;
	if (tuple->family != XLVS_AF_INET) {
		at = XLVS_MARK_LENGTHS4;
		n = head->marks.n_lengths6;
	}
	for (__u32 i = 0; i < XLVS_MARK_LENGTHS6 && i < n; i++) {
		int rule;

		if (at + i >= XLVS_MARK_LENGTHS)
			break;
		rule = xlvs_mark_prefix_find(tuple, marks, head->marks.lengths[at + i]);
		if (rule >= 0)
			return rule;
	}
	return -1;
}

__u32 xlvs_mark_give(struct xlvs_tuple *tuple)
{
	int index = find_rule(tuple);
	struct xlvs_mark_rule *rule;

	if (index < 0)
		return 0;
	rule = bpf_map_lookup_elem(&xlvs_marks, &index);
	if (!rule)
		return 0;
	__sync_fetch_and_add(&rule->packets, 1);
	return *(volatile __u32 *)&rule->mark;
}
