/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMP and ICMPv6 errors: those the director sends because it could not forward a packet, and those
 * that others send about packets it forwarded. As net/netfilter/ipvs/ip_vs_core.c and ip_vs_xmit.c
 * do it, the errors themselves as net/ipv4/icmp.c and net/ipv6/icmp.c. */
#ifndef XLVS_DATAPATH_ICMP_BPF_H
#define XLVS_DATAPATH_ICMP_BPF_H

#include "datapath/packet.bpf.h"

enum xlvs_icmp_constant {
	XLVS_ICMP_BYTES = 8, /* an error's header, of either family */
	XLVS_ICMP4_UNREACHABLE = 3,
	XLVS_ICMP4_SOURCE_QUENCH = 4,
	XLVS_ICMP4_TIME_EXCEEDED = 11,
	XLVS_ICMP4_PORT = 3, /* codes of "unreachable" */
	XLVS_ICMP4_TOO_BIG = 4,
	XLVS_ICMP6_UNREACHABLE = 1,
	XLVS_ICMP6_TOO_BIG = 2,
	XLVS_ICMP6_TIME_EXCEEDED = 3,
	XLVS_ICMP6_INFORMATIONAL = 128, /* types from here on are no errors */
	XLVS_ICMP6_PORT = 4, /* code of "unreachable" */
};

/* Turn a packet that was to be dropped for `reason`, and is as it came, into the error that tells
 * its sender, and send that: an XDP action. Negative when there is nothing to tell, nobody to be
 * told, or enough has been said (the kernel's default rates). */
int xlvs_icmp_answer(struct xdp_md *ctx, struct xlvs_packet *pkt, __u32 reason);

/* A packet that is neither TCP nor UDP, or not a whole one: if it is an error about a connection,
 * it is sent on to whom it concerns, what it quotes translated. An XDP action, XLVS_NOT_OURS or a
 * negative reason. */
int xlvs_icmp_error(struct xdp_md *ctx);

#endif
