// SPDX-License-Identifier: GPL-2.0-or-later
/* A virtual service's block: its first line, what describes the service to the director, its end.
 */
#include "monitor/config_reader.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A number, or a host and a port. */
static bool split_address(struct xlvs_ld_reader *reader, struct xlvs_ld_block *block,
			  struct span value, struct span *rest)
{
	bool is_v6 = block->service.spec.key.family == AF_INET6;

	*rest = value;
	if (!xlvs_ld_is_empty(value) && *value.start == '[') {
		rest->start++;
		block->host = xlvs_ld_take(rest, xlvs_ld_is_address6);
		if (xlvs_ld_is_empty(*rest) || *rest->start != ']') {
			xlvs_ld_error(reader, rest->start, "expected ] behind an IPv6 address");
			return false;
		}
		rest->start++;
		if (!is_v6) {
			xlvs_ld_error(reader, value.start,
				      "expected virtual6 = for an IPv6 address");
			return false;
		}
	} else {
		block->host = xlvs_ld_take(rest, xlvs_ld_is_host);
	}
	if (xlvs_ld_is_empty(block->host)) {
		xlvs_ld_error(reader, value.start,
			      "expected an address and a port, or a firewall mark");
		return false;
	}
	return true;
}

static bool all_digits(struct span span)
{
	return xlvs_ld_is_empty(xlvs_ld_take(&span, xlvs_ld_is_digit)) ? false
								       : xlvs_ld_is_empty(span);
}

/* Digits without a port behind them. The original takes the first number of an address, too. */
static bool is_mark(const struct xlvs_ld_reader *reader, struct span host, struct span rest)
{
	if (!xlvs_ld_is_empty(rest) && *rest.start == ':')
		return false;
	return all_digits(host) || (reader->reading->original && xlvs_ld_is_digit(*host.start));
}

static bool read_mark(struct xlvs_ld_reader *reader, struct xlvs_ld_block *block)
{
	unsigned long mark;

	errno = 0;
	mark = strtoul(block->host.start, NULL, 10);
	if (errno || mark < 1 || mark > UINT32_MAX) {
		xlvs_ld_error(reader, block->host.start, "expected a firewall mark of 1 to %u",
			      UINT32_MAX);
		return false;
	}
	block->service.spec.key.fwmark = (uint32_t)mark;
	block->service.by_mark = true;
	block->service.protocol = "fwm";
	return true;
}

static bool read_address(struct xlvs_ld_reader *reader, struct xlvs_ld_block *block,
			 struct span value)
{
	struct span rest;

	if (!split_address(reader, block, value, &rest))
		return false;
	if (is_mark(reader, block->host, rest))
		return read_mark(reader, block);
	if (xlvs_ld_is_empty(rest) || *rest.start != ':') {
		xlvs_ld_error(reader, rest.start, "expected : and a port behind the address");
		return false;
	}
	rest.start++;
	block->port = xlvs_ld_take(&rest, xlvs_ld_is_port);
	if (xlvs_ld_is_empty(block->port)) {
		xlvs_ld_error(reader, rest.start, "expected a port");
		return false;
	}
	if (!reader->reading->original && !xlvs_ld_is_empty(rest))
		xlvs_ld_warn(reader, rest.start, "ignored behind the port: %.*s",
			     (int)xlvs_ld_length(rest), rest.start);
	if (xlvs_ld_equals(block->port, "53") || xlvs_ld_equals(block->port, "domain"))
		block->service.protocol = "udp";
	return true;
}

void xlvs_ld_open_virtual(struct xlvs_ld_reader *reader, struct span value, int family)
{
	struct xlvs_ld_block *block = xlvs_arena_alloc(&reader->config->arena, sizeof(*block));

	if (!block) {
		reader->out_of_memory = true;
		return;
	}
	block->service = (struct xlvs_ld_virtual){
		.spec = {.key.family = (uint16_t)family, .scheduler = "wrr"},
		.protocol = "tcp",
		.checktype = XLVS_LD_NEGOTIATE,
		.service = XLVS_CHECK_SERVICES_END,
		.checkcommand = "/bin/true",
		.login = "",
		.passwd = "",
		.database = "",
		.secret = "",
		.receive = "",
		.request = "/",
		.place = xlvs_ld_place_of(reader, value.start),
	};
	xlvs_ld_settings_init(&block->service.settings);
	block->line = reader->line;
	block->is_faulty = !read_address(reader, block, value);
	reader->block = block;
}

/* The directives. */

XLVS_LD_READER(scheduler)
{
	struct xlvs_service_spec *spec = &reader->block->service.spec;
	struct span rest = value, name;

	(void)slot;
	if (reader->reading->original)
		while (!xlvs_ld_is_empty(rest) && !(*rest.start >= 'a' && *rest.start <= 'z'))
			rest.start++;
	name = rest;
	while (rest.start < rest.end && *rest.start >= 'a' && *rest.start <= 'z')
		rest.start++;
	name.end = rest.start;
	if (xlvs_ld_is_empty(name) || xlvs_ld_length(name) >= sizeof(spec->scheduler) ||
	    (!reader->reading->original && !xlvs_ld_is_empty(rest))) {
		xlvs_ld_error(reader, rest.start,
			      "expected the name of a scheduler: up to %zu small letters",
			      sizeof(spec->scheduler) - 1);
		return;
	}
	memset(spec->scheduler, 0, sizeof(spec->scheduler));
	memcpy(spec->scheduler, name.start, xlvs_ld_length(name));
}

static bool is_flag(char c)
{
	return c != ',' && !xlvs_ld_is_blank(c);
}

static uint32_t sched_flag(struct span word)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} flags[] = {
		{"flag-1", XLVS_SERVICE_SCHED1},  {"flag-2", XLVS_SERVICE_SCHED2},
		{"flag-3", XLVS_SERVICE_SCHED3},  {"sh-fallback", XLVS_SERVICE_SCHED1},
		{"sh-port", XLVS_SERVICE_SCHED2}, {"mh-fallback", XLVS_SERVICE_SCHED1},
		{"mh-port", XLVS_SERVICE_SCHED2},
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (xlvs_ld_equals(word, flags[i].name))
			return flags[i].flag;
	return 0;
}

XLVS_LD_READER(schedflags)
{
	struct span rest = value;
	uint32_t flags = 0;

	(void)slot;
	do {
		struct span word = xlvs_ld_take(&rest, is_flag);
		uint32_t flag = sched_flag(word);

		if (!flag) {
			xlvs_ld_error(reader, word.start,
				      "expected sh-fallback, sh-port, mh-fallback, mh-port, "
				      "flag-1, flag-2 or flag-3");
			return;
		}
		flags |= flag;
	} while (rest.start < rest.end && *rest.start++ == ',');
	reader->block->service.spec.flags |= flags;
}

XLVS_LD_READER(persistent)
{
	struct xlvs_ld_block *block = reader->block;
	struct span digits = value;
	long seconds;

	(void)slot;
	if (reader->reading->original)
		while (!xlvs_ld_is_empty(digits) && !xlvs_ld_is_digit(*digits.start))
			digits.start++;
	if (xlvs_ld_is_empty(digits) || !xlvs_ld_is_digit(*digits.start)) {
		xlvs_ld_error(reader, value.start, "expected a number of seconds");
		return;
	}
	errno = 0;
	seconds = strtol(digits.start, NULL, 10);
	if (errno || seconds > 31L * 24 * 3600) {
		xlvs_ld_error(reader, digits.start, "expected at most 2678400 seconds (31 days)");
		return;
	}
	if (seconds == 0)
		xlvs_ld_warn(reader, digits.start, "a persistence of 0 s is none");
	block->has_persistent = seconds > 0;
	block->service.spec.timeout_sec = (uint32_t)seconds;
}

XLVS_LD_READER(netmask)
{
	struct xlvs_ld_block *block = reader->block;
	struct xlvs_address mask = {0};
	char text[INET_ADDRSTRLEN] = "";

	(void)slot;
	block->netmask_place = xlvs_ld_place_of(reader, value.start);
	if (block->service.spec.key.family == AF_INET6) {
		if (!all_digits(value) || xlvs_ld_length(value) > 3 ||
		    strtoul(value.start, NULL, 10) < 1 || strtoul(value.start, NULL, 10) > 128) {
			xlvs_ld_error(reader, value.start, "expected a prefix length of 1 to 128");
			return;
		}
		block->netmask = (uint32_t)strtoul(value.start, NULL, 10);
	} else {
		if (xlvs_ld_length(value) < sizeof(text))
			memcpy(text, value.start, xlvs_ld_length(value));
		if (inet_pton(AF_INET, text, mask.bytes) != 1) {
			xlvs_ld_error(reader, value.start, "expected a mask such as 255.255.255.0");
			return;
		}
		memcpy(&block->netmask, mask.bytes, sizeof(block->netmask));
	}
	block->has_netmask = true;
}

XLVS_LD_READER(protocol)
{
	struct xlvs_ld_virtual *service = &reader->block->service;

	(void)slot;
	if (service->by_mark) {
		if (!xlvs_ld_equals(xlvs_ld_trim(value), "fwm"))
			xlvs_ld_error(reader, value.start,
				      "expected fwm, the service being a firewall mark");
	} else if (xlvs_ld_equals(xlvs_ld_trim(value), "tcp")) {
		service->protocol = "tcp";
	} else if (xlvs_ld_equals(xlvs_ld_trim(value), "udp")) {
		service->protocol = "udp";
	} else {
		xlvs_ld_error(reader, value.start, "expected tcp or udp");
	}
}

XLVS_LD_READER(ops)
{
	struct xlvs_ld_block *block = reader->block;

	(void)slot;
	block->ops_place = xlvs_ld_place_of(reader, value.start);
	if (xlvs_ld_equals(value, "yes"))
		block->has_ops = true;
	else if (xlvs_ld_equals(value, "no"))
		block->has_ops = false;
	else
		xlvs_ld_error(reader, value.start, "expected yes or no");
}

/* The block's end. */

static bool resolve_address(struct xlvs_ld_reader *reader, struct xlvs_ld_block *block)
{
	const struct xlvs_ld_resolver *resolver = reader->reading->resolver;
	struct xlvs_ld_virtual *service = &block->service;
	struct xlvs_service_key *key = &service->spec.key;
	const char *host = xlvs_ld_keep(reader, block->host);
	const char *port = xlvs_ld_keep(reader, block->port);
	struct xlvs_ld_place place = service->place;

	key->protocol = strcmp(service->protocol, "udp") == 0 ? IPPROTO_UDP : IPPROTO_TCP;
	if (resolver->address(host, key->family, &key->address) < 0) {
		xlvs_ld_problem_add(reader->problems, true, place,
				    "%s: not an IPv%d address nor the name of one", host,
				    key->family == AF_INET6 ? 6 : 4);
		return false;
	}
	if (resolver->port(port, service->protocol, &service->port) < 0 || !service->port) {
		place.column = (unsigned int)(block->port.start - block->line) + 1;
		xlvs_ld_problem_add(reader->problems, true, place,
				    "%s: expected a port of 1 to 65535 or the name of a %s service",
				    port, service->protocol);
		return false;
	}
	key->port = htons(service->port);
	service->host = xlvs_ld_address_text(reader, key->family, &key->address);
	service->name = xlvs_ld_keep_format(reader, "%s:%u", service->host, service->port);
	service->id = xlvs_ld_keep_format(reader, "%s:%s", service->protocol, service->name);
	return true;
}

static void name_mark(struct xlvs_ld_reader *reader, struct xlvs_ld_virtual *service)
{
	service->name = xlvs_ld_keep_format(reader, "%u", service->spec.key.fwmark);
	service->id = xlvs_ld_keep_format(
		reader, "fwm%s:%s", service->spec.key.family == AF_INET6 ? "6" : "", service->name);
}

static void decide_flags(struct xlvs_ld_reader *reader, struct xlvs_ld_block *block)
{
	struct xlvs_service_spec *spec = &block->service.spec;

	spec->netmask = spec->key.family == AF_INET6 ? 128 : UINT32_MAX;
	if (block->has_persistent) {
		spec->flags |= XLVS_SERVICE_PERSISTENT;
		if (block->has_netmask)
			spec->netmask = block->netmask;
	} else if (block->has_netmask) {
		xlvs_ld_problem_add(reader->problems, false, block->netmask_place,
				    "netmask has no effect without persistent");
	}
	if (block->has_ops && strcmp(block->service.protocol, "udp") == 0)
		spec->flags |= XLVS_SERVICE_ONE_PACKET;
	else if (block->has_ops)
		xlvs_ld_problem_add(reader->problems, false, block->ops_place,
				    "ops has no effect but on udp");
	spec->flags_mask = UINT32_MAX;
}

/* The original gives them only where a service = line stands below. */
static void decide_logins(struct xlvs_ld_reader *reader, struct xlvs_ld_virtual *service)
{
	const char *name = xlvs_ld_service_name(service->service);
	bool is_ftp = strcmp(name, "ftp") == 0;
	const char *own = xlvs_ld_keep_format(reader, "ldirectord@%s", reader->reading->hostname);

	if (!*service->login && is_ftp)
		service->login = "anonymous";
	if (!*service->login && strcmp(name, "sip") == 0)
		service->login = own;
	if (!*service->passwd && is_ftp)
		service->passwd = own;
}

static void add_service(struct xlvs_ld_reader *reader, const struct xlvs_ld_virtual *service)
{
	struct xlvs_ld_config *config = reader->config;
	struct xlvs_ld_virtual *virtuals;

	for (size_t i = 0; i < config->n_virtuals; i++)
		if (strcmp(config->virtuals[i].id, service->id) == 0) {
			xlvs_ld_problem_add(reader->problems, true, service->place,
					    "%s is already there, in line %u", service->id,
					    config->virtuals[i].place.line);
			return;
		}
	virtuals = xlvs_ld_grow(reader, config->virtuals, config->n_virtuals,
				&reader->n_virtuals_room, sizeof(*virtuals));
	if (!virtuals)
		return;
	config->virtuals = virtuals;
	virtuals[config->n_virtuals++] = *service;
}

void xlvs_ld_close_virtual(struct xlvs_ld_reader *reader)
{
	struct xlvs_ld_block *block = reader->block;
	struct xlvs_ld_virtual *service = &block->service;

	reader->block = NULL;
	if (block->is_faulty)
		return;
	if (service->by_mark)
		name_mark(reader, service);
	else if (!resolve_address(reader, block))
		return;
	decide_flags(reader, block);
	if (service->service == XLVS_CHECK_SERVICES_END)
		service->service = service->by_mark ? XLVS_SERVICE_none
						    : xlvs_ld_service_of_port(service->port);
	decide_logins(reader, service);
	xlvs_ld_decide_target(reader, block);
	if (*service->request != '/')
		service->request = xlvs_ld_keep_format(reader, "/%s", service->request);
	if (block->has_fallback)
		service->fallback = xlvs_ld_resolve_fallback(reader, &block->fallback,
							     block->fallback_place, service);
	for (size_t i = 0; i < block->n_reals; i++)
		xlvs_ld_name_real(reader, service, &block->reals[i]);
	service->reals = block->reals;
	service->n_reals = block->n_reals;
	add_service(reader, service);
}
