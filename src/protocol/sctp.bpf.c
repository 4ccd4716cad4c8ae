// SPDX-License-Identifier: GPL-2.0-or-later
/* SCTP: the state follows IPVS's table. A connection is proven when its client sends anything but
 * an INIT: for a two-way method after a reply was seen, for a one-way method at once. */
#include "protocol/sctp.h"

#include "protocol/protocol.bpf.h"

static const __u8 events[] = XLVS_SCTP_EVENT_OF_CHUNK;
static const __u8 table[XLVS_DIRECTIONS][XLVS_SCTP_EVENTS][XLVS_SCTP_STATES] = XLVS_SCTP_TABLE;

static __always_inline __u32 next_state(__u32 direction, __u8 chunk, __u32 state)
{
	__u32 event = chunk < sizeof(events) ? events[chunk] : XLVS_SCTP_EVENT_DATA;

	if (direction >= XLVS_DIRECTIONS || event >= XLVS_SCTP_EVENTS || state >= XLVS_SCTP_STATES)
		return XLVS_SCTP_CLOSED;
	return table[direction][event][state];
}

static __always_inline __u32 next_meta(const struct xlvs_packet *pkt, __u32 old, __u32 direction)
{
	__u32 new = xlvs_conn_direct(old, &direction);
	__u32 state = next_state(direction, pkt->sctp_chunk, old & XLVS_META_STATE);

	new = (new & ~(XLVS_META_STATE | XLVS_META_INACTIVE)) | state;
	if (state != XLVS_SCTP_ESTABLISHED)
		new |= XLVS_META_INACTIVE;
	if (direction == XLVS_INPUT_ONLY || (direction == XLVS_INPUT && old & XLVS_META_REPLIED))
		if (pkt->sctp_chunk != XLVS_SCTP_CHUNK_INIT)
			new |= XLVS_META_PROVEN;
	return new;
}

XLVS_PROTOCOL(sctp, IPPROTO_SCTP)
