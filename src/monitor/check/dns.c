// SPDX-License-Identifier: GPL-2.0-or-later
/* dns: asks the real server for `request`, a name (its A records, the system's search list applied)
 * or an address (its PTR), and is up when one of the answers matches `receive`. UDP, or TCP for a
 * TCP service. */
#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "monitor/check/curl.h"
#include "monitor/check/engine.h"
#include "monitor/check/pattern.h"
#include "monitor/check/socket.h"
#include "monitor/check/watch.h"

enum {
	SOCKETS = 4,
	RECORDS = 64,
	REPEAT_MS = 1000,
	TICK_MS = 250,
	NAME_BYTES = 512,
};

struct dns {
	struct xlvs_attempt attempt;
	ares_channel channel;
	uv_timer_t tick; /* c-ares asks again when nothing came */
	struct xlvs_watch *watches[SOCKETS];
};

static const char *question(const struct xlvs_check_spec *spec)
{
	return spec->request + (*spec->request == '/');
}

/* True when this record decides. */
static bool decides(struct dns *dns, const char *text)
{
	const struct xlvs_pattern *pattern = dns->attempt.check->pattern;

	if (pattern && xlvs_pattern_search(pattern, text, strlen(text)) <= 0)
		return false;
	xlvs_attempt_up(&dns->attempt, "%s", text);
	return true;
}

static void no_match(struct dns *dns, int status, const char *last)
{
	if (status)
		xlvs_attempt_blame(&dns->attempt, ares_strerror(status));
	else
		xlvs_attempt_down(&dns->attempt, "%s does not match \"%s\"", last,
				  dns->attempt.check->spec.receive);
}

static void addresses_came(void *context, int status, int timeouts, unsigned char *bytes,
			   int length)
{
	struct ares_addrttl records[RECORDS];
	char text[INET_ADDRSTRLEN] = "";
	struct dns *dns = context;
	int i, count = RECORDS;

	(void)timeouts;
	if (xlvs_attempt_over(&dns->attempt))
		return;
	if (!status)
		status = ares_parse_a_reply(bytes, length, NULL, records, &count);
	for (i = 0; !status && i < count; i++) {
		inet_ntop(AF_INET, &records[i].ipaddr, text, sizeof(text));
		if (decides(dns, text))
			return;
	}
	no_match(dns, !status && !count ? ARES_ENODATA : status, text);
}

static void names_came(void *context, int status, int timeouts, unsigned char *bytes, int length)
{
	struct hostent *host = NULL;
	struct dns *dns = context;
	const char *last = "";
	char **name;

	(void)timeouts;
	if (xlvs_attempt_over(&dns->attempt))
		return;
	if (!status)
		status = ares_parse_ptr_reply(bytes, length, NULL, 0, AF_INET, &host);
	for (name = status ? NULL : host->h_aliases; name && *name; name++) {
		last = *name;
		if (decides(dns, last))
			break;
	}
	if (!xlvs_attempt_over(&dns->attempt))
		no_match(dns, status, last);
	if (host)
		ares_free_hostent(host);
}

/* The name under which an address is found (RFC 1035 3.5, RFC 3596 2.5); false: it is none. */
static bool reverse_name(const char *text, char *name)
{
	uint8_t bytes[16];
	int i;

	if (inet_pton(AF_INET, text, bytes) == 1) {
		snprintf(name, NAME_BYTES, "%u.%u.%u.%u.in-addr.arpa", bytes[3], bytes[2], bytes[1],
			 bytes[0]);
		return true;
	}
	if (inet_pton(AF_INET6, text, bytes) != 1)
		return false;
	for (i = 15; i >= 0; i--)
		name += snprintf(name, 5, "%x.%x.", bytes[i] & 15, bytes[i] >> 4);
	stpcpy(name, "ip6.arpa");
	return true;
}

static void ready(struct xlvs_watch *watch, int events)
{
	struct dns *dns = (struct dns *)watch->attempt;

	ares_process_fd(dns->channel, events & UV_READABLE ? watch->fd : ARES_SOCKET_BAD,
			events & UV_WRITABLE ? watch->fd : ARES_SOCKET_BAD);
}

static void socket_changed(void *context, ares_socket_t fd, int readable, int writable)
{
	struct xlvs_watch **watch = NULL;
	struct dns *dns = context;
	int i;

	for (i = 0; i < SOCKETS; i++)
		if (dns->watches[i] && dns->watches[i]->fd == fd)
			watch = &dns->watches[i];
	for (i = 0; i < SOCKETS && !watch; i++)
		if (!dns->watches[i])
			watch = &dns->watches[i];
	if (!watch)
		return;
	if (!readable && !writable)
		xlvs_watch_close(watch);
	else
		xlvs_watch_set(watch, &dns->attempt, fd,
			       (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0));
}

static void ticked(uv_timer_t *timer)
{
	struct dns *dns = (struct dns *)timer->data;

	if (!xlvs_attempt_over(&dns->attempt))
		ares_process_fd(dns->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static int mark_socket(ares_socket_t fd, int type, void *context)
{
	const struct dns *dns = context;
	uint32_t mark = dns->attempt.check->spec.mark;

	(void)type;
	return mark && xlvs_socket_set_mark(fd, mark) < 0 ? -1 : 0;
}

static int open_channel(struct dns *dns)
{
	const struct xlvs_check_spec *spec = &dns->attempt.check->spec;
	struct ares_addr_port_node server = {.family = spec->real.any.sa_family};
	struct ares_options options = {
		.flags =
			ARES_FLAG_NOALIASES | (spec->protocol == IPPROTO_TCP ? ARES_FLAG_USEVC : 0),
		.timeout = REPEAT_MS,
		.tries = (int)(spec->negotiate_timeout_ms / REPEAT_MS) + 2,
		.sock_state_cb = socket_changed,
		.sock_state_cb_data = dns,
	};
	int status = ares_init_options(&dns->channel, &options,
				       ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
					       ARES_OPT_SOCK_STATE_CB);

	if (status) {
		dns->channel = NULL;
		return status;
	}
	if (server.family == AF_INET)
		server.addr.addr4 = spec->real.v4.sin_addr;
	else
		memcpy(&server.addr.addr6, &spec->real.v6.sin6_addr, sizeof(server.addr.addr6));
	ares_set_socket_configure_callback(dns->channel, mark_socket, dns);
	server.tcp_port = server.udp_port = xlvs_curl_port(&spec->real);
	return ares_set_servers_ports(dns->channel, &server);
}

static void start(struct xlvs_attempt *attempt)
{
	const char *text = question(&attempt->check->spec);
	struct dns *dns = (struct dns *)attempt;
	char name[NAME_BYTES];

	uv_timer_init(attempt->engine->loop, &dns->tick);
	xlvs_attempt_own(attempt, &dns->tick);
	if (open_channel(dns)) {
		xlvs_attempt_failed(attempt, "start", UV_ENOMEM);
		return;
	}
	uv_timer_start(&dns->tick, ticked, TICK_MS, TICK_MS);
	if (reverse_name(text, name))
		ares_query(dns->channel, name, C_IN, T_PTR, names_came, dns);
	else
		ares_search(dns->channel, text, C_IN, T_A, addresses_came, dns);
}

static void stop(struct xlvs_attempt *attempt)
{
	struct dns *dns = (struct dns *)attempt;

	if (dns->channel)
		ares_destroy(dns->channel);
	dns->channel = NULL;
	xlvs_attempt_close(attempt, &dns->tick);
}

static int validate(const struct xlvs_check_spec *spec, struct xlvs_error *reterr)
{
	if (!*question(spec) || strlen(question(spec)) > 253)
		return xlvs_refuse(reterr, UV_EINVAL,
				   "dns needs a request, a name or an address to ask for");
	return 0;
}

const struct xlvs_checker xlvs_checker_dns = {
	.bytes = sizeof(struct dns),
	.start = start,
	.stop = stop,
	.validate = validate,
	.ready = ready,
};
