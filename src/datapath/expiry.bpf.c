// SPDX-License-Identifier: GPL-2.0-or-later
/* Expiry: one timer moves a hand over the connection table, a few thousand records at a time, and
 * comes by each of them about once a second. It goes on when the daemon is dead.
 *
 * A live connection past its deadline becomes a zombie. A zombie is marked when the hand first
 * meets it and freed when the hand meets it marked and a second has gone by: whoever found the
 * record before it ended has long let go of it. */
#include "datapath/connection.bpf.h"

enum expiry_constant {
	BATCH = 32,
	MARKED = 0xffff, /* in a zombie's gateway */
};

struct sweep {
	__u32 from;
	__u32 now;
};

static __always_inline void visit_zombie(struct xlvs_conn *conn, __u32 index, __u32 now)
{
	if (conn->gateway != MARKED) {
		conn->deadline = now;
		conn->gateway = MARKED;
	} else if (now - conn->deadline >= xlvs_constants.ticks_per_sec) {
		xlvs_conn_free(index);
	}
}

static __always_inline void visit(struct xlvs_conn *conn, __u32 index, __u32 now)
{
	__u32 life = (__u32)conn->word & XLVS_LIFE_MASK;

	if (life == XLVS_LIFE_ZOMBIE) {
		visit_zombie(conn, index, now);
		return;
	}
	if (life != XLVS_LIFE_LIVE)
		return;
	if (conn->meta & XLVS_META_REPLY) {
		/* Its first record ended without finding it, or was made into another's. */
		if (!xlvs_conn_partner(conn, index))
			xlvs_conn_change_life(conn, XLVS_LIFE_LIVE, XLVS_LIFE_ZOMBIE);
		return;
	}
	if (xlvs_conn_expired(conn, now) &&
	    xlvs_conn_change_life(conn, XLVS_LIFE_LIVE, XLVS_LIFE_ZOMBIE))
		xlvs_conn_end(conn, index);
}

/* The batch's place comes from its number, never from a field that counts: the verifier would
 * follow such a count from batch to batch. */
static long visit_batch(__u32 n, struct sweep *sweep)
{
	for (__u32 i = 0; i < BATCH; i++) {
		__u32 index = sweep->from + n * BATCH + i;
		struct xlvs_conn *conn = xlvs_conn_at(index);

		if (!conn)
			return 1;
		if ((__u32)conn->word)
			visit(conn, index, sweep->now);
	}
	return 0;
}

static int tick(void *map, __u32 *key, struct xlvs_clock *clock)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct sweep sweep;
	__u32 batches;

	(void)map;
	(void)key;
	if (!runtime)
		return 0;
	batches = runtime->sweep_records / BATCH + 1;
	sweep.from = runtime->sweep_hand;
	sweep.now = bpf_jiffies64() >> xlvs_constants.tick_shift;
	bpf_loop(batches, visit_batch, &sweep, 0);
	runtime->sweep_hand = sweep.from + batches * BATCH;
	if (runtime->sweep_hand >= xlvs_constants.conn_groups * XLVS_CONN_GROUP) {
		runtime->sweep_hand = 0;
		runtime->sweeps++;
	}
	bpf_timer_start(&clock->timer, runtime->sweep_period_us * 1000ULL, 0);
	return 0;
}

enum clock_id {
	XLVS_CLOCK_MONOTONIC = 1,
};

int xlvs_start(struct __sk_buff *skb);

/* Run once by each daemon: the hand is moved by the program it belongs to. */
SEC("tc")
int xlvs_start(struct __sk_buff *skb)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	struct xlvs_clock *clock;
	__u32 zero = 0;

	(void)skb;
	clock = bpf_map_lookup_elem(&xlvs_clock, &zero);
	if (!clock || !runtime)
		return -1;
	bpf_timer_init(&clock->timer, &xlvs_clock, XLVS_CLOCK_MONOTONIC);
	bpf_timer_cancel(&clock->timer);
	if (bpf_timer_set_callback(&clock->timer, tick))
		return -1;
	return bpf_timer_start(&clock->timer, runtime->sweep_period_us * 1000ULL, 0);
}
