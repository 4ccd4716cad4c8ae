// SPDX-License-Identifier: GPL-2.0-or-later
/* Expiry: one timer moves a hand over the connection table, a few thousand records at a time, and
 * comes by each of them about once a second. It goes on when the daemon is dead.
 *
 * A live connection past its deadline becomes a zombie. A zombie that does not say when it died is
 * dated when the hand meets it, and freed when it is cold: whoever found the record before it
 * ended has long let go of it. */
#include <linux/in.h>

#include "datapath/connection.bpf.h"
#include "datapath/persistence.bpf.h"
#include "datapath/port.bpf.h"

enum expiry_constant {
	BATCH = 32,
	DROP_SHARE = 32, /* of the table: what drop_entry looks at in a turn */
	DROP_IDLE_SEC = 60,
};

struct sweep {
	__u32 from;
	__u32 now;
	bool expires_nodest; /* the setting expire_nodest_conn */
	bool drops; /* the setting drop_entry is in effect */
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

/* May drop_entry end this connection (the kernel's ip_vs_random_dropentry)? One that is half open,
 * one whose client sent a single datagram a minute ago, a template that none of its connections
 * has assured. */
static __always_inline bool is_droppable(const struct xlvs_conn *conn, __u32 now)
{
	struct xlvs_runtime *runtime = xlvs_runtime_get();
	__u32 state = conn->meta & XLVS_META_STATE;

	if (conn->family & XLVS_FAMILY_TEMPLATE)
		return state != XLVS_TEMPLATE_ASSURED;
	if (conn->protocol == IPPROTO_TCP)
		return state == XLVS_TCP_SYN_RECV || state == XLVS_TCP_SYNACK;
	if (conn->protocol == IPPROTO_SCTP)
		return state == XLVS_SCTP_INIT1 || state == XLVS_SCTP_INIT;
	return runtime && !(conn->meta & XLVS_META_PROVEN) &&
	       (__s32)(now + runtime->timeout_ticks[XLVS_TIMEOUT_UDP] - conn->deadline -
		       DROP_IDLE_SEC * xlvs_constants.ticks_per_sec) >= 0;
}

/* Is a connection to end before its time? */
static __always_inline bool is_condemned(const struct xlvs_conn *conn, const struct sweep *sweep,
					 bool drops)
{
	struct xlvs_dest *dest;

	if (drops && is_droppable(conn, sweep->now))
		return true;
	if (!sweep->expires_nodest)
		return false;
	dest = xlvs_dest_at(conn->dest);
	return dest && !(dest->flags & XLVS_DEST_AVAILABLE);
}

static __always_inline void visit(struct xlvs_conn *conn, __u32 index, const struct sweep *sweep,
				  bool drops)
{
	__u32 life = (__u32)conn->word & XLVS_LIFE_MASK, now = sweep->now;

	if (life == XLVS_LIFE_ZOMBIE)
		visit_zombie(conn, index, now);
	if (life != XLVS_LIFE_LIVE)
		return;
	if (!(conn->meta & XLVS_META_REPLY)) {
		if (is_condemned(conn, sweep, drops) && !xlvs_template_in_use(conn, index))
			conn->deadline = now;
		if (xlvs_conn_expired(conn, now))
			visit_expired(conn, index, now);
	} else if (!xlvs_conn_partner(conn, index) && !xlvs_port_rests(conn, now)) {
		/* Its first record ended without finding it, or was made into another's. */
		xlvs_conn_change_life(conn, XLVS_LIFE_LIVE, XLVS_LIFE_ZOMBIE);
	}
}

/* The batch's place comes from its number, never from a field that counts: the verifier would
 * follow such a count from batch to batch. */
static long visit_batch(__u32 n, struct sweep *sweep)
{
	bool drops = sweep->drops && bpf_get_prandom_u32() % DROP_SHARE == 0;

	for (__u32 i = 0; i < BATCH; i++) {
		__u32 index = sweep->from + n * BATCH + i;
		struct xlvs_conn *conn = xlvs_conn_at(index);

		if (!conn)
			return 1;
		if ((__u32)conn->word)
			visit(conn, index, sweep, drops);
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
	sweep.expires_nodest = xlvs_setting(XLVS_SETTING_expire_nodest_conn);
	sweep.drops = xlvs_setting(XLVS_SETTING_drop_entry) >= XLVS_DEFENCE_ALERT;
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
