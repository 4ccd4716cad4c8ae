// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/check/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor/check/curl.h"
#include "monitor/check/pattern.h"
#include "monitor/check/ping.h"

#define DECLARE_KIND(kind, checker) extern const struct xlvs_checker xlvs_checker_##checker;
#define DECLARE_SERVICE(name, checker, port) \
	extern const struct xlvs_checker xlvs_checker_##checker;
XLVS_CHECK_KINDS(DECLARE_KIND)
XLVS_CHECK_SERVICES(DECLARE_SERVICE)

static const struct xlvs_checker *const kinds[XLVS_CHECK_KINDS_END] = {
#define KIND(kind, checker) [XLVS_CHECK_##kind] = &xlvs_checker_##checker,
	XLVS_CHECK_KINDS(KIND)};

static const struct {
	const char *name;
	const struct xlvs_checker *checker;
	uint16_t port;
} services[XLVS_CHECK_SERVICES_END] = {
#define SERVICE(name, checker, port) [XLVS_SERVICE_##name] = {#name, &xlvs_checker_##checker, port},
	XLVS_CHECK_SERVICES(SERVICE)};

enum xlvs_check_service xlvs_check_service_named(const char *name)
{
	unsigned int service;

	for (service = 0; service < XLVS_CHECK_SERVICES_END; service++)
		if (!strcmp(services[service].name, name))
			break;
	return service;
}

enum xlvs_check_service xlvs_check_service_at(uint16_t port)
{
	unsigned int service;

	for (service = 0; service < XLVS_CHECK_SERVICES_END; service++)
		if (services[service].port && services[service].port == port)
			break;
	return service;
}

const char *xlvs_check_service_name(enum xlvs_check_service service)
{
	return services[service].name;
}

uint16_t xlvs_check_service_port(enum xlvs_check_service service)
{
	return services[service].port;
}

int xlvs_check_engine_new(uv_loop_t *loop, struct xlvs_check_engine **ret_engine)
{
	struct xlvs_check_engine *engine = calloc(1, sizeof(*engine));

	if (!engine)
		return -ENOMEM;
	engine->loop = loop;
	engine->handles = 1; /* its owner */
	*ret_engine = engine;
	return 0;
}

void xlvs_engine_hold(struct xlvs_check_engine *engine)
{
	engine->handles++;
}

void xlvs_engine_release(struct xlvs_check_engine *engine)
{
	if (!--engine->handles)
		free(engine);
}

void xlvs_check_engine_free(struct xlvs_check_engine *engine)
{
	unsigned int i;

	if (!engine)
		return;
	xlvs_curl_free(engine->curl);
	for (i = 0; i < 2; i++)
		xlvs_ping_free(engine->ping[i]);
	xlvs_engine_release(engine);
}

/* Every string of the description, for copying. */
#define STRINGS(X)     \
	X(ca_file)     \
	X(virtualhost) \
	X(request)     \
	X(receive)     \
	X(login)       \
	X(password)    \
	X(database)    \
	X(secret)      \
	X(command)

static int copy_spec(struct xlvs_check *check, const struct xlvs_check_spec *spec)
{
	size_t bytes = 0;
	char *end;

#define COUNT(field) bytes += (spec->field ? strlen(spec->field) : 0) + 1;
	STRINGS(COUNT)
	check->words = end = malloc(bytes);
	if (!end)
		return -ENOMEM;
	check->spec = *spec;
#define COPY(field)              \
	check->spec.field = end; \
	end = stpcpy(end, spec->field ? spec->field : "") + 1;
	STRINGS(COPY)
	if (!*check->spec.ca_file)
		check->spec.ca_file = NULL;
	return 0;
}

/* UDP has no connect: ping instead. */
static const struct xlvs_checker *connector(const struct xlvs_check_spec *spec)
{
	return kinds[spec->protocol == IPPROTO_UDP ? XLVS_CHECK_PING : XLVS_CHECK_CONNECT];
}

static bool negotiates(const struct xlvs_check_spec *spec)
{
	return spec->kind == XLVS_CHECK_NEGOTIATE || spec->kind == XLVS_CHECK_COMBINED;
}

static const struct xlvs_checker *checker_of(const struct xlvs_check_spec *spec)
{
	if (negotiates(spec))
		return services[spec->service].checker;
	return spec->kind == XLVS_CHECK_CONNECT ? connector(spec) : kinds[spec->kind];
}

static int validate(const struct xlvs_check_spec *spec, struct xlvs_error *reterr)
{
	const struct xlvs_checker *checker;

	if (spec->kind >= XLVS_CHECK_KINDS_END || spec->service >= XLVS_CHECK_SERVICES_END)
		return xlvs_refuse(reterr, -EINVAL, "no such check");
	if (strlen(spec->virtualhost) > 255)
		return xlvs_refuse(reterr, -EINVAL, "virtualhost \"%.40s...\" is too long",
				   spec->virtualhost);
	checker = checker_of(spec);
	return checker->validate ? checker->validate(spec, reterr) : 0;
}

int xlvs_check_new(struct xlvs_check_engine *engine, const struct xlvs_check_spec *spec,
		   struct xlvs_error *reterr, struct xlvs_check **ret_check)
{
	struct xlvs_check *check = calloc(1, sizeof(*check));
	int err;

	if (!check)
		return -ENOMEM;
	check->engine = engine;
	err = copy_spec(check, spec);
	if (!err)
		err = validate(&check->spec, reterr);
	if (!err && negotiates(spec) && *check->spec.receive)
		err = xlvs_pattern_new(check->spec.receive, reterr, &check->pattern);
	if (err) {
		xlvs_check_free(check);
		return err;
	}
	*ret_check = check;
	return 0;
}

void xlvs_check_free(struct xlvs_check *check)
{
	if (!check)
		return;
	xlvs_check_cancel(check);
	xlvs_pattern_free(check->pattern);
	free(check->words);
	free(check);
}

bool xlvs_check_running(const struct xlvs_check *check)
{
	return check->attempt;
}

void xlvs_attempt_hold(struct xlvs_attempt *attempt)
{
	attempt->handles++;
}

void xlvs_attempt_release(struct xlvs_attempt *attempt)
{
	if (--attempt->handles)
		return;
	xlvs_engine_release(attempt->engine);
	free(attempt);
}

void xlvs_attempt_own(struct xlvs_attempt *attempt, void *handle)
{
	uv_handle_t *owned = handle;

	owned->data = attempt;
	xlvs_attempt_hold(attempt);
}

static void closed(uv_handle_t *handle)
{
	xlvs_attempt_release(handle->data);
}

void xlvs_attempt_close(struct xlvs_attempt *attempt, void *handle)
{
	uv_handle_t *owned = handle;

	if (owned->data == attempt && !uv_is_closing(owned))
		uv_close(owned, closed);
}

static void end(struct xlvs_attempt *attempt)
{
	if (attempt->checker->stop)
		attempt->checker->stop(attempt);
	attempt->check->attempt = NULL;
	attempt->check = NULL;
	xlvs_attempt_close(attempt, &attempt->timer);
}

static void report(uv_timer_t *timer)
{
	struct xlvs_attempt *attempt = timer->data;
	struct xlvs_check *check = attempt->check;
	struct xlvs_check_result result = {
		.outcome = attempt->outcome,
		.latency_us = (attempt->end_ns - attempt->start_ns) / 1000,
		.text = attempt->text,
	};

	if (check->spec.kind == XLVS_CHECK_COMBINED && result.outcome != XLVS_CHECK_IS_UP)
		check->connects_left = 0;
	end(attempt);
	check->spec.done(check->spec.context, &result);
}

bool xlvs_attempt_over(const struct xlvs_attempt *attempt)
{
	return attempt->end_ns || !attempt->check;
}

static void give(struct xlvs_attempt *attempt, enum xlvs_check_outcome outcome, const char *format,
		 va_list args)
{
	char *byte;

	if (xlvs_attempt_over(attempt))
		return;
	attempt->end_ns = uv_hrtime();
	attempt->outcome = outcome;
	vsnprintf(attempt->text, sizeof(attempt->text), format, args);
	/* What a server said is shown to people: one line, nothing a terminal obeys. */
	for (byte = attempt->text; *byte; byte++)
		if ((unsigned char)*byte < ' ' || *byte == 0x7f)
			*byte = ' ';
	while (byte > attempt->text && byte[-1] == ' ')
		*--byte = '\0';
	uv_timer_start(&attempt->timer, report, 0, 0);
}

void xlvs_attempt_up(struct xlvs_attempt *attempt, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	give(attempt, XLVS_CHECK_IS_UP, format, args);
	va_end(args);
}

void xlvs_attempt_down(struct xlvs_attempt *attempt, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	give(attempt, XLVS_CHECK_IS_DOWN, format, args);
	va_end(args);
}

void xlvs_attempt_unknown(struct xlvs_attempt *attempt, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	give(attempt, XLVS_CHECK_IS_UNKNOWN, format, args);
	va_end(args);
}

void xlvs_attempt_failed(struct xlvs_attempt *attempt, const char *what, int error)
{
	switch (error) {
	case UV_EMFILE:
	case UV_ENFILE:
	case UV_ENOMEM:
	case UV_ENOBUFS:
	case UV_EAGAIN:
	case UV_EADDRNOTAVAIL:
		xlvs_attempt_unknown(attempt, "%s: %s on this machine", what, uv_strerror(error));
		return;
	default:
		xlvs_attempt_down(attempt, "%s: %s", what, uv_strerror(error));
	}
}

void xlvs_attempt_blame(struct xlvs_attempt *attempt, const char *text)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		xlvs_attempt_failed(attempt, text, -errno);
		return;
	}
	close(fd);
	xlvs_attempt_down(attempt, "%s", text);
}

void xlvs_attempt_search(struct xlvs_attempt *attempt, const char *answer, size_t bytes)
{
	const struct xlvs_pattern *pattern = attempt->check->pattern;
	int found = pattern ? xlvs_pattern_search(pattern, answer, bytes) : 1;

	if (found > 0)
		xlvs_attempt_up(attempt, "%s", pattern ? "answer matches" : "answered");
	else if (!found)
		xlvs_attempt_down(attempt, "answer of %zu bytes does not match \"%s\"", bytes,
				  attempt->check->spec.receive);
	else
		xlvs_attempt_down(attempt, "searching for \"%s\" takes too long",
				  attempt->check->spec.receive);
}

static void time_is_over(uv_timer_t *timer)
{
	struct xlvs_attempt *attempt = timer->data;

	xlvs_attempt_down(attempt, "no answer within %.1f s", attempt->limit_ms / 1000.0);
	report(timer);
}

/* COMBINED: which of the two it is this time. */
static bool connect_is_due(struct xlvs_check *check)
{
	if (!check->connects_left) {
		check->connects_left = check->spec.connects;
		return false;
	}
	check->connects_left--;
	return true;
}

static unsigned int limit_ms(const struct xlvs_check_spec *spec, bool negotiation)
{
	if (negotiation)
		return spec->negotiate_timeout_ms;
	if (spec->kind == XLVS_CHECK_PING && spec->ping_attempts > 1)
		return spec->check_timeout_ms * spec->ping_attempts;
	return spec->check_timeout_ms;
}

int xlvs_check_start(struct xlvs_check *check)
{
	const struct xlvs_checker *checker = checker_of(&check->spec);
	bool negotiation = negotiates(&check->spec);
	struct xlvs_attempt *attempt;

	if (check->attempt)
		return -EBUSY;
	if (check->spec.kind == XLVS_CHECK_COMBINED && connect_is_due(check)) {
		negotiation = false;
		checker = connector(&check->spec);
	}
	attempt = calloc(1, checker->bytes);
	if (!attempt)
		return -ENOMEM;
	attempt->check = check;
	attempt->engine = check->engine;
	attempt->checker = checker;
	attempt->start_ns = uv_hrtime();
	check->attempt = attempt;
	xlvs_engine_hold(check->engine);
	uv_timer_init(check->engine->loop, &attempt->timer);
	xlvs_attempt_own(attempt, &attempt->timer);
	/* Of many that are started in one turn, the last has all of its time too. */
	uv_update_time(check->engine->loop);
	attempt->limit_ms = limit_ms(&check->spec, negotiation);
	uv_timer_start(&attempt->timer, time_is_over, attempt->limit_ms, 0);
	checker->start(attempt);
	return 0;
}

void xlvs_check_cancel(struct xlvs_check *check)
{
	if (check->attempt)
		end(check->attempt);
}
