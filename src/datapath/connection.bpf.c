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
 * ZOMBIE (over; a CPU may still hold a pointer) -> FREE, the last step by the expiry; or, when it
 * has been a zombie for long enough, -> BUSY for another connection at once. Two short cuts exist,
 * both by compare-and-swap from LIVE to BUSY, so that one CPU alone succeeds: a connection that is
 * over is claimed again by its own next packet, and an unproven connection is displaced by a new
 * one when such connections hold their share.
 *
 * Two CPUs may open the same connection at once. Each claims a place first, signature included,
 * and then looks again along the whole search: whoever sees the other withdraws. */
#include "datapath/connection.bpf.h"
#include "abi/hash.h"
#include "datapath/counters.bpf.h"
#include "datapath/persistence.bpf.h"
#include "datapath/port.bpf.h"
#include "datapath/threshold.bpf.h"

enum xlvs_claim_limit {
	DISPLACE_PROBES = 4 * XLVS_CONN_GROUP,
	CLAIM_TRIES = 4,
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
		if (xlvs_conn_matches(conn, tuple, tuple->family == XLVS_AF_INET))
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
		return xlvs_hash_ipv4(xlvs_constants.seed, conn->key.v4.saddr, conn->key.v4.daddr,
				      conn->ports, conn->kind);
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

enum rival {
	RIVAL_NONE_HERE,
	RIVAL_NONE_FURTHER_ON,
	RIVAL_FOUND,
};

/* Is the record at `probe` another one of this tuple, alive or being made? A reply record's
 * predecessor is ended instead. */
static __noinline int look_for_rival(const struct xlvs_tuple *tuple, __u32 probe, __u32 own)
{
	__u32 index = xlvs_conn_slot(tuple->hash, probe);
	struct xlvs_conn *conn = xlvs_conn_at(index);
	__u64 word;

	if (!conn)
		return RIVAL_FOUND;
	word = *(volatile __u64 *)&conn->word;
	if (index != own && (__u32)word == (xlvs_conn_signature(tuple->hash) | XLVS_LIFE_BUSY))
		return RIVAL_FOUND;
	if (index != own && xlvs_conn_matches(conn, tuple, tuple->family == XLVS_AF_INET) &&
	    (!(tuple->flags & XLVS_TUPLE_REPLY) || !(conn->meta & XLVS_META_REPLY) ||
	     !xlvs_conn_change_life(conn, XLVS_LIFE_LIVE, XLVS_LIFE_ZOMBIE)))
		return RIVAL_FOUND;
	return word < XLVS_WORD_PASS ? RIVAL_NONE_FURTHER_ON : RIVAL_NONE_HERE;
}

static __always_inline bool has_rival(const struct xlvs_tuple *tuple, __u32 own)
{
	int rival = RIVAL_NONE_HERE;

	for (__u32 i = 0; i < XLVS_CONN_PROBES && rival == RIVAL_NONE_HERE; i++)
		rival = look_for_rival(tuple, i, own);
	return rival == RIVAL_FOUND;
}

enum claim {
	CLAIM_FAILED = -1,
	CLAIM_ZOMBIE = 1 << 30, /* with an index: the record was a zombie */
};

/* Claim the record a search comes to at its `probe`-th, if it is free or a cold zombie, and return
 * its index; otherwise leave a pass there and return CLAIM_FAILED. */
static __noinline int claim_or_pass(const struct xlvs_tuple *tuple, __u32 probe)
{
	__u32 index = xlvs_conn_slot(tuple->hash, probe);
	struct xlvs_conn *conn = xlvs_conn_at(index);
	__u64 word, wanted;
	bool cold;

	if (!conn)
		return CLAIM_FAILED;
	for (int i = 0; i < CLAIM_TRIES; i++) {
		word = *(volatile __u64 *)&conn->word;
		cold = (word & XLVS_LIFE_MASK) == XLVS_LIFE_ZOMBIE &&
		       xlvs_zombie_is_cold(conn, xlvs_now());
		if ((__u32)word && !cold)
			wanted = word + XLVS_WORD_PASS;
		else
			wanted = (word & ~0xffffffffULL) | xlvs_conn_signature(tuple->hash) |
				 XLVS_LIFE_BUSY;
		if (__sync_val_compare_and_swap(&conn->word, word, wanted) != word)
			continue;
		if (cold)
			return index | CLAIM_ZOMBIE;
		return (__u32)word ? CLAIM_FAILED : (int)index;
	}
	/* Changed under every try: go on, a pass too many only lengthens a search. */
	__sync_fetch_and_add(&conn->word, XLVS_WORD_PASS);
	return CLAIM_FAILED;
}

/* What a claimed record's former connection left on the way to it. */
static __always_inline void forget(__u32 index)
{
	struct xlvs_conn *conn = xlvs_conn_at(index);
	__u64 hash;

	if (!conn)
		return;
	hash = record_hash(conn);
	take_back_passes(hash, probes_to(hash, index));
}

/* Make a claimed record this tuple's, unless another CPU is doing the same elsewhere. */
static __always_inline int occupy(struct xlvs_tuple *tuple, __u32 index)
{
	struct xlvs_conn *conn = xlvs_conn_at(index);

	if (!conn)
		return -XLVS_DROP_INTERNAL;
	xlvs_conn_write_key(conn, tuple);
	if (!has_rival(tuple, index))
		return index;
	xlvs_conn_abandon(conn);
	return -XLVS_DROP_INSERT_RACE;
}

int xlvs_conn_claim_further(struct xlvs_tuple *tuple)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	int index = CLAIM_FAILED;

	if (!tuple || !runtime)
		return -XLVS_DROP_INTERNAL;
	for (__u32 i = 0; i < XLVS_CONN_PROBES && index < 0; i++)
		index = claim_or_pass(tuple, i);
	if (index < 0) {
		take_back_passes(tuple->hash, XLVS_CONN_PROBES);
		xlvs_count_reason(XLVS_EVENT_INSERT_FAILED);
		return -XLVS_DROP_TABLE_FULL;
	}
	if (index & CLAIM_ZOMBIE) {
		index &= ~CLAIM_ZOMBIE;
		forget(index);
	} else {
		__sync_fetch_and_add(&runtime->records, 1);
	}
	return occupy(tuple, index);
}

/* Where a destination counts this connection. */
static __always_inline __u32 *dest_count(const struct xlvs_conn *conn, struct xlvs_dest *dest,
					 __u32 meta)
{
	if (conn->family & XLVS_FAMILY_TEMPLATE)
		return &dest->persistent;
	return meta & XLVS_META_INACTIVE ? &dest->inactive : &dest->active;
}

/* A connection's reply record ends with it, but for a port that is to rest. */
static __always_inline void end_reply(struct xlvs_conn *reply, __u32 rest_ticks)
{
	if (rest_ticks) {
		reply->deadline = xlvs_now() + rest_ticks;
		reply->meta = XLVS_META_REPLY | XLVS_META_ENDED;
		reply->partner = XLVS_NONE;
		return;
	}
	reply->deadline = xlvs_now();
	if (xlvs_conn_change_life(reply, XLVS_LIFE_LIVE, XLVS_LIFE_ZOMBIE))
		reply->gateway = XLVS_ZOMBIE_DATED;
}

/* What a connection that has just been marked ENDED counted for; `meta` is from before. */
static __noinline int settle(struct xlvs_conn *conn, __u32 index, __u32 meta)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_dest *dest = xlvs_dest_at(conn->dest);
	struct xlvs_conn *partner = xlvs_conn_partner(conn, index);

	if (runtime && !(meta & XLVS_META_PROVEN))
		__sync_fetch_and_add(&runtime->unproven, -1);
	if (dest)
		__sync_fetch_and_add(dest_count(conn, dest, meta), -1);
	if (dest)
		xlvs_dest_unbound(dest);
	if (meta & XLVS_META_CONTROLLED)
		xlvs_control_leave(index);
	if (conn->family & XLVS_FAMILY_TEMPLATE && meta & XLVS_META_ENGINE)
		bpf_map_delete_elem(&xlvs_pe_data, &index);
	if (partner)
		end_reply(partner, xlvs_port_rest_ticks(conn, meta, xlvs_now()));
	return 0;
}

int xlvs_conn_end(struct xlvs_conn *conn, __u32 index)
{
	__u32 meta;

	if (!conn)
		return -XLVS_DROP_INTERNAL;
	/* Whoever still wants to move this connection's state finds its meta changed. */
	meta = __sync_fetch_and_or(&conn->meta, XLVS_META_ENDED);
	if (meta & (XLVS_META_ENDED | XLVS_META_REPLY))
		return 0;
	return settle(conn, index, meta);
}

/* End a live connection before its time, unless its meta is another by now. */
static __always_inline bool evict(struct xlvs_conn *conn, __u32 index, __u32 meta)
{
	if (meta & (XLVS_META_ENDED | XLVS_META_REPLY) ||
	    !xlvs_conn_change_life(conn, XLVS_LIFE_LIVE, XLVS_LIFE_BUSY))
		return false;
	if (__sync_val_compare_and_swap(&conn->meta, meta, meta | XLVS_META_ENDED) != meta) {
		xlvs_conn_publish(conn);
		return false;
	}
	settle(conn, index, meta);
	conn->deadline = xlvs_now();
	conn->gateway = XLVS_ZOMBIE_DATED;
	__sync_fetch_and_or(&conn->word, XLVS_LIFE_ZOMBIE);
	if (!(meta & XLVS_META_PROVEN))
		xlvs_count_reason(XLVS_EVENT_DISPLACED);
	return true;
}

int xlvs_port_vacate(__u32 index)
{
	struct xlvs_conn *reply = xlvs_conn_at(index), *first;
	__u32 meta;

	if (!reply || !(reply->meta & XLVS_META_REPLY))
		return 0;
	first = xlvs_conn_partner(reply, index);
	if (!first)
		return 0;
	meta = *(volatile __u32 *)&first->meta;
	return xlvs_port_is_idle(first, meta, xlvs_now()) && evict(first, reply->partner, meta);
}

int xlvs_conn_reclaim(struct xlvs_tuple *tuple, __u32 index)
{
	struct xlvs_conn *conn = xlvs_conn_at(index);
	__u64 word;

	if (!conn || !tuple)
		return -XLVS_DROP_INTERNAL;
	for (int i = 0; i < CLAIM_TRIES; i++) {
		word = *(volatile __u64 *)&conn->word;
		if ((__u32)word != (xlvs_conn_signature(tuple->hash) | XLVS_LIFE_LIVE))
			break; /* another connection's by now */
		if (__sync_val_compare_and_swap(&conn->word, word,
						word - XLVS_LIFE_LIVE + XLVS_LIFE_BUSY) != word)
			continue;
		xlvs_conn_end(conn, index);
		conn->gateway = 0;
		return index;
	}
	return -XLVS_DROP_INSERT_RACE;
}

static __always_inline bool is_displaceable(const struct xlvs_conn *conn, __u32 meta)
{
	return (conn->word & XLVS_LIFE_MASK) == XLVS_LIFE_LIVE &&
	       !(meta & (XLVS_META_REPLY | XLVS_META_PROVEN | XLVS_META_ENDED));
}

struct victim {
	__u32 index;
	__u32 probe;
	__u32 deadline;
};

/* Prefer the record at `probe` when it is displaceable and would end before the victim so far. */
static __noinline int consider(__u64 hash, __u32 probe, struct victim *victim)
{
	__u32 index = xlvs_conn_slot(hash, probe);
	struct xlvs_conn *conn = xlvs_conn_at(index);

	if (!conn || !is_displaceable(conn, conn->meta) || xlvs_template_in_use(conn, index) ||
	    (victim->index != XLVS_NONE && (__s32)(conn->deadline - victim->deadline) >= 0))
		return 0;
	victim->index = index;
	victim->probe = probe;
	victim->deadline = conn->deadline;
	return 1;
}

static __always_inline void leave_passes(__u64 hash, __u32 probes)
{
	for (__u32 i = 0; i < DISPLACE_PROBES && i < probes; i++) {
		struct xlvs_conn *conn = xlvs_conn_at(xlvs_conn_slot(hash, i));

		if (conn)
			__sync_fetch_and_add(&conn->word, XLVS_WORD_PASS);
	}
}

/* Claim a live record for another tuple, unless its connection is proven by now: the last look and
 * the mark that it has ended are one. */
static __always_inline bool take_from(struct xlvs_conn *conn, __u32 index, __u64 hash)
{
	__u64 word = *(volatile __u64 *)&conn->word, old = (__u32)word;
	__u64 claimed = xlvs_conn_signature(hash) | XLVS_LIFE_BUSY;
	__u32 meta = *(volatile __u32 *)&conn->meta;

	if (!is_displaceable(conn, meta) ||
	    __sync_val_compare_and_swap(&conn->word, word, word - old + claimed) != word)
		return false;
	if (__sync_val_compare_and_swap(&conn->meta, meta, meta | XLVS_META_ENDED) != meta) {
		__sync_fetch_and_add(&conn->word, old - claimed);
		return false;
	}
	if (xlvs_template_in_use(conn, index)) { /* only now: who finds it from here on lets go */
		__sync_fetch_and_and(&conn->meta, ~(__u32)XLVS_META_ENDED);
		__sync_fetch_and_add(&conn->word, old - claimed);
		return false;
	}
	settle(conn, index, meta);
	return true;
}

int xlvs_conn_displace(struct xlvs_tuple *tuple)
{
	struct victim victim = {.index = XLVS_NONE};
	struct xlvs_conn *conn;

	if (!tuple)
		return -XLVS_DROP_INTERNAL;
	for (__u32 i = 0; i < DISPLACE_PROBES; i++)
		consider(tuple->hash, i, &victim);
	conn = xlvs_conn_at(victim.index);
	if (!conn)
		return -XLVS_DROP_TABLE_FULL;

	leave_passes(tuple->hash, victim.probe);
	if (!take_from(conn, victim.index, tuple->hash)) {
		take_back_passes(tuple->hash, victim.probe);
		return -XLVS_DROP_TABLE_FULL;
	}
	forget(victim.index);
	xlvs_count_reason(XLVS_EVENT_DISPLACED);
	return occupy(tuple, victim.index);
}

int xlvs_conn_free(__u32 index)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_conn *conn = xlvs_conn_at(index);

	if (!conn || !runtime)
		return -XLVS_DROP_INTERNAL;
	if (!xlvs_conn_change_life(conn, XLVS_LIFE_ZOMBIE, XLVS_LIFE_BUSY))
		return 0;
	forget(index);
	__sync_fetch_and_and(&conn->word, ~0xffffffffULL);
	__sync_fetch_and_add(&runtime->records, -1);
	return 0;
}
