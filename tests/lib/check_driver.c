// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs health checks for the tests: each line of standard input describes one check as words
 * KEY=VALUE separated by tabs. All run at the same time; each result is a line
 * "NUMBER<tab>up|down|unknown<tab>LATENCY_US<tab>TEXT", NUMBER counting the input's lines from 0.
 * With `runs=N` a check is started N times, the next run from inside the result of the last; with
 * `cancel=MS` it is cancelled after so long. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/check/check.h"

enum {
	DESCRIPTION_BYTES = 16384
};

struct run {
	unsigned int number, runs, cancel_ms;
	struct xlvs_check *check;
	uv_timer_t cancel;
};

static void fail(const char *what, const char *value)
{
	fprintf(stderr, "check_driver: %s: %s\n", what, value);
	exit(2);
}

static void closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void forget(struct run *run)
{
	xlvs_check_free(run->check);
	uv_close((uv_handle_t *)&run->cancel, closed);
}

static void done(void *context, const struct xlvs_check_result *result)
{
	static const char *const words[] = {"down", "up", "unknown"};
	struct run *run = context;

	printf("%u\t%s\t%llu\t%s\n", run->number, words[result->outcome],
	       (unsigned long long)result->latency_us, result->text);
	if (!--run->runs)
		forget(run);
	else if (xlvs_check_start(run->check))
		fail("start", "refused");
}

static void cancel(uv_timer_t *timer)
{
	struct run *run = timer->data;

	xlvs_check_cancel(run->check);
	printf("%u\tcancelled\t0\t\n", run->number);
	forget(run);
}

/* "192.0.2.1:80", "[2001:db8::1]:80" */
static void address(const char *text, union xlvs_check_address *ret)
{
	char host[64];
	const char *colon = strrchr(text, ':');

	if (!colon || (size_t)(colon - text) >= sizeof(host))
		fail("address", text);
	memset(ret, 0, sizeof(*ret));
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	if (*host == '[') {
		host[strcspn(host, "]")] = '\0';
		if (uv_ip6_addr(host + 1, atoi(colon + 1), &ret->v6))
			fail("address", text);
	} else if (uv_ip4_addr(host, atoi(colon + 1), &ret->v4)) {
		fail("address", text);
	}
}

static enum xlvs_check_kind kind_named(const char *name)
{
	static const char *const words[] = {[XLVS_CHECK_NEGOTIATE] = "NEGOTIATE",
					    [XLVS_CHECK_COMBINED] = "COMBINED",
#define WORD(kind, checker) [XLVS_CHECK_##kind] = #kind,
					    XLVS_CHECK_KINDS(WORD)};
	unsigned int kind;

	for (kind = 0; kind < XLVS_CHECK_KINDS_END; kind++)
		if (!strcasecmp(words[kind], name))
			return kind;
	fail("kind", name);
	return 0;
}

static bool set_text(struct xlvs_check_spec *spec, const char *key, const char *value)
{
	const struct {
		const char *key;
		const char **field;
	} texts[] = {
		{"virtualhost", &spec->virtualhost}, {"request", &spec->request},
		{"receive", &spec->receive},	     {"login", &spec->login},
		{"password", &spec->password},	     {"database", &spec->database},
		{"secret", &spec->secret},	     {"command", &spec->command},
		{"ca_file", &spec->ca_file},
	};
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if (strcmp(texts[i].key, key))
			continue;
		*texts[i].field = value;
		return true;
	}
	return false;
}

static bool set_number(struct xlvs_check_spec *spec, struct run *run, const char *key,
		       unsigned int value)
{
	if (!strcmp(key, "connects"))
		spec->connects = value;
	else if (!strcmp(key, "fwmark"))
		spec->fwmark = value;
	else if (!strcmp(key, "mark"))
		spec->mark = value;
	else if (!strcmp(key, "real_port"))
		spec->real_port = (uint16_t)value;
	else if (!strcmp(key, "timeout_ms"))
		spec->check_timeout_ms = spec->negotiate_timeout_ms = value;
	else if (!strcmp(key, "attempts"))
		spec->ping_attempts = value;
	else if (!strcmp(key, "head"))
		spec->head = value;
	else if (!strcmp(key, "verify"))
		spec->verify = value;
	else if (!strcmp(key, "runs"))
		run->runs = value;
	else if (!strcmp(key, "cancel"))
		run->cancel_ms = value;
	else
		return false;
	return true;
}

static void set(struct xlvs_check_spec *spec, struct run *run, char *word)
{
	char *value = strchr(word, '=');

	if (!value)
		fail("word", word);
	*value++ = '\0';
	if (!strcmp(word, "real"))
		address(value, &spec->real);
	else if (!strcmp(word, "virtual"))
		address(value, &spec->virtual_address);
	else if (!strcmp(word, "kind"))
		spec->kind = kind_named(value);
	else if (!strcmp(word, "service"))
		spec->service = xlvs_check_service_named(value);
	else if (!strcmp(word, "protocol"))
		spec->protocol = strcmp(value, "udp") ? IPPROTO_TCP : IPPROTO_UDP;
	else if (!set_text(spec, word, value) &&
		 !set_number(spec, run, word, (unsigned int)strtoul(value, NULL, 0)))
		fail("unknown word", word);
}

static void begin(struct xlvs_check_engine *engine, uv_loop_t *loop, char *line,
		  unsigned int number)
{
	struct run *run = calloc(1, sizeof(*run));
	struct xlvs_check_spec spec = {
		.protocol = IPPROTO_TCP,
		.check_timeout_ms = 15000,
		.negotiate_timeout_ms = 15000,
		.done = done,
		.context = run,
	};
	struct xlvs_error error = {0};
	char *word;

	if (!run)
		fail("memory", "none left");
	run->number = number;
	run->runs = 1;
	line[strcspn(line, "\n")] = '\0';
	while ((word = strsep(&line, "\t")))
		set(&spec, run, word);
	if (xlvs_check_new(engine, &spec, &error, &run->check)) {
		printf("%u\trefused\t0\t%s\n", number, error.text);
		free(run);
		return;
	}
	uv_timer_init(loop, &run->cancel);
	run->cancel.data = run;
	if (xlvs_check_start(run->check))
		fail("start", "refused");
	if (run->cancel_ms)
		uv_timer_start(&run->cancel, cancel, run->cancel_ms, 0);
}

int main(void)
{
	struct xlvs_check_engine *engine;
	char line[DESCRIPTION_BYTES];
	unsigned int number;
	uv_loop_t loop;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (uv_loop_init(&loop) || xlvs_check_engine_new(&loop, &engine))
		fail("engine", "not made");
	for (number = 0; fgets(line, sizeof(line), stdin); number++)
		begin(engine, &loop, line, number);
	uv_run(&loop, UV_RUN_DEFAULT);
	xlvs_check_engine_free(engine);
	uv_run(&loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&loop))
		fail("loop", "something is still open");
	return 0;
}
