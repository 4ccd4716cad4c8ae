// SPDX-License-Identifier: GPL-2.0-or-later
/* simpletcp: sends `request` (a leading slash taken off, "\n" meaning a new line) and is up when a
 * line of the answer matches `receive`; without one, when there is a line. TCP, or UDP for a UDP
 * service. */
#include <string.h>

#include "monitor/check/datagram.h"
#include "monitor/check/pattern.h"
#include "monitor/check/stream.h"

struct simpletcp {
	struct xlvs_attempt attempt;
	struct xlvs_stream stream;
	struct xlvs_datagram datagram;
};

static size_t write_request(const struct xlvs_check_spec *spec, char *bytes, size_t room)
{
	const char *text = spec->request + (*spec->request == '/');
	size_t length = 0;

	for (; *text && length < room; text++) {
		bool newline = text[0] == '\\' && text[1] == 'n';

		bytes[length++] = newline ? '\n' : *text;
		text += newline;
	}
	return length;
}

/* True when this line decides. A line keeps its newline, as `$` is used to it. */
static bool decides(struct xlvs_attempt *attempt, const char *line, size_t length)
{
	const struct xlvs_pattern *pattern = attempt->check->pattern;
	int found = pattern ? xlvs_pattern_search(pattern, line, length) : 1;

	if (found)
		xlvs_attempt_search(attempt, line, length);
	return found;
}

/* The lines that are complete, and what is left when no more comes; returns what was looked at. */
static size_t search_lines(struct xlvs_attempt *attempt, const char *bytes, size_t length,
			   bool ended)
{
	size_t start = 0;

	while (start < length) {
		const char *newline = memchr(bytes + start, '\n', length - start);
		size_t end = newline ? (size_t)(newline - bytes) + 1 : length;

		if (!newline && !ended)
			break;
		if (decides(attempt, bytes + start, end - start))
			break;
		start = end;
	}
	return start;
}

static void received(struct xlvs_stream *stream)
{
	size_t searched =
		search_lines(stream->attempt, stream->answer, stream->answer_bytes, stream->ended);

	if (searched && !xlvs_attempt_over(stream->attempt))
		xlvs_stream_consume(stream, searched);
	if (stream->ended)
		xlvs_attempt_down(stream->attempt, "no line matches \"%s\"",
				  stream->attempt->check->spec.receive);
}

static void received_datagram(struct xlvs_datagram *datagram, const char *bytes, size_t length)
{
	search_lines(datagram->attempt, bytes, length, true);
}

static void connected(struct xlvs_stream *stream)
{
	char request[XLVS_DATAGRAM_BYTES];
	size_t length = write_request(&stream->attempt->check->spec, request, sizeof(request));

	if (length)
		xlvs_stream_send(stream, request, length);
	xlvs_stream_finish(stream);
}

static void start(struct xlvs_attempt *attempt)
{
	struct simpletcp *simpletcp = (struct simpletcp *)attempt;
	struct xlvs_datagram *datagram = &simpletcp->datagram;
	const struct xlvs_check_spec *spec = &attempt->check->spec;

	if (spec->protocol == IPPROTO_UDP) {
		datagram->received = received_datagram;
		datagram->question_bytes =
			write_request(spec, datagram->question, sizeof(datagram->question));
		if (xlvs_datagram_open(datagram, attempt))
			xlvs_datagram_ask(datagram);
		return;
	}
	simpletcp->stream.connected = connected;
	simpletcp->stream.received = received;
	xlvs_stream_open(&simpletcp->stream, attempt, &spec->real);
}

static void stop(struct xlvs_attempt *attempt)
{
	struct simpletcp *simpletcp = (struct simpletcp *)attempt;

	xlvs_stream_close(&simpletcp->stream);
	xlvs_datagram_close(&simpletcp->datagram);
}

static int validate(const struct xlvs_check_spec *spec, struct xlvs_error *reterr)
{
	if (strlen(spec->request) > XLVS_DATAGRAM_BYTES)
		return xlvs_refuse(reterr, UV_EINVAL, "request \"%.40s...\" is too long",
				   spec->request);
	return 0;
}

const struct xlvs_checker xlvs_checker_simpletcp = {
	.bytes = sizeof(struct simpletcp),
	.start = start,
	.stop = stop,
	.validate = validate,
};
