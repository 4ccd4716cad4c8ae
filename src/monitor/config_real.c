// SPDX-License-Identifier: GPL-2.0-or-later
/* real=, real6=, fallback= and fallback6=. */
#include "monitor/config_reader.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A line of more servers is taken for a slip of the pen. */
#define RANGE_MAX 4096

static const struct {
	const char *name;
	uint32_t method;
} methods[] = {
	{"gate", XLVS_METHOD_DR},
	{"masq", XLVS_METHOD_NAT},
	{"ipip", XLVS_METHOD_TUN},
};

static bool read_method(struct xlvs_ld_reader *reader, struct span word, uint32_t *ret_method)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (xlvs_ld_equals(word, methods[i].name)) {
			*ret_method = methods[i].method;
			return true;
		}
	xlvs_ld_error(reader, word.start, "expected gate, masq or ipip");
	return false;
}

/* A host: a name, an IPv4 address, an IPv6 address in brackets. It ends before "->". */
static bool read_host(struct xlvs_ld_reader *reader, struct span *rest, struct span *ret_host)
{
	struct span whole = *rest;

	if (!xlvs_ld_is_empty(whole) && *whole.start == '[') {
		rest->start++;
		*ret_host = xlvs_ld_take(rest, xlvs_ld_is_address6);
		if (xlvs_ld_is_empty(*rest) || *rest->start != ']') {
			xlvs_ld_error(reader, rest->start, "expected ] behind an IPv6 address");
			return false;
		}
		rest->start++;
		return true;
	}
	*ret_host = xlvs_ld_take(rest, xlvs_ld_is_host);
	if (!xlvs_ld_is_empty(*rest) && *rest->start == '>' && ret_host->end > ret_host->start &&
	    ret_host->end[-1] == '-')
		rest->start = --ret_host->end;
	if (xlvs_ld_is_empty(*ret_host)) {
		xlvs_ld_error(reader, whole.start, "expected a server's address or name");
		return false;
	}
	return true;
}

static bool look_up(struct xlvs_ld_reader *reader, struct span host, int family,
		    struct xlvs_address *ret_address)
{
	const char *name = xlvs_ld_keep(reader, host);

	if (reader->reading->resolver->address(name, family, ret_address) == 0)
		return true;
	xlvs_ld_error(reader, host.start, "%s: not an IPv%d address nor the name of one", name,
		      family == AF_INET6 ? 6 : 4);
	return false;
}

static bool read_port(struct xlvs_ld_reader *reader, struct span *rest, uint16_t *ret_port)
{
	struct span port;
	const char *name;

	*ret_port = 0;
	if (xlvs_ld_is_empty(*rest) || *rest->start != ':')
		return true;
	rest->start++;
	port = xlvs_ld_take(rest, xlvs_ld_is_port);
	name = xlvs_ld_keep(reader, port);
	if (reader->reading->resolver->port(name, NULL, ret_port) == 0)
		return true;
	xlvs_ld_error(reader, port.start, "expected a port of 0 to 65535 or the name of a service");
	return false;
}

static bool read_number(struct xlvs_ld_reader *reader, struct span word, uint32_t max,
			uint32_t *ret_number)
{
	struct span rest = word;
	unsigned long number;

	xlvs_ld_take(&rest, xlvs_ld_is_digit);
	errno = 0;
	number = strtoul(word.start, NULL, 10);
	if (xlvs_ld_is_empty(word) || !xlvs_ld_is_empty(rest) || errno || number > max) {
		xlvs_ld_error(reader, word.start, "expected a whole number of 0 to %u", max);
		return false;
	}
	*ret_number = (uint32_t)number;
	return true;
}

/* l:N or u:N. */
static bool is_threshold(struct span word)
{
	return xlvs_ld_length(word) >= 3 && (*word.start == 'l' || *word.start == 'u') &&
	       word.start[1] == ':' && xlvs_ld_is_digit(word.start[2]);
}

static bool read_threshold(struct xlvs_ld_reader *reader, struct span word,
			   struct xlvs_ld_real *real)
{
	uint32_t *threshold = *word.start == 'u' ? &real->upper_threshold : &real->lower_threshold;

	word.start += 2;
	return read_number(reader, word, INT_MAX, threshold);
}

/* From one double quote to the next that ends a word or a list's member. */
static bool take_quoted(struct xlvs_ld_reader *reader, struct span *rest, struct span *ret_text)
{
	const char *open = rest->start++;

	for (; rest->start < rest->end; rest->start++) {
		const char *next = rest->start + 1;

		if (*rest->start == '"' &&
		    (next == rest->end || xlvs_ld_is_blank(*next) || *next == ',')) {
			*ret_text = (struct span){open + 1, rest->start};
			rest->start = next;
			return true;
		}
	}
	xlvs_ld_error(reader, open, "expected a closing double quote");
	return false;
}

static const char *with_slash(struct xlvs_ld_reader *reader, struct span request)
{
	const char *text = xlvs_ld_keep(reader, request);

	return *text == '/' ? text : xlvs_ld_keep_format(reader, "/%s", text);
}

/* The original's greedy reading: from the first quote to the last, split at the last separator. */
static bool read_pair_original(struct xlvs_ld_reader *reader, struct span *rest,
			       struct xlvs_ld_real *real)
{
	const char *first = memchr(rest->start, '"', xlvs_ld_length(*rest));
	const char *last = first ? memrchr(first, '"', (size_t)(rest->end - first)) : NULL;

	for (const char *c = last; first && c > first; c--) {
		const char *second = c + 2;

		if (*c != '"' || second >= last || (c[1] != ',' && c[1] != ' '))
			continue;
		while (second < last && xlvs_ld_is_blank(*second))
			second++;
		if (second >= last || *second != '"')
			continue;
		real->request = with_slash(reader, (struct span){first + 1, c});
		real->receive = xlvs_ld_keep(reader, (struct span){second + 1, last});
		rest->start = last + 1;
		return true;
	}
	xlvs_ld_error(reader, rest->start, "expected \"request\", \"receive\"");
	return false;
}

static bool read_quoted_word(struct xlvs_ld_reader *reader, struct span *rest,
			     struct xlvs_ld_real *real)
{
	const char *open = rest->start;
	struct span text;

	if (!take_quoted(reader, rest, &text))
		return false;
	if (is_threshold(text))
		return read_threshold(reader, text, real);
	if (!real->request) {
		real->request = with_slash(reader, text);
	} else if (!real->receive) {
		real->receive = xlvs_ld_keep(reader, text);
	} else {
		xlvs_ld_error(reader, open, "expected no more than a request and a receive text");
		return false;
	}
	if (!xlvs_ld_is_empty(*rest) && *rest->start == ',')
		rest->start++;
	return true;
}

static bool read_attributes(struct xlvs_ld_reader *reader, struct span rest,
			    struct xlvs_ld_real *real)
{
	bool has_weight = false;
	uint32_t weight = 1;

	while (!xlvs_ld_is_empty(xlvs_ld_trim(rest))) {
		struct span word;
		bool ok;

		xlvs_ld_take(&rest, xlvs_ld_is_blank);
		if (*rest.start == '"') {
			ok = reader->reading->original && !real->request
				     ? read_pair_original(reader, &rest, real)
				     : read_quoted_word(reader, &rest, real);
			if (!ok)
				return false;
			continue;
		}
		word = xlvs_ld_take_word(&rest);
		if (is_threshold(word)) {
			ok = read_threshold(reader, word, real);
		} else if (!has_weight && xlvs_ld_is_digit(*word.start)) {
			ok = read_number(reader, word, INT_MAX, &weight);
			has_weight = true;
		} else {
			xlvs_ld_error(reader, word.start,
				      "expected a weight, \"request\", \"receive\", l:N or u:N");
			ok = false;
		}
		if (!ok)
			return false;
	}
	if (real->request && !real->receive) {
		xlvs_ld_error(reader, rest.end, "expected a receive text behind the request");
		return false;
	}
	real->weight = (int32_t)weight;
	return true;
}

static void add_real(struct xlvs_ld_reader *reader, const struct xlvs_ld_real *real)
{
	struct xlvs_ld_block *block = reader->block;
	struct xlvs_ld_real *reals = xlvs_ld_grow(reader, block->reals, block->n_reals,
						  &block->n_reals_room, sizeof(*reals));

	if (!reals)
		return;
	block->reals = reals;
	reals[block->n_reals++] = *real;
}

static void add_range(struct xlvs_ld_reader *reader, struct xlvs_ld_real *real,
		      const struct xlvs_address *last, const char *at)
{
	__be32 network;
	uint32_t from, to;

	memcpy(&network, real->key.address.bytes, sizeof(network));
	from = ntohl(network);
	memcpy(&network, last->bytes, sizeof(network));
	to = ntohl(network);
	if (to < from || to - from >= RANGE_MAX) {
		xlvs_ld_error(reader, at, "expected a range of 1 to %d addresses", RANGE_MAX);
		return;
	}
	for (uint32_t address = from;; address++) {
		network = htonl(address);
		memcpy(real->key.address.bytes, &network, sizeof(network));
		add_real(reader, real);
		if (address == to)
			return;
	}
}

/* The original skips what is no address in front of one. */
static void skip_junk(const struct xlvs_ld_reader *reader, struct span *rest)
{
	while (reader->reading->original && !xlvs_ld_is_empty(*rest) && *rest->start != '[' &&
	       !xlvs_ld_is_host(*rest->start))
		rest->start++;
}

void xlvs_ld_read_real(struct xlvs_ld_reader *reader, struct span value)
{
	int family = reader->block->service.spec.key.family;
	struct xlvs_ld_real real = {.key.family = (uint16_t)family,
				    .place = xlvs_ld_place_of(reader, value.start)};
	struct xlvs_address last_address;
	struct span rest = value, first, last, word;
	bool is_range;

	skip_junk(reader, &rest);
	if (!read_host(reader, &rest, &first) || !look_up(reader, first, family, &real.key.address))
		return;
	is_range = xlvs_ld_length(rest) >= 2 && rest.start[0] == '-' && rest.start[1] == '>';
	if (is_range) {
		if (family == AF_INET6) {
			xlvs_ld_error(reader, rest.start, "expected one server: no ranges in IPv6");
			return;
		}
		rest.start += 2;
		if (!read_host(reader, &rest, &last) ||
		    !look_up(reader, last, family, &last_address))
			return;
	}
	if (!read_port(reader, &rest, &real.port))
		return;
	if (!xlvs_ld_is_empty(rest) && !xlvs_ld_is_blank(*rest.start)) {
		xlvs_ld_error(reader, rest.start, "expected a blank and gate, masq or ipip");
		return;
	}
	word = xlvs_ld_take_word(&rest);
	if (!read_method(reader, word, &real.method) || !read_attributes(reader, rest, &real))
		return;
	if (is_range)
		add_range(reader, &real, &last_address, first.start);
	else
		add_real(reader, &real);
}

void xlvs_ld_name_real(struct xlvs_ld_reader *reader, const struct xlvs_ld_virtual *service,
		       struct xlvs_ld_real *real)
{
	/* LVS rewrites ports by NAT alone, and a mark has none of its own to offer. */
	bool own_port = service->by_mark || (real->method == XLVS_METHOD_NAT && real->port);

	real->key.port = htons(own_port ? real->port : service->port);
	real->host = xlvs_ld_address_text(reader, real->key.family, &real->key.address);
	real->name = xlvs_ld_keep_format(reader, "%s:%u", real->host, real->port);
}

bool xlvs_ld_read_fallback(struct xlvs_ld_reader *reader, struct span value, int family,
			   struct xlvs_ld_named_server *ret_server)
{
	struct xlvs_ld_named_server server = {.method = XLVS_METHOD_DR};
	struct xlvs_address address;
	struct span rest = value, word;

	skip_junk(reader, &rest);
	if (!read_host(reader, &rest, &server.host) ||
	    !look_up(reader, server.host, family, &address))
		return false;
	if (!xlvs_ld_is_empty(rest) && *rest.start == ':') {
		rest.start++;
		server.port = xlvs_ld_take(&rest, xlvs_ld_is_port);
		if (xlvs_ld_is_empty(server.port)) {
			xlvs_ld_error(reader, rest.start, "expected a port");
			return false;
		}
	}
	word = xlvs_ld_take_word(&rest);
	if (!xlvs_ld_is_empty(word) && !read_method(reader, word, &server.method))
		return false;
	rest = xlvs_ld_trim(rest);
	if (!xlvs_ld_is_empty(rest)) {
		xlvs_ld_error(reader, rest.start, "expected nothing behind the forwarding method");
		return false;
	}
	*ret_server = server;
	return true;
}

struct xlvs_ld_real *xlvs_ld_resolve_fallback(struct xlvs_ld_reader *reader,
					      const struct xlvs_ld_named_server *server,
					      struct xlvs_ld_place place,
					      const struct xlvs_ld_virtual *service)
{
	const struct xlvs_ld_resolver *resolver = reader->reading->resolver;
	struct xlvs_ld_real *real = xlvs_arena_alloc(&reader->config->arena, sizeof(*real));
	const char *protocol = service->by_mark ? NULL : service->protocol;
	const char *host = xlvs_ld_keep(reader, server->host);
	const char *port = xlvs_ld_keep(reader, server->port);

	if (!real) {
		reader->out_of_memory = true;
		return NULL;
	}
	real->key.family = service->spec.key.family;
	real->method = server->method;
	real->weight = 1;
	real->port = service->port;
	real->place = place;
	if (resolver->address(host, real->key.family, &real->key.address) < 0) {
		xlvs_ld_problem_add(reader->problems, true, place, "%s: no such host", host);
		return NULL;
	}
	if (*port && resolver->port(port, protocol, &real->port) < 0) {
		xlvs_ld_problem_add(reader->problems, true, place,
				    "%s: expected a port or the name of a %s service", port,
				    service->protocol);
		return NULL;
	}
	xlvs_ld_name_real(reader, service, real);
	return real;
}
