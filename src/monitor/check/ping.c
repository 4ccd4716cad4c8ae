// SPDX-License-Identifier: GPL-2.0-or-later
/* `ping`: up when an echo reply comes, for IPv4 and IPv6. Asked `ping_attempts` times, each time
 * with a whole check_timeout.
 *
 * A raw socket hears every echo reply of the machine. Ours carry the socket's identifier, the
 * number of the attempt's slot and a random nonce, and come from the address that was asked. */
#include "monitor/check/ping.h"

#include <errno.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "monitor/check/engine.h"

enum {
	SLOTS = 65536,
	PAYLOAD_BYTES = 64,
	ROUNDS = 256, /* packets read in one turn of the loop */
	RECEIVE_BUFFER_BYTES = 1 << 20,
};

/* Echo request and reply look the same in both families. */
struct echo {
	uint8_t type, code;
	uint16_t checksum;
	uint16_t id, sequence;
	uint64_t nonce;
	uint8_t filler[PAYLOAD_BYTES - sizeof(uint64_t)];
};

struct ping;

struct xlvs_ping {
	struct xlvs_check_engine *engine;
	uv_poll_t poll;
	int fd, family;
	uint16_t id, next;
	struct ping *slots[SLOTS];
};

struct ping {
	struct xlvs_attempt attempt;
	struct xlvs_ping *socket;
	uv_timer_t repeat;
	uint64_t nonce;
	uint16_t slot;
	unsigned int sent;
};

static uint16_t checksum(const void *bytes, size_t length)
{
	const uint16_t *words = bytes;
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < length / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~((sum & 0xffff) + (sum >> 16));
}

static bool same_host(const union xlvs_check_address *a, const union xlvs_check_address *b)
{
	if (a->any.sa_family == AF_INET)
		return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
	return !memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr));
}

static void heard(struct xlvs_ping *socket, const uint8_t *bytes, size_t length,
		  const union xlvs_check_address *from)
{
	bool v4 = socket->family == AF_INET;
	size_t header = v4 && length ? 4 * (size_t)(bytes[0] & 15) : 0;
	struct ping *ping;
	struct echo echo;

	if (length < header + sizeof(echo))
		return;
	memcpy(&echo, bytes + header, sizeof(echo));
	if (echo.type != (v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) || echo.id != socket->id)
		return;
	ping = socket->slots[ntohs(echo.sequence)];
	if (ping && ping->nonce == echo.nonce && same_host(&ping->attempt.check->spec.real, from))
		xlvs_attempt_up(&ping->attempt, "echo reply");
}

static void readable(uv_poll_t *poll, int status, int events)
{
	struct xlvs_ping *socket = poll->data;
	unsigned int round;

	(void)status;
	(void)events;
	for (round = 0; round < ROUNDS; round++) {
		union xlvs_check_address from = {0};
		socklen_t from_bytes = sizeof(from);
		uint8_t bytes[256];
		ssize_t length = recvfrom(socket->fd, bytes, sizeof(bytes), MSG_DONTWAIT, &from.any,
					  &from_bytes);

		if (length < 0)
			return;
		heard(socket, bytes, (size_t)length, &from);
	}
}

/* The kernel drops what is no echo reply before it wakes us. */
static int filter(int fd, int family)
{
	struct icmp_filter v4 = {.data = ~(1u << ICMP_ECHOREPLY)};
	struct icmp6_filter v6;
	int bytes = RECEIVE_BUFFER_BYTES;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (family == AF_INET)
		return setsockopt(fd, SOL_RAW, ICMP_FILTER, &v4, sizeof(v4));
	ICMP6_FILTER_SETBLOCKALL(&v6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &v6);
	return setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &v6, sizeof(v6));
}

static int open_socket(struct xlvs_check_engine *engine, int family, struct xlvs_ping **ret_socket)
{
	int protocol = family == AF_INET ? IPPROTO_ICMP : (int)IPPROTO_ICMPV6;
	struct xlvs_ping *ping = calloc(1, sizeof(*ping));
	int err;

	if (!ping)
		return -ENOMEM;
	ping->fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
	if (ping->fd < 0 || filter(ping->fd, family) ||
	    getrandom(&ping->id, sizeof(ping->id), 0) < 0 ||
	    uv_poll_init(engine->loop, &ping->poll, ping->fd)) {
		err = -errno;
		if (ping->fd >= 0)
			close(ping->fd);
		free(ping);
		return err;
	}
	ping->engine = engine;
	ping->family = family;
	ping->poll.data = ping;
	uv_poll_start(&ping->poll, UV_READABLE, readable);
	/* Waiting for replies alone does not keep the loop running. */
	uv_unref((uv_handle_t *)&ping->poll);
	xlvs_engine_hold(engine);
	*ret_socket = ping;
	return 0;
}

static void closed(uv_handle_t *handle)
{
	struct xlvs_ping *socket = handle->data;

	close(socket->fd);
	xlvs_engine_release(socket->engine);
	free(socket);
}

void xlvs_ping_free(struct xlvs_ping *socket)
{
	if (socket)
		uv_close((uv_handle_t *)&socket->poll, closed);
}

static void take_slot(struct ping *ping)
{
	struct xlvs_ping *socket = ping->socket;
	unsigned int tries;

	for (tries = 0; tries < SLOTS && socket->slots[socket->next]; tries++)
		socket->next++;
	if (socket->slots[socket->next]) {
		ping->socket = NULL;
		xlvs_attempt_failed(&ping->attempt, "ping", UV_ENOBUFS);
		return;
	}
	ping->slot = socket->next++;
	socket->slots[ping->slot] = ping;
}

static void ask(struct ping *ping)
{
	const struct xlvs_check_spec *spec = &ping->attempt.check->spec;
	bool v4 = ping->socket->family == AF_INET;
	union xlvs_check_address to = spec->real;
	struct echo echo = {
		.type = v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST,
		.id = ping->socket->id,
		.sequence = htons(ping->slot),
		.nonce = ping->nonce,
	};

	if (v4) {
		to.v4.sin_port = 0;
		echo.checksum = checksum(&echo, sizeof(echo));
	} else {
		to.v6.sin6_port = 0; /* and the kernel fills in the checksum */
	}
	if (sendto(ping->socket->fd, &echo, sizeof(echo), MSG_DONTWAIT, &to.any,
		   v4 ? sizeof(to.v4) : sizeof(to.v6)) < 0)
		xlvs_attempt_failed(&ping->attempt, "ping", -errno);
}

static void again(uv_timer_t *timer)
{
	struct ping *ping = timer->data;

	if (++ping->sent < ping->attempt.check->spec.ping_attempts)
		ask(ping);
	else
		uv_timer_stop(timer);
}

static void start(struct xlvs_attempt *attempt)
{
	struct ping *ping = (struct ping *)attempt;
	const struct xlvs_check_spec *spec = &attempt->check->spec;
	int family = spec->real.any.sa_family, err = 0;
	struct xlvs_ping **socket = &attempt->engine->ping[family != AF_INET];

	uv_timer_init(attempt->engine->loop, &ping->repeat);
	xlvs_attempt_own(attempt, &ping->repeat);
	if (!*socket)
		err = open_socket(attempt->engine, family, socket);
	if (err) {
		xlvs_attempt_unknown(attempt, "cannot ping from here: %s", strerror(-err));
		return;
	}
	if (getrandom(&ping->nonce, sizeof(ping->nonce), 0) < 0) {
		xlvs_attempt_failed(attempt, "ping", -errno);
		return;
	}
	ping->socket = *socket;
	take_slot(ping);
	if (!ping->socket)
		return;
	ask(ping);
	uv_timer_start(&ping->repeat, again, spec->check_timeout_ms, spec->check_timeout_ms);
}

static void stop(struct xlvs_attempt *attempt)
{
	struct ping *ping = (struct ping *)attempt;

	if (ping->socket)
		ping->socket->slots[ping->slot] = NULL;
	xlvs_attempt_close(attempt, &ping->repeat);
}

const struct xlvs_checker xlvs_checker_ping = {
	.bytes = sizeof(struct ping),
	.start = start,
	.stop = stop,
};
