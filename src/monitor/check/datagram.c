// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/check/datagram.h"

#include "monitor/check/engine.h"
#include "monitor/check/socket.h"

enum {
	REPEAT_MS = 1000,
};

/* One buffer serves all: an answer is looked at before the next is read. */
static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	static char bytes[65536];

	(void)handle;
	(void)suggested;
	*buffer = uv_buf_init(bytes, sizeof(bytes));
}

static void was_received(uv_udp_t *udp, ssize_t length, const uv_buf_t *buffer,
			 const struct sockaddr *from, unsigned int flags)
{
	struct xlvs_datagram *datagram =
		(struct xlvs_datagram *)((char *)udp - offsetof(struct xlvs_datagram, udp));

	if (xlvs_attempt_over(datagram->attempt))
		return;
	if (length < 0)
		xlvs_attempt_failed(datagram->attempt, "answer", (int)length);
	else if (from && !(flags & UV_UDP_PARTIAL))
		datagram->received(datagram, buffer->base, (size_t)length);
}

bool xlvs_datagram_open(struct xlvs_datagram *datagram, struct xlvs_attempt *attempt)
{
	int err;

	datagram->attempt = attempt;
	uv_udp_init(attempt->engine->loop, &datagram->udp);
	xlvs_attempt_own(attempt, &datagram->udp);
	uv_timer_init(attempt->engine->loop, &datagram->repeat);
	xlvs_attempt_own(attempt, &datagram->repeat);
	xlvs_socket_mark(attempt->check->spec.mark);
	err = uv_udp_connect(&datagram->udp, &attempt->check->spec.real.any);
	xlvs_socket_mark(0);
	if (!err)
		err = uv_udp_recv_start(&datagram->udp, give_room, was_received);
	if (err)
		xlvs_attempt_failed(attempt, "connect", err);
	return !err;
}

static void ask(uv_timer_t *timer)
{
	struct xlvs_datagram *datagram =
		(struct xlvs_datagram *)((char *)timer - offsetof(struct xlvs_datagram, repeat));
	uv_buf_t buffer = uv_buf_init(datagram->question, (unsigned int)datagram->question_bytes);
	int sent;

	if (xlvs_attempt_over(datagram->attempt))
		return;
	sent = uv_udp_try_send(&datagram->udp, &buffer, 1, NULL);
	if (sent < 0 && sent != UV_EAGAIN)
		xlvs_attempt_failed(datagram->attempt, "request", sent);
}

void xlvs_datagram_ask(struct xlvs_datagram *datagram)
{
	ask(&datagram->repeat);
	uv_timer_start(&datagram->repeat, ask, REPEAT_MS, REPEAT_MS);
}

void xlvs_datagram_close(struct xlvs_datagram *datagram)
{
	if (!datagram->attempt)
		return;
	xlvs_attempt_close(datagram->attempt, &datagram->udp);
	xlvs_attempt_close(datagram->attempt, &datagram->repeat);
}
