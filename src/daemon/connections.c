// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/connections.h"

#include "abi/pe.h"
#include "daemon/ticks.h"
#include "pe/pe.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Records a portion looks at, with or without something to send. */
#define RECORDS_PER_PORTION 4096

#define TEMPLATE_PROLONG_SEC 60 /* as in the packet path */

static const char *const tcp_states[XLVS_TCP_STATES] = {
	[XLVS_TCP_NONE] = "NONE",	  [XLVS_TCP_ESTABLISHED] = "ESTABLISHED",
	[XLVS_TCP_SYN_SENT] = "SYN_SENT", [XLVS_TCP_SYN_RECV] = "SYN_RECV",
	[XLVS_TCP_FIN_WAIT] = "FIN_WAIT", [XLVS_TCP_TIME_WAIT] = "TIME_WAIT",
	[XLVS_TCP_CLOSE] = "CLOSE",	  [XLVS_TCP_CLOSE_WAIT] = "CLOSE_WAIT",
	[XLVS_TCP_LAST_ACK] = "LAST_ACK", [XLVS_TCP_LISTEN] = "LISTEN",
	[XLVS_TCP_SYNACK] = "SYNACK",
};

static const char *const sctp_states[XLVS_SCTP_STATES] = {
	[XLVS_SCTP_NONE] = "NONE",
	[XLVS_SCTP_INIT1] = "INIT1",
	[XLVS_SCTP_INIT] = "INIT",
	[XLVS_SCTP_COOKIE_SENT] = "C-SENT",
	[XLVS_SCTP_COOKIE_REPLIED] = "C-REPLIED",
	[XLVS_SCTP_COOKIE_WAIT] = "C-WAIT",
	[XLVS_SCTP_COOKIE] = "COOKIE",
	[XLVS_SCTP_COOKIE_ECHOED] = "C-ECHOED",
	[XLVS_SCTP_ESTABLISHED] = "ESTABLISHED",
	[XLVS_SCTP_SHUTDOWN_SENT] = "S-SENT",
	[XLVS_SCTP_SHUTDOWN_RECEIVED] = "S-RECEIVED",
	[XLVS_SCTP_SHUTDOWN_ACK_SENT] = "S-ACK-SENT",
	[XLVS_SCTP_REJECTED] = "REJECTED",
	[XLVS_SCTP_CLOSED] = "CLOSED",
};

static const char *state_name(const struct xlvs_conn *conn)
{
	__u32 state = conn->meta & XLVS_META_STATE;

	if (conn->family & XLVS_FAMILY_TEMPLATE)
		return state == XLVS_TEMPLATE_ASSURED ? "ASSURED" : "NONE";
	if (conn->protocol == IPPROTO_UDP)
		return "UDP";
	if (conn->protocol == IPPROTO_TCP && state < XLVS_TCP_STATES)
		return tcp_states[state];
	if (conn->protocol == IPPROTO_SCTP && state < XLVS_SCTP_STATES)
		return sctp_states[state];
	return "ERR!";
}

/* A copy of a record that was live before and after; the packet path goes on meanwhile. */
static bool copy_live(const struct xlvs_conn *conn, struct xlvs_conn *copy)
{
	__u64 word = __atomic_load_n(&conn->word, __ATOMIC_ACQUIRE);

	if ((word & XLVS_LIFE_MASK) != XLVS_LIFE_LIVE)
		return false;
	memcpy(copy, conn, sizeof(*copy));
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	/* The upper half counts what others put further on. */
	return (__u32)__atomic_load_n(&conn->word, __ATOMIC_RELAXED) == (__u32)word;
}

static void copy_endpoints(const struct xlvs_conn *conn, struct xlvs_conn_entry *entry)
{
	if (entry->family == AF_INET) {
		memcpy(&entry->client, &conn->key.v4.saddr, sizeof(conn->key.v4.saddr));
		memcpy(&entry->virtual_address, &conn->key.v4.daddr, sizeof(conn->key.v4.daddr));
	} else {
		memcpy(&entry->client, conn->key.v6.saddr, sizeof(conn->key.v6.saddr));
		memcpy(&entry->virtual_address, conn->key.v6.daddr, sizeof(conn->key.v6.daddr));
	}
}

/* What a persistence engine found, of a template that was live when it was looked at. */
static bool read_session(const struct xlvs_maps *maps, uint32_t index, const struct xlvs_conn *conn,
			 struct xlvs_pe_data *ret_data)
{
	return conn->family & XLVS_FAMILY_TEMPLATE && conn->meta & XLVS_META_ENGINE &&
	       !bpf_map_lookup_elem(maps->pe_data_fd, &index, ret_data) &&
	       xlvs_pe_name(ret_data->engine);
}

bool xlvs_connection_pe(const struct xlvs_maps *maps, uint32_t index, struct xlvs_conn_pe *ret_pe)
{
	struct xlvs_conn_pe pe = {0};
	struct xlvs_pe_data data;
	struct xlvs_conn conn;

	if (!copy_live(&maps->conns[index], &conn) || !read_session(maps, index, &conn, &data))
		return false;
	snprintf(pe.name, sizeof(pe.name), "%s", xlvs_pe_name(data.engine));
	memcpy(pe.data, data.bytes, data.length_bytes);
	*ret_pe = pe;
	return true;
}

/* A key without what a persistence engine hid in it. */
static void uncover_key(const struct xlvs_maps *maps, uint32_t index, struct xlvs_conn *conn)
{
	struct xlvs_pe_data data;

	if (!read_session(maps, index, conn, &data))
		return;
	conn->key.words[2] ^= data.digest[0];
	conn->key.words[3] ^= data.digest[1];
}

/* A template for all ports shows none, one that is not valid any more the last one. */
static void copy_ports(const struct xlvs_conn *conn, const struct xlvs_dest *dest,
		       struct xlvs_conn_entry *entry)
{
	entry->virtual_port = conn->dport;
	if (!dest) /* a bypass */
		return;
	entry->dest_port =
		dest->port && !(conn->meta & XLVS_META_KEEP_PORT) ? dest->port : conn->dport;
	if (!(conn->family & XLVS_FAMILY_TEMPLATE))
		return;
	entry->flags = XLVS_CONN_TEMPLATE;
	entry->dest_port = conn->dport ? dest->port : 0;
	if (conn->meta & XLVS_META_INVALID)
		entry->virtual_port = entry->dest_port = 0xffff;
}

/* What the expiry will give a template that has connections, when its time is over and the hand
 * has not come by yet. */
static __s32 prolonged_ticks(const struct xlvs_maps *maps, const struct xlvs_conn *conn,
			     uint32_t index)
{
	const volatile struct xlvs_control *control = &maps->controls[index];

	return conn->family & XLVS_FAMILY_TEMPLATE && control->n_controlled
		       ? TEMPLATE_PROLONG_SEC * (__s32)maps->runtime->constants.ticks_per_sec
		       : 0;
}

bool xlvs_connection_entry(const struct xlvs_maps *maps, uint32_t index, __u32 now_ticks,
			   struct xlvs_conn_entry *ret_entry)
{
	struct xlvs_conn_entry entry = {0};
	const struct xlvs_dest *dest;
	struct xlvs_conn conn;
	__s32 left_ticks;

	if (!copy_live(&maps->conns[index], &conn) ||
	    (conn.meta & (XLVS_META_REPLY | XLVS_META_ENDED)) ||
	    (conn.dest >= XLVS_DESTS_MAX && conn.dest != XLVS_NONE))
		return false;
	left_ticks = (__s32)(conn.deadline - now_ticks);
	if (left_ticks <= 0)
		left_ticks += prolonged_ticks(maps, &conn, index);
	if (left_ticks <= 0)
		return false;
	dest = conn.dest == XLVS_NONE ? NULL : &maps->dests[conn.dest];
	entry.family = conn.family & ~XLVS_FAMILY_TEMPLATE;
	entry.dest_family = dest ? dest->family : entry.family;
	entry.protocol = conn.protocol;
	entry.client_port = conn.sport;
	uncover_key(maps, index, &conn);
	copy_ports(&conn, dest, &entry);
	entry.expires_sec = (uint32_t)left_ticks / maps->runtime->constants.ticks_per_sec;
	copy_endpoints(&conn, &entry);
	if (dest)
		memcpy(&entry.dest, dest->address, sizeof(entry.dest));
	strncpy(entry.state, state_name(&conn), sizeof(entry.state) - 1);
	*ret_entry = entry;
	return true;
}

struct cursor {
	const struct xlvs_maps *maps;
	struct xlvs_ticks ticks;
	uint32_t next; /* record to look at */
	struct xlvs_conn_entry entries[XLVS_CONNS_PER_REPLY];
};

static int next_portion(void *context, struct xlvs_reply *reply)
{
	struct cursor *cursor = context;
	__u32 now_ticks = xlvs_ticks_now(&cursor->ticks);
	bool with_pe = false; /* a message can tell the last one's */
	struct xlvs_conn_pe pe;
	size_t n_entries = 0;
	int r = 0;

	for (int i = 0; i < RECORDS_PER_PORTION && cursor->next < cursor->maps->n_conns &&
			n_entries < XLVS_CONNS_PER_REPLY && !with_pe;
	     i++) {
		uint32_t index = cursor->next++;

		if (!xlvs_connection_entry(cursor->maps, index, now_ticks,
					   &cursor->entries[n_entries]))
			continue;
		n_entries++;
		with_pe = xlvs_connection_pe(cursor->maps, index, &pe);
	}
	if (n_entries)
		r = xlvs_reply_conns(reply, cursor->entries, n_entries, with_pe ? &pe : NULL);
	if (r < 0)
		return r;
	return cursor->next < cursor->maps->n_conns;
}

int xlvs_connections_dump(const struct xlvs_maps *maps, struct xlvs_reply *reply,
			  struct xlvs_error *reterr)
{
	struct cursor *cursor = calloc(1, sizeof(*cursor));
	int r;

	if (!cursor)
		return -ENOMEM;
	cursor->maps = maps;
	r = xlvs_ticks_init(&maps->runtime->constants, &cursor->ticks);
	if (r < 0) {
		free(cursor);
		return xlvs_refuse(reterr, r,
				   "the kernel's time cannot be read from "
				   "/proc/timer_list: %s",
				   strerror(-r));
	}
	xlvs_reply_dump(reply, &(struct xlvs_dump){
				       .next = next_portion,
				       .free = free,
				       .cursor = cursor,
			       });
	return 0;
}
