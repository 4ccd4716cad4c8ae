// SPDX-License-Identifier: GPL-2.0-or-later
/* `connect`: up when a TCP connection opens. */
#include "monitor/check/engine.h"
#include "monitor/check/socket.h"

struct connect {
	struct xlvs_attempt attempt;
	uv_tcp_t tcp;
	uv_connect_t request;
};

static void connected(uv_connect_t *request, int status)
{
	struct xlvs_attempt *attempt = request->data;

	if (status < 0)
		xlvs_attempt_failed(attempt, "connect", status);
	else
		xlvs_attempt_up(attempt, "connected");
}

static void start(struct xlvs_attempt *attempt)
{
	struct connect *connect = (struct connect *)attempt;
	int err;

	uv_tcp_init(attempt->engine->loop, &connect->tcp);
	xlvs_attempt_own(attempt, &connect->tcp);
	connect->request.data = attempt;
	xlvs_socket_mark(attempt->check->spec.mark);
	err = uv_tcp_connect(&connect->request, &connect->tcp, &attempt->check->spec.real.any,
			     connected);
	xlvs_socket_mark(0);
	if (err < 0)
		xlvs_attempt_failed(attempt, "connect", err);
}

static void stop(struct xlvs_attempt *attempt)
{
	struct connect *connect = (struct connect *)attempt;

	xlvs_attempt_close(attempt, &connect->tcp);
}

const struct xlvs_checker xlvs_checker_connect = {
	.bytes = sizeof(struct connect),
	.start = start,
	.stop = stop,
};
