// SPDX-License-Identifier: GPL-2.0-or-later
/* TCP: the state follows IPVS's table. A connection is proven when the client acknowledges
 * something: for a two-way method after a reply was seen, for a one-way method at once. */
#include "protocol/tcp.h"

#include "protocol/protocol.bpf.h"

/* The second while secure_tcp is in effect. */
static const __u8 tables[2][XLVS_DIRECTIONS][XLVS_TCP_EVENTS][XLVS_TCP_STATES] = {
	XLVS_TCP_TABLE, XLVS_TCP_SECURE_TABLE};

static __always_inline bool is_active(__u32 state)
{
	__u32 active = 1 << XLVS_TCP_ESTABLISHED | 1 << XLVS_TCP_SYN_SENT | 1 << XLVS_TCP_SYN_RECV |
		       1 << XLVS_TCP_SYNACK;

	return active >> state & 1;
}

static __always_inline __u32 next_state(__u32 direction, __u8 flags, __u32 state)
{
	bool is_secure = xlvs_setting(XLVS_SETTING_secure_tcp) >= XLVS_DEFENCE_ALERT;
	__u32 event;

	if (flags & XLVS_TCP_RST)
		event = XLVS_TCP_EVENT_RST;
	else if (flags & XLVS_TCP_SYN)
		event = XLVS_TCP_EVENT_SYN;
	else if (flags & XLVS_TCP_FIN)
		event = XLVS_TCP_EVENT_FIN;
	else if (flags & XLVS_TCP_ACK)
		event = XLVS_TCP_EVENT_ACK;
	else
		return XLVS_TCP_CLOSE;
	if (direction >= XLVS_DIRECTIONS || state >= XLVS_TCP_STATES)
		return XLVS_TCP_CLOSE;
	return tables[is_secure][direction][event][state];
}

static __always_inline __u32 next_meta(const struct xlvs_packet *pkt, __u32 old, __u32 direction)
{
	__u32 new = xlvs_conn_direct(old, &direction);
	__u32 state = next_state(direction, pkt->tcp_flags, old & XLVS_META_STATE);

	new = (new & ~(XLVS_META_STATE | XLVS_META_INACTIVE)) | state;
	if (!is_active(state))
		new |= XLVS_META_INACTIVE;
	if (direction == XLVS_INPUT_ONLY || (direction == XLVS_INPUT && old & XLVS_META_REPLIED))
		if ((pkt->tcp_flags & (XLVS_TCP_ACK | XLVS_TCP_SYN)) == XLVS_TCP_ACK)
			new |= XLVS_META_PROVEN;
	return new;
}

XLVS_PROTOCOL(tcp, IPPROTO_TCP)
