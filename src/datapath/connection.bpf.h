/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection table as the packet path uses it; connection.bpf.c explains how it works. */
#ifndef XLVS_DATAPATH_CONNECTION_BPF_H
#define XLVS_DATAPATH_CONNECTION_BPF_H

#include "datapath/packet.bpf.h"

static __always_inline struct xlvs_conn *xlvs_conn_at(__u32 index)
{
	return bpf_map_lookup_elem(&xlvs_conns, &index);
}

static __always_inline struct xlvs_dest *xlvs_dest_at(__u32 index)
{
	return bpf_map_lookup_elem(&xlvs_dests, &index);
}

static __always_inline struct xlvs_runtime *xlvs_runtime_get(void)
{
	return &xlvs_runtime;
}

/* A setting of IPVS's as it is now: 0 without the map, which always is there. */
static __always_inline __s32 xlvs_setting(enum xlvs_setting setting)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();

	return runtime ? *(volatile __s32 *)&runtime->settings[setting] : 0;
}

static __always_inline __u32 xlvs_conn_signature(__u64 hash)
{
	return (__u32)hash & ~(__u32)XLVS_LIFE_MASK;
}

/* The record that a search for `hash` looks at as its `probe`-th: the records of one group first,
 * from one the hash names and round, then seven more groups at a stride the hash names, no two the
 * same. */
static __always_inline __u32 xlvs_conn_slot(__u64 hash, __u32 probe)
{
	__u32 groups = xlvs_constants.conn_groups;
	__u32 group = (hash >> 32) * groups >> 32;
	__u32 more = probe / XLVS_CONN_GROUP;

	if (more) {
		group += more * (1 + (__u32)((hash & 0xffffffff) * (groups / 8) >> 32));
		if (group >= groups)
			group -= groups;
	}
	return group * XLVS_CONN_GROUP + (((__u32)hash >> 2) + probe) % XLVS_CONN_GROUP;
}

/* `ipv4` is the tuple's family, a constant wherever the code is compiled for one family. */
static __always_inline bool xlvs_conn_matches(const struct xlvs_conn *conn,
					      const struct xlvs_tuple *tuple, bool ipv4)
{
	if ((__u32)conn->word != (xlvs_conn_signature(tuple->hash) | XLVS_LIFE_LIVE) ||
	    conn->key.words[0] != tuple->key.words[0] || (conn->flow ^ tuple->flow) << 16)
		return false;
	return ipv4 || (conn->key.words[1] == tuple->key.words[1] &&
			conn->key.words[2] == tuple->key.words[2] &&
			conn->key.words[3] == tuple->key.words[3]);
}

/* Index of the live record of a tuple, or -1: from the second probe on. */
int xlvs_conn_probe(struct xlvs_tuple *tuple);

/* The live record of a tuple, NULL without. Nearly always decided by one cache line. */
static __always_inline struct xlvs_conn *xlvs_conn_find(struct xlvs_tuple *tuple, bool ipv4,
							__u32 *ret_index)
{
	__u32 index = xlvs_conn_slot(tuple->hash, 0);
	struct xlvs_conn *conn = xlvs_conn_at(index);
	int found;

	if (!conn)
		return (void *)0;
	if (!xlvs_conn_matches(conn, tuple, ipv4)) {
		if (conn->word < XLVS_WORD_PASS)
			return (void *)0;
		found = xlvs_conn_probe(tuple);
		if (found < 0)
			return (void *)0;
		index = found;
		conn = xlvs_conn_at(index);
	}
	*ret_index = index;
	return conn;
}

static __always_inline bool xlvs_conn_expired(const struct xlvs_conn *conn, __u32 now)
{
	return (__s32)(now - conn->deadline) >= 0;
}

static __always_inline void xlvs_conn_write_key(struct xlvs_conn *conn,
						const struct xlvs_tuple *tuple)
{
	conn->key = tuple->key;
	conn->flow = tuple->flow;
	conn->gateway = 0;
}

/* Nearly always the first record a search comes to is free and nobody went past it. Then nobody is
 * a rival: who has the same tuple comes here first too, and finds it taken from now on. */
static __always_inline bool xlvs_conn_claim_first(const struct xlvs_tuple *tuple, __u32 index)
{
	struct xlvs_conn *conn = xlvs_conn_at(index);
	__u64 wanted = xlvs_conn_signature(tuple->hash) | XLVS_LIFE_BUSY;

	if (!conn || __sync_val_compare_and_swap(&conn->word, 0, wanted) != 0)
		return false;
	xlvs_conn_write_key(conn, tuple);
	return true;
}

/* A free record for a tuple, claimed (BUSY) with its key written; publish or abandon it.
 * Returns its index, -XLVS_DROP_TABLE_FULL or -XLVS_DROP_INSERT_RACE. An older reply record with
 * the same key gives way, as the newest connection wins in IPVS. */
int xlvs_conn_claim_further(struct xlvs_tuple *tuple);

static __always_inline int xlvs_conn_claim(struct xlvs_tuple *tuple)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	__u32 first = xlvs_conn_slot(tuple->hash, 0);

	if (!runtime || !xlvs_conn_claim_first(tuple, first))
		return xlvs_conn_claim_further(tuple);
	__sync_fetch_and_add(&runtime->records, 1);
	return first;
}
/* The same, taking the record of an unproven connection near its place. */
int xlvs_conn_displace(struct xlvs_tuple *tuple);
/* Claimed as above, or displaced while the table is full. */
static __always_inline int xlvs_conn_take(struct xlvs_tuple *tuple, bool full)
{
	return full ? xlvs_conn_displace(tuple) : xlvs_conn_claim(tuple);
}
static __always_inline bool xlvs_conns_full(const struct xlvs_runtime *runtime)
{
	return runtime->records >= runtime->conn_limit ||
	       runtime->unproven >= runtime->unproven_limit;
}
/* A record that is live but over, claimed again by a new connection with the same key.
 * -XLVS_DROP_INSERT_RACE when it is no longer this tuple's. */
int xlvs_conn_reclaim(struct xlvs_tuple *tuple, __u32 index);
/* A cold zombie becomes free. For the expiry alone. */
int xlvs_conn_free(__u32 index);

/* BUSY becomes LIVE. All other fields must have been written. */
static __always_inline void xlvs_conn_publish(struct xlvs_conn *conn)
{
	__sync_fetch_and_add(&conn->word, (__u64)0 - (XLVS_LIFE_BUSY - XLVS_LIFE_LIVE));
}

/* A zombie that says when it died: XLVS_ZOMBIE_DATED in its gateway, the tick in its deadline. A
 * hundred milliseconds later nobody can hold a pointer to it any more, and it may be used again. */
#define XLVS_ZOMBIE_DATED	0xffff
#define XLVS_ZOMBIE_GRACE_TICKS (xlvs_constants.ticks_per_sec / 10)

static __always_inline bool xlvs_zombie_is_cold(const struct xlvs_conn *conn, __u32 now)
{
	/* Signed: a packet that was under way when it died may have moved the deadline on. */
	return conn->gateway == XLVS_ZOMBIE_DATED &&
	       (__s32)(now - conn->deadline) >= (__s32)XLVS_ZOMBIE_GRACE_TICKS;
}

static __always_inline __u32 xlvs_now(void)
{
	return bpf_jiffies64() >> xlvs_constants.tick_shift;
}

/* Give a claimed record up again. */
static __always_inline void xlvs_conn_abandon(struct xlvs_conn *conn)
{
	conn->meta = XLVS_META_REPLY | XLVS_META_ENDED; /* nothing was accounted for it */
	conn->partner = XLVS_NONE;
	conn->deadline = xlvs_now();
	conn->gateway = XLVS_ZOMBIE_DATED;
	__sync_fetch_and_or(&conn->word, XLVS_LIFE_ZOMBIE);
}

/* Move a record from one life to the next; false when it is not in `from` (any more). The word's
 * passes may change meanwhile, hence the few tries. */
static __always_inline bool xlvs_conn_change_life(struct xlvs_conn *conn, __u64 from, __u64 to)
{
	for (int i = 0; i < 4; i++) {
		__u64 word = *(volatile __u64 *)&conn->word;

		if ((word & XLVS_LIFE_MASK) != from)
			return false;
		if (__sync_val_compare_and_swap(&conn->word, word, word - from + to) == word)
			return true;
	}
	return false;
}

/* The accounting of a connection that has just stopped being live: counts of its destination,
 * of unproven connections, and its reply record. `index` is its own. */
int xlvs_conn_end(struct xlvs_conn *conn, __u32 index);

/* A record's other half, NULL when it is gone: the half must name the record back. */
static __always_inline struct xlvs_conn *xlvs_conn_partner(const struct xlvs_conn *conn,
							   __u32 index)
{
	struct xlvs_conn *partner = xlvs_conn_at(conn->partner);

	if (!partner || partner->partner != index ||
	    (partner->word & XLVS_LIFE_MASK) != XLVS_LIFE_LIVE)
		return (void *)0;
	return partner;
}

#endif
