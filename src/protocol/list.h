/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every protocol the packet path forwards, one line each: tcp.bpf.c, udp.bpf.c, sctp.bpf.c step its
 * state. */
#ifndef XLVS_PROTOCOL_LIST_H
#define XLVS_PROTOCOL_LIST_H

/* X(name, IP protocol number) */
#define XLVS_PROTOCOLS(X) \
	X(tcp, 6)         \
	X(udp, 17)        \
	X(sctp, 132)

#endif
