// SPDX-License-Identifier: GPL-2.0-or-later
/* The connection table: open addressing with counted passes.
 *
 * A record's place is found by its key's hash: four neighbouring records (a group: two pairs of
 * adjacent cache lines) are tried first, then seven more groups anywhere in the table. A record
 * that found a place taken and went on to the next one leaves a pass there: the count in the upper
 * half of that place's word. So a search may stop at the first place without passes, whoever lives
 * there: nothing was ever put further on because of it. When a record is freed the passes it left
 * are taken back. There are no tombstones, and the cost of a search depends on what the table
 * holds now, not on what it once held.
 *
 * Life of a record: FREE -> BUSY (claimed by compare-and-swap, key being written) -> LIVE ->
 * ZOMBIE (over; a CPU may still hold a pointer) -> FREE, the last step by the expiry a full turn
 * of its hand later. Two short cuts exist, both by compare-and-swap from LIVE to BUSY, so that one
 * CPU alone succeeds: a connection that is over is claimed again by its own next packet, and an
 * unproven connection is displaced by a new one when such connections hold their share.
 *
 * Two CPUs may open the same connection at once. Each claims a place first, signature included,
 * and then looks again along the whole search: whoever sees the other withdraws. */
#include "abi/hash.h"
#include "datapath/connection.bpf.h"
#include "datapath/counters.bpf.h"

enum xlvs_claim_limit {
	XLVS_DISPLACE_PROBES = 2 * XLVS_CONN_GROUP,
};

int xlvs_conn_probe(struct xlvs_tuple *tuple)
{
	if (!tuple)
		return -1;
	for (__u32 i = 1; i < XLVS_CONN_PROBES; i++) {
		__u32 index = xlvs_conn_slot(tuple->hash, i);
		struct xlvs_conn *conn = xlvs_conn_at(index);

		if (!conn)
			return -1;
		if (xlvs_conn_matches(conn, tuple))
			return index;
		if (conn->word < XLVS_WORD_PASS)
			return -1;
	}
	return -1;
}

/* Take back the passes left on the way to `probe`. */
static __always_inline void take_back_passes(__u64 hash, __u32 probes)
{
	for (__u32 i = 0; i < XLVS_CONN_PROBES && i < probes; i++) {
		struct xlvs_conn *conn = xlvs_conn_at(xlvs_conn_slot(hash, i));

		if (conn)
			__sync_fetch_and_add(&conn->word, (__u64)0 - XLVS_WORD_PASS);
	}
}

static __always_inline __u64 record_hash(const struct xlvs_conn *conn)
{
	if (conn->family == XLVS_AF_INET)
		return xlvs_hash_ipv4(xlvs_constants.seed, conn->key.v4.saddr,
				      conn->key.v4.daddr, conn->ports, conn->kind);
	return xlvs_hash_ipv6(xlvs_constants.seed, conn->key.words, conn->ports, conn->kind);
}

/* Number of the probe by which a search for `hash` reaches `index`. */
static __always_inline __u32 probes_to(__u64 hash, __u32 index)
{
	__u32 i;

	for (i = 0; i < XLVS_CONN_PROBES; i++)
		if (xlvs_conn_slot(hash, i) == index)
			break;
	return i;
}

/* Whether another record of this tuple lives or is being made; a reply record's predecessor is
 * ended instead. */
static __always_inline bool has_rival(struct xlvs_tuple *tuple, __u32 own, bool reply)
{
	__u32 signature = xlvs_conn_signature(tuple->hash);

	for (__u32 i = 0; i < XLVS_CONN_PROBES; i++) {
		__u32 index = xlvs_conn_slot(tuple->hash, i);
		struct xlvs_conn *conn = xlvs_conn_at(index);
		__u64 word;

		if (!conn)
			return true;
		word = *(volatile __u64 *)&conn->word;
		if (index != own && (__u32)word == (signature | XLVS_LIFE_BUSY))
			return true;
		if (index != own && xlvs_conn_matches(conn, tuple)) {
			if (!reply || !(conn->meta & XLVS_META_REPLY) ||
			    !xlvs_conn_change_life(conn, XLVS_LIFE_LIVE, XLVS_LIFE_ZOMBIE))
				return true;
		}
		if (word < XLVS_WORD_PASS)
			return false;
	}
	return false;
}

static __always_inline void write_key(struct xlvs_conn *conn, const struct xlvs_tuple *tuple)
{
	conn->key = tuple->key;
	conn->ports = tuple->ports;
	conn->kind = tuple->kind;
	conn->gateway = 0;
}

/* Claim `conn` if it is free; otherwise leave a pass there and return false. */
static __always_inline bool claim_or_pass(struct xlvs_conn *conn, __u32 signature)
{
	for (int i = 0; i < 4; i++) {
		__u64 word = *(volatile __u64 *)&conn->word;
		__u64 claimed = word | signature | XLVS_LIFE_BUSY;

		/* Free: the whole lower half is zero. */
		if (!(__u32)word) {
			if (__sync_val_compare_and_swap(&conn->word, word, claimed) == word)
				return true;
		} else if (__sync_val_compare_and_swap(&conn->word, word, word + XLVS_WORD_PASS) ==
			   word) {
			return false;
		}
	}
	/* Words changed under every try: go on, a pass too many only lengthens a search. */
	__sync_fetch_and_add(&conn->word, XLVS_WORD_PASS);
	return false;
}

int xlvs_conn_claim(struct xlvs_tuple *tuple)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_conn *conn;
	__u32 i;

	if (!tuple || !runtime)
		return -XLVS_DROP_INTERNAL;
	for (i = 0; i < XLVS_CONN_PROBES; i++) {
		__u32 index = xlvs_conn_slot(tuple->hash, i);

		conn = xlvs_conn_at(index);
		if (!conn)
			return -XLVS_DROP_INTERNAL;
		if (!claim_or_pass(conn, xlvs_conn_signature(tuple->hash)))
			continue;
		__sync_fetch_and_add(&runtime->records, 1);
		write_key(conn, tuple);
		if (has_rival(tuple, index, tuple->flags & XLVS_TUPLE_REPLY)) {
			xlvs_conn_abandon(conn);
			return -XLVS_DROP_INSERT_RACE;
		}
		return index;
	}
	take_back_passes(tuple->hash, XLVS_CONN_PROBES);
	xlvs_count_reason(XLVS_EVENT_INSERT_FAILED);
	return -XLVS_DROP_TABLE_FULL;
}

int xlvs_conn_end(struct xlvs_conn *conn, __u32 index)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_conn *partner;
	struct xlvs_dest *dest;
	__u32 meta;

	if (!conn || !runtime)
		return -XLVS_DROP_INTERNAL;
	/* Whoever still wants to move this connection's state finds its meta changed. */
	meta = __sync_fetch_and_or(&conn->meta, XLVS_META_ENDED);
	if (meta & (XLVS_META_ENDED | XLVS_META_REPLY))
		return 0;
	if (!(meta & XLVS_META_PROVEN))
		__sync_fetch_and_add(&runtime->unproven, -1);
	dest = xlvs_dest_at(conn->dest);
	if (dest && (meta & XLVS_META_INACTIVE))
		__sync_fetch_and_add(&dest->inactive, -1);
	else if (dest)
		__sync_fetch_and_add(&dest->active, -1);
	partner = xlvs_conn_partner(conn, index);
	if (partner)
		xlvs_conn_change_life(partner, XLVS_LIFE_LIVE, XLVS_LIFE_ZOMBIE);
	return 0;
}

int xlvs_conn_reclaim(__u32 index)
{
	struct xlvs_conn *conn = xlvs_conn_at(index);

	if (!conn)
		return -XLVS_DROP_INTERNAL;
	if (!xlvs_conn_change_life(conn, XLVS_LIFE_LIVE, XLVS_LIFE_BUSY))
		return -XLVS_DROP_INSERT_RACE;
	xlvs_conn_end(conn, index);
	conn->gateway = 0;
	return index;
}

static __always_inline bool is_displaceable(const struct xlvs_conn *conn)
{
	return (conn->word & XLVS_LIFE_MASK) == XLVS_LIFE_LIVE &&
	       !(conn->meta & (XLVS_META_REPLY | XLVS_META_PROVEN | XLVS_META_ENDED));
}

/* Of the first places, the unproven connection that would end first. */
static __always_inline __u32 find_victim(__u64 hash, __u32 *ret_probe)
{
	__u32 victim = XLVS_NONE;
	__u32 deadline = 0;

	for (__u32 i = 0; i < XLVS_DISPLACE_PROBES; i++) {
		__u32 index = xlvs_conn_slot(hash, i);
		struct xlvs_conn *conn = xlvs_conn_at(index);

		if (!conn || !is_displaceable(conn) ||
		    (victim != XLVS_NONE && (__s32)(conn->deadline - deadline) >= 0))
			continue;
		victim = index;
		deadline = conn->deadline;
		*ret_probe = i;
	}
	return victim;
}

int xlvs_conn_displace(struct xlvs_tuple *tuple)
{
	struct xlvs_conn *conn;
	__u32 victim, probe = 0;
	__u64 word, hash;

	if (!tuple)
		return -XLVS_DROP_INTERNAL;
	victim = find_victim(tuple->hash, &probe);
	conn = xlvs_conn_at(victim);
	if (victim == XLVS_NONE || !conn)
		return -XLVS_DROP_TABLE_FULL;

	for (__u32 i = 0; i < XLVS_DISPLACE_PROBES && i < probe; i++) {
		struct xlvs_conn *passed = xlvs_conn_at(xlvs_conn_slot(tuple->hash, i));

		if (passed)
			__sync_fetch_and_add(&passed->word, XLVS_WORD_PASS);
	}
	word = *(volatile __u64 *)&conn->word;
	if ((word & XLVS_LIFE_MASK) != XLVS_LIFE_LIVE ||
	    __sync_val_compare_and_swap(&conn->word, word,
					(word & ~0xffffffffULL) | XLVS_LIFE_BUSY |
						xlvs_conn_signature(tuple->hash)) != word) {
		take_back_passes(tuple->hash, probe);
		return -XLVS_DROP_TABLE_FULL;
	}
	hash = record_hash(conn);
	xlvs_conn_end(conn, victim);
	take_back_passes(hash, probes_to(hash, victim));
	write_key(conn, tuple);
	xlvs_count_reason(XLVS_EVENT_DISPLACED);
	if (has_rival(tuple, victim, false)) {
		xlvs_conn_abandon(conn);
		return -XLVS_DROP_INSERT_RACE;
	}
	return victim;
}

int xlvs_conn_free(__u32 index)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_conn *conn = xlvs_conn_at(index);
	__u64 hash;

	if (!conn || !runtime)
		return -XLVS_DROP_INTERNAL;
	hash = record_hash(conn);
	__sync_fetch_and_and(&conn->word, ~0xffffffffULL);
	take_back_passes(hash, probes_to(hash, index));
	__sync_fetch_and_add(&runtime->records, -1);
	return 0;
}
