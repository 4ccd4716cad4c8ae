/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A question in one UDP datagram, asked again each second until the attempt is over: one lost
 * packet is no dead server. */
#ifndef XLVS_MONITOR_CHECK_DATAGRAM_H
#define XLVS_MONITOR_CHECK_DATAGRAM_H

#include "monitor/check/checker.h"

enum {
	XLVS_DATAGRAM_BYTES = 4096
};

struct xlvs_datagram {
	struct xlvs_attempt *attempt;
	uv_udp_t udp;
	uv_timer_t repeat;
	void (*received)(struct xlvs_datagram *datagram, const char *bytes, size_t length);
	char question[XLVS_DATAGRAM_BYTES];
	size_t question_bytes;
};

/* Connects the socket to the real server, so that its address is known; `received` is set. False
 * when that went wrong, which is the attempt's result then. */
bool xlvs_datagram_open(struct xlvs_datagram *datagram, struct xlvs_attempt *attempt);
/* `question` is set. */
void xlvs_datagram_ask(struct xlvs_datagram *datagram);
/* Fine for one that was never opened. */
void xlvs_datagram_close(struct xlvs_datagram *datagram);

#endif
