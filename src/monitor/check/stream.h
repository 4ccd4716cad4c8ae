/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A TCP connection of an attempt whose answer is gathered: for protocols of a few lines. */
#ifndef XLVS_MONITOR_CHECK_STREAM_H
#define XLVS_MONITOR_CHECK_STREAM_H

#include "monitor/check/checker.h"

struct xlvs_stream {
	struct xlvs_attempt *attempt;
	uv_tcp_t tcp;
	uv_connect_t connect;
	uv_shutdown_t shutdown;
	void (*connected)(struct xlvs_stream *stream); /* may be NULL */
	/* There is more of the answer, or it has ended. */
	void (*received)(struct xlvs_stream *stream);
	char *answer; /* always ends with a NUL that does not count */
	size_t answer_bytes, answer_room;
	bool ended; /* by the server, or because it is as long as what is searched */
	bool closing;
};

/* The callbacks are set. What goes wrong is the attempt's result. */
void xlvs_stream_open(struct xlvs_stream *stream, struct xlvs_attempt *attempt,
		      const union xlvs_check_address *address);
void xlvs_stream_send(struct xlvs_stream *stream, const char *bytes, size_t length);
/* Nothing more will be sent. */
void xlvs_stream_finish(struct xlvs_stream *stream);
/* Forget the answer's first bytes. */
void xlvs_stream_consume(struct xlvs_stream *stream, size_t bytes);
/* Fine for one that was never opened. */
void xlvs_stream_close(struct xlvs_stream *stream);

#endif
