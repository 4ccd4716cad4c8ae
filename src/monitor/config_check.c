// SPDX-License-Identifier: GPL-2.0-or-later
/* Directives of a virtual service that say how its real servers are checked. */
#include "monitor/config_reader.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SERVICE_NAME(name, checker, port) " " #name
#define SERVICE_NAMES			  XLVS_CHECK_SERVICES(SERVICE_NAME)

/* Letters, digits, _ and -: what the original takes of a value. */
static struct span take_name(struct span *rest)
{
	xlvs_ld_take(rest, xlvs_ld_is_blank);
	return xlvs_ld_take(rest, xlvs_ld_is_port);
}

static void warn_rest(struct xlvs_ld_reader *reader, struct span rest)
{
	if (!xlvs_ld_is_empty(xlvs_ld_trim(rest)))
		xlvs_ld_warn(reader, rest.start, "ignored behind the value: %.*s",
			     (int)xlvs_ld_length(rest), rest.start);
}

/* A number anywhere in the value means a combined check. */
static bool find_number(struct span value, unsigned int *ret_number)
{
	for (const char *c = value.start; c < value.end; c++) {
		if (xlvs_ld_is_digit(*c)) {
			*ret_number = (unsigned int)strtoul(c, NULL, 10);
			return true;
		}
	}
	return false;
}

XLVS_LD_READER(checktype)
{
	struct xlvs_ld_virtual *service = &reader->block->service;
	struct span rest = value;
	struct span word = take_name(&rest);
	unsigned int connects;

	(void)slot;
	if (find_number(value, &connects)) {
		service->checktype = XLVS_LD_COMBINED;
		service->connects = connects;
		return;
	}
	for (enum xlvs_ld_checktype type = XLVS_LD_NEGOTIATE; type <= XLVS_LD_OFF; type++) {
		if (type == XLVS_LD_COMBINED || !xlvs_ld_equals(word, xlvs_ld_checktype_name(type)))
			continue;
		service->checktype = type;
		warn_rest(reader, rest);
		return;
	}
	xlvs_ld_error(reader, value.start,
		      "expected negotiate, connect, ping, external, external-perl, on, off or a "
		      "number");
}

XLVS_LD_READER(service)
{
	struct xlvs_ld_virtual *service = &reader->block->service;
	struct span rest = value;
	struct span word = take_name(&rest);
	enum xlvs_check_service named = xlvs_ld_service_named(xlvs_ld_keep(reader, word));

	(void)slot;
	if (named == XLVS_CHECK_SERVICES_END) {
		xlvs_ld_error(reader, value.start, "expected one of" SERVICE_NAMES);
		return;
	}
	warn_rest(reader, rest);
	service->service = named;
}

XLVS_LD_READER(checkport)
{
	unsigned int port;

	(void)slot;
	if (!find_number(value, &port) || port < 1 || port > 65535 ||
	    (!reader->reading->original && !xlvs_ld_is_digit(*value.start))) {
		xlvs_ld_error(reader, value.start, "expected a port of 1 to 65535");
		return;
	}
	reader->block->service.checkport = (uint16_t)port;
}

XLVS_LD_READER(checktarget)
{
	struct xlvs_ld_block *block = reader->block;

	(void)slot;
	block->target_place = xlvs_ld_place_of(reader, value.start);
	if (xlvs_ld_equals(value, "virtual"))
		block->service.checks_vip = true;
	else if (xlvs_ld_equals(value, "real"))
		block->service.checks_vip = false;
	else
		xlvs_ld_error(reader, value.start, "expected real or virtual");
}

/* What asks no real server at all does no harm. */
void xlvs_ld_decide_target(struct xlvs_ld_reader *reader, const struct xlvs_ld_block *block)
{
	const struct xlvs_ld_virtual *service = &block->service;
	const char *wrong = NULL;

	if (!service->checks_vip)
		return;
	if (service->by_mark)
		wrong = "a firewall mark: it has no address";
	else if (service->checktype == XLVS_LD_PING || (service->checktype != XLVS_LD_NEGOTIATE &&
							service->spec.key.protocol == IPPROTO_UDP &&
							(service->checktype == XLVS_LD_CONNECT ||
							 service->checktype == XLVS_LD_COMBINED)))
		wrong = "a ping: the director itself answers those of its virtual addresses";
	else if (service->checktype == XLVS_LD_EXTERNAL ||
		 service->checktype == XLVS_LD_EXTERNAL_PERL ||
		 service->service == XLVS_SERVICE_oracle)
		wrong = "a command";
	if (wrong)
		xlvs_ld_problem_add(reader->problems, true, block->target_place,
				    "checktarget = virtual is not possible with %s", wrong);
}

XLVS_LD_READER(tlsverify)
{
	enum xlvs_ld_tlsverify *verify = &reader->block->service.tlsverify;

	(void)slot;
	if (xlvs_ld_equals(value, "chain"))
		*verify = XLVS_LD_TLS_CHAIN;
	else if (xlvs_ld_equals(value, "host"))
		*verify = XLVS_LD_TLS_HOST;
	else if (xlvs_ld_equals(value, "none"))
		*verify = XLVS_LD_TLS_NONE;
	else
		xlvs_ld_error(reader, value.start, "expected chain, host or none");
}

XLVS_LD_READER(httpmethod)
{
	struct span rest = value;
	struct span word = take_name(&rest);
	bool is_head = xlvs_ld_length(word) == 4 && strncasecmp(word.start, "HEAD", 4) == 0;

	(void)slot;
	if (!is_head && !(xlvs_ld_length(word) == 3 && strncasecmp(word.start, "GET", 3) == 0)) {
		xlvs_ld_error(reader, value.start, "expected GET or HEAD");
		return;
	}
	warn_rest(reader, rest);
	reader->block->service.http_head = is_head;
}

static bool is_no_quote(char c)
{
	return c != '"';
}

XLVS_LD_READER(virtualhost)
{
	struct span rest = value;
	struct span host;

	if (!xlvs_ld_is_empty(rest) && *rest.start == '"')
		rest.start++;
	host = xlvs_ld_trim(xlvs_ld_take(&rest, is_no_quote));
	if (xlvs_ld_is_empty(host))
		xlvs_ld_error(reader, value.start, "expected the name of a host");
	else
		*(const char **)slot = xlvs_ld_keep(reader, host);
}

XLVS_LD_READER(load)
{
	(void)slot;
	xlvs_ld_warn(reader, value.start, "load has no effect, as in ldirectord");
}
