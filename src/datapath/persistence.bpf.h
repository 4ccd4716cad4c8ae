/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Persistence templates: which destination the new connections of a client go to, whatever the
 * scheduler would say, and how long that is remembered.
 *
 * Invariant: a template that connections were opened through, or that a packet is about to open one
 * through, neither ends nor gives way (n_controlled). The count is changed by those alone and comes
 * back to zero by itself, also where a record changes hands meanwhile. */
#ifndef XLVS_DATAPATH_PERSISTENCE_BPF_H
#define XLVS_DATAPATH_PERSISTENCE_BPF_H

#include "datapath/connection.bpf.h"

enum xlvs_persistence_constant {
	XLVS_TEMPLATE_PROLONG_SEC = 60, /* past its time, but still with connections */
	XLVS_FTP_PORT = 21,
	XLVS_FTP_DATA_PORT = 20, /* active FTP's data connections are never scheduled */
};

static __always_inline struct xlvs_control *xlvs_control_at(__u32 index)
{
	return bpf_map_lookup_elem(&xlvs_controls, &index);
}

/* Is this record a template that may not end? */
static __always_inline bool xlvs_template_in_use(const struct xlvs_conn *conn, __u32 index)
{
	struct xlvs_control *control;

	if (!(conn->family & XLVS_FAMILY_TEMPLATE))
		return false;
	control = xlvs_control_at(index);
	return control && *(volatile __u32 *)&control->n_controlled;
}

/* A template whose time has come while it has connections lasts a minute more, and so it will from
 * each new one on, as in IPVS. False for any other record. */
static __always_inline bool xlvs_template_prolong(struct xlvs_conn *conn, __u32 index)
{
	__u32 more = XLVS_TEMPLATE_PROLONG_SEC * xlvs_constants.ticks_per_sec;
	__u32 deadline = *(volatile __u32 *)&conn->deadline;
	struct xlvs_control *control;

	if (!xlvs_template_in_use(conn, index))
		return false;
	control = xlvs_control_at(index);
	if (control)
		control->timeout_ticks = more;
	/* Unless a new connection has just done so. */
	__sync_val_compare_and_swap(&conn->deadline, deadline, deadline + more);
	return true;
}

static __always_inline void xlvs_control_join(__u32 index, __u32 template)
{
	struct xlvs_control *control = xlvs_control_at(index);

	if (control)
		control->template = template;
}

/* A connection opened through a template, or about to be, is over. `index` is its record, which
 * names the template. */
static __always_inline void xlvs_control_leave(__u32 index)
{
	struct xlvs_control *control = xlvs_control_at(index);

	if (control)
		control = xlvs_control_at(control->template);
	if (control)
		__sync_fetch_and_add(&control->n_controlled, -1);
}

/* The packet opens no connection through its template after all. */
static __always_inline void xlvs_template_release(const struct xlvs_packet *pkt)
{
	struct xlvs_control *control = xlvs_control_at(pkt->template);

	if (control && pkt->meta & XLVS_META_CONTROLLED)
		__sync_fetch_and_add(&control->n_controlled, -1);
}

/* The destination of the packet's template for the service in `slot`, which is renewed and noted in
 * the packet; -XLVS_DROP_NO_DEST when there is none that is valid: one whose destination is gone is
 * made INVALID. */
int xlvs_template_find(struct xlvs_packet *pkt, __u32 slot);

/* Remember that the packet's client goes to `dest`, and note the template in the packet. Returns
 * the destination, or a negative reason. */
int xlvs_template_open(struct xlvs_packet *pkt, __u32 slot, __u32 dest);

/* The connection in record `index`, CONTROLLED, shows that its template's client is there;
 * `assured` as IPVS sees it, too. */
int xlvs_template_vouch(__u32 index, bool assured);

#endif
