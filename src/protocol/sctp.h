/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The SCTP state table of IPVS (net/netfilter/ipvs/ip_vs_proto_sctp.c), one row a packet event, one
 * column a current state. Plain data, for the packet path and for tests. */
#ifndef XLVS_PROTOCOL_SCTP_H
#define XLVS_PROTOCOL_SCTP_H

#include "abi/config.h"

enum xlvs_sctp_event {
	XLVS_SCTP_EVENT_DATA, /* and every chunk that has no event of its own */
	XLVS_SCTP_EVENT_INIT,
	XLVS_SCTP_EVENT_INIT_ACK,
	XLVS_SCTP_EVENT_COOKIE_ECHO,
	XLVS_SCTP_EVENT_COOKIE_ACK,
	XLVS_SCTP_EVENT_SHUTDOWN,
	XLVS_SCTP_EVENT_SHUTDOWN_ACK,
	XLVS_SCTP_EVENT_SHUTDOWN_COMPLETE,
	XLVS_SCTP_EVENT_ERROR,
	XLVS_SCTP_EVENT_ABORT,
	XLVS_SCTP_EVENTS,
};

/* By type of chunk (RFC 9260, section 3.2); what lies beyond is DATA. */
#define XLVS_SCTP_EVENT_OF_CHUNK                                                       \
	{                                                                              \
		[1] = XLVS_SCTP_EVENT_INIT, [2] = XLVS_SCTP_EVENT_INIT_ACK,            \
		[6] = XLVS_SCTP_EVENT_ABORT, [7] = XLVS_SCTP_EVENT_SHUTDOWN,           \
		[8] = XLVS_SCTP_EVENT_SHUTDOWN_ACK, [9] = XLVS_SCTP_EVENT_ERROR,       \
		[10] = XLVS_SCTP_EVENT_COOKIE_ECHO, [11] = XLVS_SCTP_EVENT_COOKIE_ACK, \
		[14] = XLVS_SCTP_EVENT_SHUTDOWN_COMPLETE,                              \
	}

#define NO XLVS_SCTP_NONE
#define I1 XLVS_SCTP_INIT1
#define IN XLVS_SCTP_INIT
#define CS XLVS_SCTP_COOKIE_SENT
#define CR XLVS_SCTP_COOKIE_REPLIED
#define CW XLVS_SCTP_COOKIE_WAIT
#define CO XLVS_SCTP_COOKIE
#define CE XLVS_SCTP_COOKIE_ECHOED
#define ES XLVS_SCTP_ESTABLISHED
#define SS XLVS_SCTP_SHUTDOWN_SENT
#define SR XLVS_SCTP_SHUTDOWN_RECEIVED
#define SA XLVS_SCTP_SHUTDOWN_ACK_SENT
#define RJ XLVS_SCTP_REJECTED
#define CL XLVS_SCTP_CLOSED

/* clang-format off */
#define XLVS_SCTP_TABLE {                                                                         \
	{ /* INPUT: client to virtual address */                                                  \
		/*           NO  I1  IN  CS  CR  CW  CO  CE  ES  SS  SR  SA  RJ  CL */            \
		/*data*/   { ES, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL },            \
		/*init*/   { I1, IN, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, IN, IN },            \
		/*i ack*/  { CW, CW, CW, CS, CR, CO, CO, CE, ES, SS, SR, SA, RJ, CL },            \
		/*c echo*/ { CR, IN, IN, CR, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL },            \
		/*c ack*/  { ES, I1, IN, CS, CR, CW, CO, ES, ES, SS, SR, SA, RJ, CL },            \
		/*shut*/   { SR, I1, IN, CS, CR, CW, CO, CE, SR, SS, SR, SA, RJ, CL },            \
		/*s ack*/  { CL, IN, IN, CS, CR, CW, CO, CE, ES, CL, SR, CL, RJ, CL },            \
		/*s comp*/ { CL, CL, CL, CS, CR, CW, CO, CE, ES, SS, SR, CL, RJ, CL },            \
		/*error*/  { CL, I1, IN, CS, CR, CW, CO, CL, ES, SS, SR, SA, RJ, CL },            \
		/*abort*/  { CL, CL, CL, CL, CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL },            \
	},                                                                                        \
	{ /* OUTPUT: a reply seen by the director */                                              \
		/*           NO  I1  IN  CS  CR  CW  CO  CE  ES  SS  SR  SA  RJ  CL */            \
		/*data*/   { ES, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL },            \
		/*init*/   { CW, CW, CW, CW, CW, CW, CW, CW, ES, CW, CW, CW, CW, CW },            \
		/*i ack*/  { CS, CS, CS, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL },            \
		/*c echo*/ { CE, CE, CE, CE, CE, CE, CE, CE, ES, SS, SR, SA, RJ, CL },            \
		/*c ack*/  { ES, ES, ES, ES, ES, ES, ES, ES, ES, SS, SR, SA, RJ, CL },            \
		/*shut*/   { SS, SS, SS, SS, SS, SS, SS, SS, SS, SS, SR, SA, RJ, CL },            \
		/*s ack*/  { SA, SA, SA, SA, SA, CW, CO, CE, ES, SA, SA, SA, RJ, CL },            \
		/*s comp*/ { CL, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL },            \
		/*error*/  { CL, CL, CL, CL, CL, CW, CO, CE, ES, SS, SR, SA, RJ, CL },            \
		/*abort*/  { CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL },            \
	},                                                                                        \
	{ /* INPUT-ONLY: replies bypass the director */                                           \
		/*           NO  I1  IN  CS  CR  CW  CO  CE  ES  SS  SR  SA  RJ  CL */            \
		/*data*/   { ES, I1, IN, CS, CR, ES, CO, CE, ES, SS, SR, SA, RJ, CL },            \
		/*init*/   { I1, IN, IN, IN, IN, IN, CO, CE, ES, SS, SR, SA, IN, IN },            \
		/*i ack*/  { CE, CE, CE, CE, CE, CE, CO, CE, ES, SS, SR, SA, RJ, CL },            \
		/*c echo*/ { ES, ES, ES, ES, ES, ES, CO, CE, ES, SS, SR, SA, RJ, CL },            \
		/*c ack*/  { ES, I1, IN, ES, ES, CW, ES, ES, ES, SS, SR, SA, RJ, CL },            \
		/*shut*/   { SR, I1, IN, CS, CR, CW, CO, CE, SR, SS, SR, SA, RJ, CL },            \
		/*s ack*/  { CL, IN, IN, CS, CR, CW, CO, CE, CL, CL, SR, CL, RJ, CL },            \
		/*s comp*/ { CL, CL, CL, CL, CL, CW, CO, CE, ES, SS, CL, CL, RJ, CL },            \
		/*error*/  { CL, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL },            \
		/*abort*/  { CL, CL, CL, CL, CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL },            \
	},                                                                                        \
}
/* clang-format on */

#endif
