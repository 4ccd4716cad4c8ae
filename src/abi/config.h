/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the loader tells the programs: constants fixed at load, and settings that change at run
 * time. */
#ifndef XLVS_ABI_CONFIG_H
#define XLVS_ABI_CONFIG_H

#include <linux/types.h>

#include "abi/setting.h"

enum xlvs_tcp_state {
	XLVS_TCP_NONE,
	XLVS_TCP_ESTABLISHED,
	XLVS_TCP_SYN_SENT,
	XLVS_TCP_SYN_RECV,
	XLVS_TCP_FIN_WAIT,
	XLVS_TCP_TIME_WAIT,
	XLVS_TCP_CLOSE,
	XLVS_TCP_CLOSE_WAIT,
	XLVS_TCP_LAST_ACK,
	XLVS_TCP_LISTEN,
	XLVS_TCP_SYNACK,
	XLVS_TCP_STATES,
};

enum xlvs_udp_state {
	XLVS_UDP_NONE,
	XLVS_UDP_NORMAL = 16, /* no other protocol has a state of this number */
};

enum xlvs_sctp_state {
	XLVS_SCTP_NONE,
	XLVS_SCTP_INIT1,
	XLVS_SCTP_INIT,
	XLVS_SCTP_COOKIE_SENT,
	XLVS_SCTP_COOKIE_REPLIED,
	XLVS_SCTP_COOKIE_WAIT,
	XLVS_SCTP_COOKIE,
	XLVS_SCTP_COOKIE_ECHOED,
	XLVS_SCTP_ESTABLISHED,
	XLVS_SCTP_SHUTDOWN_SENT,
	XLVS_SCTP_SHUTDOWN_RECEIVED,
	XLVS_SCTP_SHUTDOWN_ACK_SENT,
	XLVS_SCTP_REJECTED,
	XLVS_SCTP_CLOSED,
	XLVS_SCTP_STATES,
};

enum xlvs_timeout {
	XLVS_TIMEOUT_TCP = 0, /* + enum xlvs_tcp_state */
	XLVS_TIMEOUT_UDP = 15,
	XLVS_TIMEOUT_SCTP = 16, /* + enum xlvs_sctp_state */
	XLVS_TIMEOUT_LBLC = 30, /* of what lblc and lblcr remember of an address */
	XLVS_TIMEOUT_LBLCR = 31,
	XLVS_TIMEOUTS = 32,
};

/* How packets find services beyond the exact address and port: for any of these a longer way is
 * taken. */
enum xlvs_lookup {
	XLVS_LOOKUP_FTP = 1, /* port 21: for the data ports, too */
	XLVS_LOOKUP_PORT0 = 2, /* for every port */
	XLVS_LOOKUP_MARK = 4, /* packets have marks, or rules that give them some */
};

/* Fixed for the life of the pinned maps (a later program is loaded with the same values), in
 * .rodata: the verifier removes what they rule out. Time is counted in ticks: jiffies shifted
 * right so that 31 days fit in 31 bits. */
struct xlvs_constants {
	__u64 seed[6]; /* secret: keys of the hashes */
	__u32 conn_groups; /* groups of XLVS_CONN_GROUP records */
	__u32 ticks_per_sec;
	__u32 tick_shift; /* ticks = jiffies >> tick_shift */
	__u32 unused;
};

/* The one element of xlvs_runtime, memory-mapped by the daemon. */
struct xlvs_runtime {
	/* written by the daemon */
	__u32 n_services4; /* 0: everything of that family passes */
	__u32 n_services6;
	__u32 generation; /* of routes and neighbours; a change makes cached next hops stale */
	__u32 conn_limit; /* records that may be in use */
	__u32 unproven_limit; /* of these by unproven connections */
	__u32 sweep_records; /* records the expiry visits at each step */
	__u32 sweep_period_us;
	__u32 marks; /* first chunk of the published mark rules, see mark.h; 0 without */
	__u32 timeout_ticks[XLVS_TIMEOUTS]; /* enum xlvs_timeout */
	struct xlvs_constants constants; /* kept for the next daemon */
	__u32 unprivileged_port; /* net.ipv4.ip_unprivileged_port_start: FTP's data may go there */
	__s32 drop_rate; /* of packets that would open a connection one in so many is dropped */
	__u32 lookups; /* enum xlvs_lookup but for marks; the programs have a copy of their own */
	__u32 mark_ifindex; /* packets from here bring netfilter's mark in their source address */
	__u32 detour_ifindex; /* packets that XDP cannot finish go there, see detour.h; 0 nowhere */
	__u32 host_ifindex; /* where packets leave for programs of the director's own; 0: nowhere */
	__s32 settings[XLVS_SETTINGS_MAX]; /* enum xlvs_setting */
	__u32 own_ports_first; /* the kernel gives these to connections of the director's own: */
	__u32 own_ports_last; /* net.ipv4.ip_local_port_range */
	/* Of the second word of an IPv4 header, what a tunnel's outer one takes over: the
	 * don't-fragment bit, or nothing (pmtu_disc). */
	__be32 tunnel_df;

	/* written by the packet path */
	__u32 records __attribute__((aligned(64))); /* in use */
	__u32 unproven; /* of these, unproven connections */
	__u32 sweep_hand; /* next record of the expiry */
	__u32 sweeps; /* full turns of the hand */
	__u32 n_held; /* fragments that were ever kept: the last serial */
	__u32 n_tickets; /* detours that were ever taken: the last serial */
	__s32 drop_counter; /* new connections until the next is dropped */
	__u32 unused3[9];
};

/* What the packet path asks the daemon through the ring xlvs_events. */
struct xlvs_event {
	__u32 ifindex; /* of a neighbour to resolve; 0: it is about a path */
	__u32 mtu_bytes; /* that the path to the destination `address` was said to have */
	__u32 family;
	__be32 address[4];
};

#endif
