// SPDX-License-Identifier: GPL-2.0-or-later
/* Expiry: one timer moves a hand over the connection table, a few thousand records at a time, and
 * comes by each of them about once a second. It goes on when the daemon is dead.
 *
 * A live connection past its deadline becomes a zombie. A zombie that does not say when it died is
 * dated when the hand meets it, and freed when it is cold: whoever found the record before it
 * ended has long let go of it. */
#include "datapath/connection.bpf.h"
#include "datapath/persistence.bpf.h"

enum expiry_constant {
	BATCH = 32,
};

struct sweep {
	__u32 from;
	__u32 now;
};

static __always_inline void visit_zombie(struct xlvs_conn *conn, __u32 index, __u32 now)
{
	if (conn->gateway != XLVS_ZOMBIE_DATED) {
		conn->deadline = now;
		conn->gateway = XLVS_ZOMBIE_DATED;
	} else if (xlvs_zombie_is_cold(conn, now)) {
		xlvs_conn_free(index);
	}
}

/* End an expired connection, unless its own next packet has just claimed it again, or it is a
 * template with connections. */
static __always_inline void visit_expired(struct xlvs_conn *conn, __u32 index, __u32 now)
{
	if (xlvs_template_prolong(conn, index) ||
	    !xlvs_conn_change_life(conn, XLVS_LIFE_LIVE, XLVS_LIFE_BUSY))
		return;
	if (!xlvs_conn_expired(conn, now) || xlvs_template_prolong(conn, index)) {
		xlvs_conn_publish(conn);
		return;
	}
	xlvs_conn_end(conn, index);
	conn->deadline = now;
	conn->gateway = XLVS_ZOMBIE_DATED;
	__sync_fetch_and_or(&conn->word, XLVS_LIFE_ZOMBIE);
}

static __always_inline void visit(struct xlvs_conn *conn, __u32 index, __u32 now)
{
	__u32 life = (__u32)conn->word & XLVS_LIFE_MASK;

	if (life == XLVS_LIFE_ZOMBIE)
		visit_zombie(conn, index, now);
	if (life != XLVS_LIFE_LIVE)
		return;
	if (!(conn->meta & XLVS_META_REPLY)) {
		if (xlvs_conn_expired(conn, now))
			visit_expired(conn, index, now);
	} else if (!xlvs_conn_partner(conn, index)) {
		/* Its first record ended without finding it, or was made into another's. */
		xlvs_conn_change_life(conn, XLVS_LIFE_LIVE, XLVS_LIFE_ZOMBIE);
	}
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
	sweep.now = xlvs_now();
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
