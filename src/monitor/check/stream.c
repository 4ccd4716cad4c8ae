// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/check/stream.h"

#include <stdlib.h>
#include <string.h>

#include "monitor/check/engine.h"
#include "monitor/check/socket.h"

enum {
	ROOM_BYTES = 2048
};

static bool is_dead(const struct xlvs_stream *stream)
{
	return stream->closing || xlvs_attempt_over(stream->attempt);
}

/* At least one byte of room behind the answer, and one for its NUL. */
static void make_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct xlvs_stream *stream =
		(struct xlvs_stream *)((char *)handle - offsetof(struct xlvs_stream, tcp));
	size_t room = stream->answer_room ? stream->answer_room : ROOM_BYTES;
	char *answer;

	(void)suggested;
	if (stream->answer_bytes + 1 >= room)
		room *= 2;
	answer = room == stream->answer_room ? stream->answer : realloc(stream->answer, room);
	if (!answer) {
		*buffer = uv_buf_init(NULL, 0);
		return;
	}
	stream->answer = answer;
	stream->answer_room = room;
	*buffer = uv_buf_init(answer + stream->answer_bytes,
			      (unsigned int)(room - stream->answer_bytes - 1));
}

static void was_read(uv_stream_t *handle, ssize_t length, const uv_buf_t *buffer)
{
	struct xlvs_stream *stream =
		(struct xlvs_stream *)((char *)handle - offsetof(struct xlvs_stream, tcp));

	(void)buffer;
	if (!length || is_dead(stream))
		return;
	if (length > 0)
		stream->answer_bytes += (size_t)length;
	else if (length == UV_EOF)
		stream->ended = true;
	else
		xlvs_attempt_failed(stream->attempt, "answer", (int)length);
	if (stream->answer_bytes >= XLVS_CHECK_ANSWER_BYTES)
		stream->ended = true;
	if (stream->answer)
		stream->answer[stream->answer_bytes] = '\0';
	if (stream->ended)
		uv_read_stop(handle);
	if (!xlvs_attempt_over(stream->attempt))
		stream->received(stream);
}

static void was_connected(uv_connect_t *request, int status)
{
	struct xlvs_stream *stream = request->data;

	if (is_dead(stream))
		return;
	if (status < 0) {
		xlvs_attempt_failed(stream->attempt, "connect", status);
		return;
	}
	uv_read_start((uv_stream_t *)&stream->tcp, make_room, was_read);
	if (stream->connected)
		stream->connected(stream);
}

void xlvs_stream_open(struct xlvs_stream *stream, struct xlvs_attempt *attempt,
		      const union xlvs_check_address *address)
{
	int err;

	uv_tcp_init(attempt->engine->loop, &stream->tcp);
	stream->attempt = attempt;
	xlvs_attempt_own(attempt, &stream->tcp);
	stream->connect.data = stream;
	xlvs_socket_mark(attempt->check->spec.mark);
	err = uv_tcp_connect(&stream->connect, &stream->tcp, &address->any, was_connected);
	xlvs_socket_mark(0);
	if (err < 0)
		xlvs_attempt_failed(attempt, "connect", err);
}

struct sending {
	uv_write_t request;
	char bytes[];
};

static void was_sent(uv_write_t *request, int status)
{
	(void)status; /* what a server does not take it does not answer */
	free(request->data);
}

void xlvs_stream_send(struct xlvs_stream *stream, const char *bytes, size_t length)
{
	struct sending *sending = malloc(sizeof(*sending) + length);
	uv_buf_t buffer;

	if (!sending) {
		xlvs_attempt_failed(stream->attempt, "request", UV_ENOMEM);
		return;
	}
	memcpy(sending->bytes, bytes, length);
	sending->request.data = sending;
	buffer = uv_buf_init(sending->bytes, (unsigned int)length);
	if (uv_write(&sending->request, (uv_stream_t *)&stream->tcp, &buffer, 1, was_sent) < 0)
		free(sending);
}

void xlvs_stream_finish(struct xlvs_stream *stream)
{
	uv_shutdown(&stream->shutdown, (uv_stream_t *)&stream->tcp, NULL);
}

void xlvs_stream_consume(struct xlvs_stream *stream, size_t bytes)
{
	stream->answer_bytes -= bytes;
	memmove(stream->answer, stream->answer + bytes, stream->answer_bytes + 1);
}

void xlvs_stream_close(struct xlvs_stream *stream)
{
	if (!stream->attempt || stream->closing)
		return;
	stream->closing = true;
	free(stream->answer);
	stream->answer = NULL;
	stream->answer_bytes = stream->answer_room = 0;
	xlvs_attempt_close(stream->attempt, &stream->tcp);
}
