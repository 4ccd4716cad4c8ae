// SPDX-License-Identifier: GPL-2.0-or-later
/* external, external-perl and the service oracle: a command is run with the virtual address (or the
 * mark), the virtual port (0 for marks), the real server's address and port; up when it exits with
 * 0.
 *
 * external-perl runs the file by a Perl of its own. oracle's command finds what a client needs in
 * the environment: XLVS_LOGIN, XLVS_PASSWD, XLVS_DATABASE, XLVS_REQUEST, XLVS_RECEIVE and
 * XLVS_CHECKPORT. A command has its own process group, which is terminated when the time is over
 * and killed when it does not go. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/check/curl.h"
#include "monitor/check/engine.h"

extern char **environ;

enum {
	GRACE_MS = 1000,
	OWN_VARIABLES = 6,
};

struct external {
	struct xlvs_attempt attempt;
	uv_process_t process;
	uv_timer_t grace;
	bool running;
};

static void exited(uv_process_t *process, int64_t status, int signal_number)
{
	struct external *external = process->data;

	/* Whatever it has left behind. */
	kill(-process->pid, SIGKILL);
	external->running = false;
	if (signal_number)
		xlvs_attempt_down(&external->attempt, "killed by signal %d", signal_number);
	else if (status)
		xlvs_attempt_down(&external->attempt, "exit status %d", (int)status);
	else
		xlvs_attempt_up(&external->attempt, "exit status 0");
	xlvs_attempt_close(&external->attempt, &external->process);
	xlvs_attempt_close(&external->attempt, &external->grace);
}

static void grace_is_over(uv_timer_t *timer)
{
	struct external *external = timer->data;

	kill(-external->process.pid, SIGKILL);
}

struct words {
	char mark[16], virtual_host[XLVS_CURL_HOST_BYTES], virtual_port[8];
	char real_host[XLVS_CURL_HOST_BYTES], real_port[8];
};

static void write_words(const struct xlvs_check_spec *spec, struct words *words)
{
	bool marked = !spec->virtual_address.any.sa_family;

	snprintf(words->mark, sizeof(words->mark), "%u", spec->fwmark);
	if (marked)
		stpcpy(words->virtual_host, words->mark);
	else
		xlvs_curl_host(&spec->virtual_address, words->virtual_host);
	snprintf(words->virtual_port, sizeof(words->virtual_port), "%u",
		 marked ? 0 : xlvs_curl_port(&spec->virtual_address));
	xlvs_curl_host(&spec->real, words->real_host);
	snprintf(words->real_port, sizeof(words->real_port), "%u", spec->real_port);
}

static char *variable(const char *name, const char *value)
{
	size_t bytes = strlen(name) + strlen(value) + 2;
	char *text = malloc(bytes);

	if (text)
		snprintf(text, bytes, "%s=%s", name, value);
	return text;
}

/* The environment with what the service oracle adds; the added ones come first. NULL: no memory. */
static char **with_secrets(const struct xlvs_check_spec *spec)
{
	size_t i, count = 0;
	char port[8], **all;

	while (environ[count])
		count++;
	all = calloc(OWN_VARIABLES + count + 1, sizeof(*all));
	if (!all)
		return NULL;
	snprintf(port, sizeof(port), "%u", xlvs_curl_port(&spec->real));
	all[0] = variable("XLVS_LOGIN", spec->login);
	all[1] = variable("XLVS_PASSWD", spec->password);
	all[2] = variable("XLVS_DATABASE", spec->database);
	all[3] = variable("XLVS_REQUEST", spec->request + (*spec->request == '/'));
	all[4] = variable("XLVS_RECEIVE", spec->receive);
	all[5] = variable("XLVS_CHECKPORT", port);
	memcpy(all + OWN_VARIABLES, environ, count * sizeof(*all));
	for (i = 0; i < OWN_VARIABLES; i++)
		if (!all[i])
			break;
	if (i == OWN_VARIABLES)
		return all;
	for (i = 0; i < OWN_VARIABLES; i++)
		free(all[i]);
	free(all);
	return NULL;
}

static int spawn(struct external *external, char **args)
{
	const struct xlvs_check_spec *spec = &external->attempt.check->spec;
	bool oracle = spec->kind != XLVS_CHECK_EXTERNAL && spec->kind != XLVS_CHECK_EXTERNAL_PERL;
	uv_stdio_container_t nothing[3] = {0}; /* UV_IGNORE: the null device */
	uv_process_options_t options = {
		.exit_cb = exited,
		.file = args[0],
		.args = args,
		.env = oracle ? with_secrets(spec) : NULL,
		.flags = UV_PROCESS_DETACHED,
		.stdio = nothing,
		.stdio_count = 3,
	};
	int i, err;

	if (oracle && !options.env)
		return UV_ENOMEM;
	err = uv_spawn(external->attempt.engine->loop, &external->process, &options);
	for (i = 0; options.env && i < OWN_VARIABLES; i++)
		free(options.env[i]);
	free(options.env);
	return err;
}

static void start(struct xlvs_attempt *attempt)
{
	struct external *external = (struct external *)attempt;
	const struct xlvs_check_spec *spec = &attempt->check->spec;
	bool perl = spec->kind == XLVS_CHECK_EXTERNAL_PERL;
	char *command = (char *)spec->command, what[XLVS_CHECK_TEXT_BYTES], interpreter[] = "perl";
	struct words words;
	char *args[] = {
		interpreter,	 command, words.virtual_host, words.virtual_port, words.real_host,
		words.real_port, NULL};
	int err;

	write_words(spec, &words);
	uv_timer_init(attempt->engine->loop, &external->grace);
	xlvs_attempt_own(attempt, &external->grace);
	/* Also one that could not be started is a handle that has to be closed. */
	err = spawn(external, args + !perl);
	xlvs_attempt_own(attempt, &external->process);
	external->running = !err;
	if (err) {
		snprintf(what, sizeof(what), "cannot run %s", perl ? interpreter : command);
		xlvs_attempt_failed(attempt, what, err);
	}
}

static void stop(struct xlvs_attempt *attempt)
{
	struct external *external = (struct external *)attempt;

	if (external->running) {
		kill(-external->process.pid, SIGTERM);
		uv_timer_start(&external->grace, grace_is_over, GRACE_MS, 0);
		return;
	}
	xlvs_attempt_close(attempt, &external->process);
	xlvs_attempt_close(attempt, &external->grace);
}

static int validate(const struct xlvs_check_spec *spec, struct xlvs_error *reterr)
{
	if (!*spec->command)
		return xlvs_refuse(reterr, -EINVAL, "there is no command that checks it");
	return 0;
}

const struct xlvs_checker xlvs_checker_external = {
	.bytes = sizeof(struct external),
	.start = start,
	.stop = stop,
	.validate = validate,
};
