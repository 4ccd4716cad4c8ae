// SPDX-License-Identifier: GPL-2.0-or-later
/* UDP: one state, always inactive. A flow is proven when the client sends again a good while
 * after its first packet and, for a two-way method, has been answered: the packet path calls the
 * step when the deadline is due to be refreshed, a quarter of a second after the last time. */
#include "protocol/protocol.bpf.h"

int xlvs_udp_begin(const struct xlvs_packet *pkt, __u32 meta)
{
	(void)pkt;
	return (meta & ~XLVS_META_STATE) | XLVS_UDP_NORMAL;
}

int xlvs_udp_step(struct xlvs_packet *pkt, struct xlvs_conn *conn, __u32 direction)
{
	__u32 old, new;

	if (!pkt || !conn)
		return -XLVS_DROP_INTERNAL;
	old = *(volatile __u32 *)&conn->meta;
	new = (old & ~XLVS_META_STATE) | XLVS_UDP_NORMAL;
	if (direction == XLVS_OUTPUT)
		new = (new & ~XLVS_META_NOOUTPUT) | XLVS_META_REPLIED;
	else if ((old & XLVS_META_STATE) == XLVS_UDP_NORMAL &&
		 old & (XLVS_META_NOOUTPUT | XLVS_META_REPLIED))
		new |= XLVS_META_PROVEN;
	xlvs_conn_move(pkt, conn, old, new, XLVS_TIMEOUT_UDP);
	return 0;
}
