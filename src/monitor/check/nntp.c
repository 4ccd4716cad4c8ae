// SPDX-License-Identifier: GPL-2.0-or-later
/* nntp: up when the greeting begins with 2 (RFC 3977: 200 or 201). */
#include <string.h>

#include "monitor/check/stream.h"

struct nntp {
	struct xlvs_attempt attempt;
	struct xlvs_stream stream;
};

static void received(struct xlvs_stream *stream)
{
	const char *line = stream->answer_bytes ? stream->answer : "";
	size_t length = strcspn(line, "\r\n");

	if (*line && *line != '2')
		xlvs_attempt_down(stream->attempt, "%.*s", (int)length, line);
	else if (*line && (line[length] || stream->ended))
		xlvs_attempt_up(stream->attempt, "%.*s", (int)length, line);
	else if (stream->ended)
		xlvs_attempt_down(stream->attempt, "closed without a greeting");
}

static void start(struct xlvs_attempt *attempt)
{
	struct nntp *nntp = (struct nntp *)attempt;

	nntp->stream.received = received;
	xlvs_stream_open(&nntp->stream, attempt, &attempt->check->spec.real);
}

static void stop(struct xlvs_attempt *attempt)
{
	xlvs_stream_close(&((struct nntp *)attempt)->stream);
}

const struct xlvs_checker xlvs_checker_nntp = {
	.bytes = sizeof(struct nntp),
	.start = start,
	.stop = stop,
};
