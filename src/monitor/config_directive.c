// SPDX-License-Identifier: GPL-2.0-or-later
/* The directives: where each may stand, what values it takes and where they go. */
#include "monitor/config_reader.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum scope {
	GLOBAL = 1,
	VIRTUAL = 2,
	BOTH = 3,
};

struct directive {
	const char *name;
	enum scope scope;
	/* `slot` is where the value goes: in the scope's settings where it is a setting of both,
	 * else in the configuration or the virtual service. */
	void (*read)(struct xlvs_ld_reader *reader, struct span value, void *slot);
	size_t offset;
};

static void take_number(struct xlvs_ld_reader *reader, struct span value, int least, int *slot)
{
	struct span rest = value, digits;
	long number;

	/* The original takes the first digits it finds, wherever they are, if they must not be 0.
	 */
	if (reader->reading->original && least > 0)
		while (rest.start < rest.end && !xlvs_ld_is_digit(*rest.start))
			rest.start++;
	digits = xlvs_ld_take(&rest, xlvs_ld_is_digit);
	if (xlvs_ld_is_empty(digits)) {
		xlvs_ld_error(reader, value.start, "expected a whole number of at least %d", least);
		return;
	}
	errno = 0;
	number = strtol(digits.start, NULL, 10);
	if (errno || number > INT_MAX || number < least) {
		xlvs_ld_error(reader, digits.start, "expected a whole number of %d to %d", least,
			      INT_MAX);
		return;
	}
	if (!reader->reading->original && !xlvs_ld_is_empty(rest))
		xlvs_ld_warn(reader, rest.start, "ignored behind the number: %.*s",
			     (int)xlvs_ld_length(rest), rest.start);
	*slot = (int)number;
}

static void read_count(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	take_number(reader, value, 1, slot);
}

static void read_count_or_zero(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	take_number(reader, value, 0, slot);
}

static void read_checkcount(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	take_number(reader, value, 1, slot);
	xlvs_ld_warn(reader, value.start,
		     "checkcount counts the attempts of a ping only; see failurecount");
}

static void read_yes_no(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	if (xlvs_ld_equals(value, "yes"))
		*(int *)slot = 1;
	else if (xlvs_ld_equals(value, "no"))
		*(int *)slot = 0;
	else
		xlvs_ld_error(reader, value.start, "expected yes or no");
}

/* Between the first double quote, where the value begins, and the last. */
static void read_quoted(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	const char *last = value.end;

	if (xlvs_ld_is_empty(value) || *value.start != '"') {
		xlvs_ld_error(reader, value.start, "expected a text in double quotes");
		return;
	}
	while (last > value.start + 1 && last[-1] != '"')
		last--;
	if (last == value.start + 1) {
		xlvs_ld_error(reader, value.end, "expected a closing double quote");
		return;
	}
	if (last == value.start + 2) {
		xlvs_ld_error(reader, value.start, "expected a text between the quotes");
		return;
	}
	if (!xlvs_ld_is_empty(xlvs_ld_trim((struct span){last, value.end})))
		xlvs_ld_warn(reader, last, "ignored behind the quoted text: %.*s",
			     (int)(value.end - last), last);
	*(const char **)slot = xlvs_ld_keep(reader, (struct span){value.start + 1, last - 1});
}

/* In double quotes or not. Quotes inside are the text's own. */
static void read_text(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	size_t length = xlvs_ld_length(value);

	if (length >= 2 && value.start[0] == '"' &&
	    memchr(value.start + 1, '"', length - 1) == value.end - 1)
		value = (struct span){value.start + 1, value.end - 1};
	if (xlvs_ld_is_empty(value)) {
		xlvs_ld_error(reader, value.start, "expected a text");
		return;
	}
	*(const char **)slot = xlvs_ld_keep(reader, value);
}

/* Any text to the line's end, even none. */
static void read_rest(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	*(const char **)slot = xlvs_ld_keep(reader, value);
}

/* Texts whose meaning others judge later, and have to name the place then. */

static void read_receive(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	read_quoted(reader, value, slot);
	reader->block->service.receive_place = xlvs_ld_place_of(reader, value.start);
}

static void read_checkcommand(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	read_text(reader, value, slot);
	reader->block->service.checkcommand_place = xlvs_ld_place_of(reader, value.start);
}

static void read_monitorfile(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	read_text(reader, value, slot);
	reader->block->service.monitorfile_place = xlvs_ld_place_of(reader, value.start);
}

static void read_maintenancedir(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	read_text(reader, value, slot);
	reader->config->maintenancedir_place = xlvs_ld_place_of(reader, value.start);
}

static void read_logfile(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	read_quoted(reader, value, slot);
	reader->config->logfile_place = xlvs_ld_place_of(reader, value.start);
}

static void read_host(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	struct span rest = value;
	struct span host = xlvs_ld_take(&rest, xlvs_ld_is_host);

	if (xlvs_ld_is_empty(host)) {
		xlvs_ld_error(reader, value.start, "expected the name or address of a mail server");
		return;
	}
	if (!reader->reading->original && !xlvs_ld_is_empty(rest))
		xlvs_ld_warn(reader, rest.start, "ignored behind the name: %.*s",
			     (int)xlvs_ld_length(rest), rest.start);
	*(const char **)slot = xlvs_ld_keep(reader, host);
}

static void read_execute(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	struct xlvs_ld_config *config = slot;
	const char **executes;

	if (xlvs_ld_is_empty(value)) {
		xlvs_ld_error(reader, value.start, "expected the name of another configuration");
		return;
	}
	executes = xlvs_ld_grow(reader, config->executes, config->n_executes,
				&reader->n_executes_room, sizeof(*executes));
	if (!executes)
		return;
	config->executes = executes;
	executes[config->n_executes++] = xlvs_ld_keep(reader, value);
}

static bool is_status_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

static int condition_of(struct span word)
{
	static const struct {
		const char *name;
		int bits;
	} conditions[] = {
		{"all", XLVS_LD_ALWAYS},	{"none", 0},
		{"starting", XLVS_LD_STARTING}, {"running", XLVS_LD_RUNNING},
		{"stopping", XLVS_LD_STOPPING}, {"reloading", XLVS_LD_RELOADING},
	};

	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++)
		if (xlvs_ld_equals(word, conditions[i].name))
			return conditions[i].bits;
	return -1;
}

static void read_emailalertstatus(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	struct span rest = value;
	bool none = false;
	int all_bits = 0;

	for (;;) {
		struct span word;
		int bits;

		xlvs_ld_take(&rest, xlvs_ld_is_blank);
		word = xlvs_ld_take(&rest, is_status_letter);
		bits = condition_of(word);
		if (bits < 0) {
			xlvs_ld_error(reader, word.start,
				      "expected all, none, starting, running, stopping or "
				      "reloading");
			return;
		}
		none = none || bits == 0;
		all_bits |= bits;
		xlvs_ld_take(&rest, xlvs_ld_is_blank);
		if (xlvs_ld_is_empty(rest))
			break;
		if (*rest.start++ != ',') {
			xlvs_ld_error(reader, rest.start - 1, "expected a comma");
			return;
		}
	}
	if (none && all_bits)
		xlvs_ld_error(reader, value.start, "none stands alone");
	else
		*(int *)slot = all_bits;
}

static void read_replaced(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	(void)slot;
	xlvs_ld_error(reader, value.start,
		      "no longer a directive: expected checktimeout or negotiatetimeout");
}

static void read_general_fallback(struct xlvs_ld_reader *reader, struct span value, int at)
{
	if (xlvs_ld_read_fallback(reader, value, at ? AF_INET6 : AF_INET, &reader->fallbacks[at]))
		reader->has_fallbacks[at] = true;
	reader->fallback_places[at] = xlvs_ld_place_of(reader, value.start);
}

static void read_own_fallback(struct xlvs_ld_reader *reader, struct span value, int family)
{
	struct xlvs_ld_block *block = reader->block;

	if (block->service.spec.key.family != family) {
		xlvs_ld_error(reader, value.start,
			      "expected %s = in a virtual service of this address family",
			      family == AF_INET ? "fallback6" : "fallback");
		return;
	}
	block->has_fallback = xlvs_ld_read_fallback(reader, value, family, &block->fallback);
	block->fallback_place = xlvs_ld_place_of(reader, value.start);
}

static void read_fallback4(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	(void)slot;
	if (reader->block)
		read_own_fallback(reader, value, AF_INET);
	else
		read_general_fallback(reader, value, 0);
}

static void read_fallback6(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	(void)slot;
	if (reader->block)
		read_own_fallback(reader, value, AF_INET6);
	else
		read_general_fallback(reader, value, 1);
}

static void read_virtual4(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	(void)slot;
	xlvs_ld_open_virtual(reader, value, AF_INET);
}

static void read_virtual6(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	(void)slot;
	xlvs_ld_open_virtual(reader, value, AF_INET6);
}

static void read_reals(struct xlvs_ld_reader *reader, struct span value, int family)
{
	if (reader->block->service.spec.key.family == family)
		xlvs_ld_read_real(reader, value);
	else
		xlvs_ld_error(reader, value.start,
			      "expected %s = in a virtual service of this address family",
			      family == AF_INET ? "real6" : "real");
}

static void read_real4(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	(void)slot;
	read_reals(reader, value, AF_INET);
}

static void read_real6(struct xlvs_ld_reader *reader, struct span value, void *slot)
{
	(void)slot;
	read_reals(reader, value, AF_INET6);
}

#define SETTING(field) offsetof(struct xlvs_ld_settings, field)
#define CONFIG(field)  offsetof(struct xlvs_ld_config, field)
#define SERVICE(field) offsetof(struct xlvs_ld_virtual, field)

static const struct directive directives[] = {
	{"virtual", GLOBAL, read_virtual4, 0},
	{"virtual6", GLOBAL, read_virtual6, 0},
	{"real", VIRTUAL, read_real4, 0},
	{"real6", VIRTUAL, read_real6, 0},
	{"fallback", BOTH, read_fallback4, 0},
	{"fallback6", BOTH, read_fallback6, 0},
	{"checktimeout", BOTH, read_count, SETTING(checktimeout_sec)},
	{"negotiatetimeout", BOTH, read_count, SETTING(negotiatetimeout_sec)},
	{"checkinterval", BOTH, read_count, SETTING(checkinterval_sec)},
	{"checkcount", BOTH, read_checkcount, SETTING(checkcount)},
	{"failurecount", BOTH, read_count, SETTING(failurecount)},
	{"risecount", BOTH, read_count, SETTING(risecount)},
	{"slowstart", BOTH, read_count_or_zero, SETTING(slowstart_sec)},
	{"quiescent", BOTH, read_yes_no, SETTING(quiescent)},
	{"cleanstop", BOTH, read_yes_no, SETTING(cleanstop)},
	{"fallbackcommand", BOTH, read_text, SETTING(fallbackcommand)},
	{"emailalert", BOTH, read_text, SETTING(emailalert)},
	{"emailalertfreq", BOTH, read_count_or_zero, SETTING(emailalertfreq_sec)},
	{"emailalertstatus", BOTH, read_emailalertstatus, SETTING(emailalertstatus)},
	{"smtp", BOTH, read_host, SETTING(smtp)},
	{"emailalertfrom", GLOBAL, read_text, CONFIG(emailalertfrom)},
	{"autoreload", GLOBAL, read_yes_no, CONFIG(autoreload)},
	{"callback", GLOBAL, read_quoted, CONFIG(callback)},
	{"logfile", GLOBAL, read_logfile, CONFIG(logfile)},
	{"execute", GLOBAL, read_execute, 0},
	{"fork", GLOBAL, read_yes_no, CONFIG(fork)},
	{"supervised", GLOBAL, read_yes_no, CONFIG(supervised)},
	{"readdquiescent", GLOBAL, read_yes_no, CONFIG(readdquiescent)},
	{"maintenancedir", GLOBAL, read_maintenancedir, CONFIG(maintenancedir)},
	{"timeout", GLOBAL, read_replaced, 0},
	{"connecttimeout", BOTH, read_replaced, 0},
	{"checktype", VIRTUAL, xlvs_ld_read_checktype, 0},
	{"service", VIRTUAL, xlvs_ld_read_service, 0},
	{"checkcommand", VIRTUAL, read_checkcommand, SERVICE(checkcommand)},
	{"checkport", VIRTUAL, xlvs_ld_read_checkport, 0},
	{"checktarget", VIRTUAL, xlvs_ld_read_checktarget, 0},
	{"tlsverify", VIRTUAL, xlvs_ld_read_tlsverify, 0},
	{"tlscafile", VIRTUAL, read_text, SERVICE(tlscafile)},
	{"request", VIRTUAL, read_quoted, SERVICE(request)},
	{"receive", VIRTUAL, read_receive, SERVICE(receive)},
	{"httpmethod", VIRTUAL, xlvs_ld_read_httpmethod, 0},
	{"virtualhost", VIRTUAL, xlvs_ld_read_virtualhost, SERVICE(virtualhost)},
	{"login", VIRTUAL, read_quoted, SERVICE(login)},
	{"passwd", VIRTUAL, read_quoted, SERVICE(passwd)},
	{"database", VIRTUAL, read_quoted, SERVICE(database)},
	{"secret", VIRTUAL, read_quoted, SERVICE(secret)},
	{"load", VIRTUAL, xlvs_ld_read_load, 0},
	{"scheduler", VIRTUAL, xlvs_ld_read_scheduler, 0},
	{"schedflags", VIRTUAL, xlvs_ld_read_schedflags, 0},
	{"persistent", VIRTUAL, xlvs_ld_read_persistent, 0},
	{"netmask", VIRTUAL, xlvs_ld_read_netmask, 0},
	{"protocol", VIRTUAL, xlvs_ld_read_protocol, 0},
	{"ops", VIRTUAL, xlvs_ld_read_ops, 0},
	{"monitorfile", VIRTUAL, read_monitorfile, SERVICE(monitorfile)},
	{"servicename", VIRTUAL, read_rest, SERVICE(servicename)},
	{"comment", VIRTUAL, read_rest, SERVICE(comment)},
};

static const struct directive *find_directive(struct span name)
{
	for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++)
		if (xlvs_ld_equals(name, directives[i].name))
			return &directives[i];
	return NULL;
}

void xlvs_ld_read_directive(struct xlvs_ld_reader *reader, struct span name, struct span value)
{
	const struct directive *directive = find_directive(name);
	enum scope scope = reader->block ? VIRTUAL : GLOBAL;
	char *slot;

	if (!directive) {
		xlvs_ld_error(reader, name.start, "no such directive: %.*s",
			      (int)xlvs_ld_length(name), name.start);
		return;
	}
	if (!(directive->scope & scope)) {
		xlvs_ld_error(reader, name.start,
			      scope == VIRTUAL
				      ? "%s is for all virtual services: expected no indentation"
				      : "%s belongs to a virtual service: expected it indented "
					"below a virtual = line",
			      directive->name);
		return;
	}
	if (directive->scope == BOTH)
		slot = (char *)(reader->block ? &reader->block->service.settings
					      : &reader->config->settings);
	else
		slot = reader->block ? (char *)&reader->block->service : (char *)reader->config;
	directive->read(reader, value, slot + directive->offset);
}
