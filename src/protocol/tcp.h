/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TCP state tables of IPVS (net/netfilter/ipvs/ip_vs_proto_tcp.c), one row a packet event, one
 * column a current state. Plain data, for the packet path and for tests. */
#ifndef XLVS_PROTOCOL_TCP_H
#define XLVS_PROTOCOL_TCP_H

#include "abi/config.h"

/* In order of precedence: a packet with none of these flags closes the connection. */
enum xlvs_tcp_event {
	XLVS_TCP_EVENT_SYN,
	XLVS_TCP_EVENT_FIN,
	XLVS_TCP_EVENT_ACK,
	XLVS_TCP_EVENT_RST,
	XLVS_TCP_EVENTS,
};

#define NO XLVS_TCP_NONE
#define ES XLVS_TCP_ESTABLISHED
#define SS XLVS_TCP_SYN_SENT
#define SR XLVS_TCP_SYN_RECV
#define FW XLVS_TCP_FIN_WAIT
#define TW XLVS_TCP_TIME_WAIT
#define CL XLVS_TCP_CLOSE
#define CW XLVS_TCP_CLOSE_WAIT
#define LA XLVS_TCP_LAST_ACK
#define LI XLVS_TCP_LISTEN
#define SA XLVS_TCP_SYNACK

/* clang-format off */
#define XLVS_TCP_TABLE {                                                     \
	{ /* INPUT: client to virtual address */                             \
		/*        NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  SA */      \
		/*syn*/ { SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR },      \
		/*fin*/ { CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, TW },      \
		/*ack*/ { ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES },      \
		/*rst*/ { CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, SR },      \
	},                                                                   \
	{ /* OUTPUT: a reply seen by the director */                         \
		/*syn*/ { SS, ES, SS, SR, SS, SS, SS, SS, SS, LI, SR },      \
		/*fin*/ { TW, FW, SS, TW, FW, TW, CL, TW, LA, LI, TW },      \
		/*ack*/ { ES, ES, SS, ES, FW, TW, CL, CW, LA, ES, ES },      \
		/*rst*/ { CL, CL, SS, CL, CL, TW, CL, CL, CL, CL, CL },      \
	},                                                                   \
	{ /* INPUT-ONLY: replies bypass the director */                      \
		/*syn*/ { SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SR },      \
		/*fin*/ { CL, FW, SS, TW, FW, TW, CL, CW, LA, LI, TW },      \
		/*ack*/ { ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES },      \
		/*rst*/ { CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL },      \
	},                                                                   \
}
/* While secure_tcp is in effect a client's word alone opens nothing. */
#define XLVS_TCP_SECURE_TABLE {                                              \
	{ /* INPUT */                                                        \
		/*        NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  SA */      \
		/*syn*/ { SR, ES, ES, SR, SR, SR, SR, SR, SR, SR, SA },      \
		/*fin*/ { CL, CW, SS, TW, TW, TW, CL, CW, LA, LI, SA },      \
		/*ack*/ { ES, ES, SS, SR, FW, TW, CL, CW, CL, LI, SA },      \
		/*rst*/ { CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL },      \
	},                                                                   \
	{ /* OUTPUT */                                                       \
		/*        NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  SA */      \
		/*syn*/ { SS, ES, SS, SA, SS, SS, SS, SS, SS, LI, SA },      \
		/*fin*/ { TW, FW, SS, TW, FW, TW, CL, TW, LA, LI, TW },      \
		/*ack*/ { ES, ES, SS, ES, FW, TW, CL, CW, LA, ES, ES },      \
		/*rst*/ { CL, CL, SS, CL, CL, TW, CL, CL, CL, CL, CL },      \
	},                                                                   \
	{ /* INPUT-ONLY */                                                   \
		/*        NO  ES  SS  SR  FW  TW  CL  CW  LA  LI  SA */      \
		/*syn*/ { SA, ES, ES, SR, SA, SA, SA, SA, SA, SA, SA },      \
		/*fin*/ { CL, FW, SS, TW, FW, TW, CL, CW, LA, LI, TW },      \
		/*ack*/ { ES, ES, SS, ES, FW, TW, CL, CW, CL, LI, ES },      \
		/*rst*/ { CL, CL, CL, SR, CL, CL, CL, CL, LA, LI, CL },      \
	},                                                                   \
}
/* clang-format on */

#endif
