// SPDX-License-Identifier: GPL-2.0-or-later
/* UDP: one state, always inactive. A flow is proven when the client sends again a good while
 * after its first packet and, for a two-way method, has been answered: the packet path calls the
 * step when the deadline is due to be refreshed, a quarter of a second after the last time. */
#include "protocol/protocol.bpf.h"

static __always_inline __u32 next_meta(const struct xlvs_packet *pkt, __u32 old, __u32 direction)
{
	__u32 new = (old & ~XLVS_META_STATE) | XLVS_UDP_NORMAL;

	(void)pkt;
	if (direction == XLVS_OUTPUT)
		return (new & ~XLVS_META_NOOUTPUT) | XLVS_META_REPLIED;
	if ((old & XLVS_META_STATE) == XLVS_UDP_NORMAL &&
	    old & (XLVS_META_NOOUTPUT | XLVS_META_REPLIED))
		new |= XLVS_META_PROVEN;
	return new;
}

XLVS_PROTOCOL(udp, IPPROTO_UDP)
