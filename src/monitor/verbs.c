// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/verbs.h"

#include "base/cleanup.h"
#include "monitor/daemon.h"
#include "monitor/status.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define END_LIMIT_SEC 60

static void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* Read the configuration and say what is wrong with it. False: there are errors. */
static bool load(const struct xlvs_ld_options *options, struct xlvs_ld_loaded *ret_loaded)
{
	xlvs_ld_load(options->file, options->original, ret_loaded);
	xlvs_ld_report(options->file, &ret_loaded->problems, say);
	if (ret_loaded->config)
		return true;
	xlvs_ld_loaded_done(ret_loaded);
	return false;
}

/* Starting. */

struct start {
	const struct xlvs_ld_options *options;
	bool foreground;
	int ready_fd; /* the parent waits at its other end; -1: there is none */
};

static int on_ready(void *context)
{
	struct start *start = context;
	int r = start->options->debug ? 0 : xlvs_ld_pidfile_write(start->options->pidfile);
	int null;

	if (r < 0)
		say("Can not open %s: %s", start->options->pidfile, strerror(-r));
	if (r < 0 || start->foreground)
		return r;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	if (write(start->ready_fd, "", 1) == 1)
		close(start->ready_fd);
	return 0;
}

/* The parent's end: the daemon is ready when it says so, and has failed when it has gone. */
static enum xlvs_ld_exit wait_ready(int fd)
{
	char byte;
	ssize_t n;

	do
		n = read(fd, &byte, 1);
	while (n < 0 && errno == EINTR);
	return n == 1 ? XLVS_LD_EXIT_OK : XLVS_LD_EXIT_FAILED;
}

/* Returns in the daemon; its parents exit. */
static int become_daemon(struct start *start)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child < 0)
		return -errno;
	if (child > 0) {
		close(ends[1]);
		exit(wait_ready(ends[0]));
	}
	close(ends[0]);
	setsid();
	child = fork();
	if (child != 0)
		_exit(child < 0 ? XLVS_LD_EXIT_FAILED : XLVS_LD_EXIT_OK);
	start->ready_fd = ends[1];
	return chdir("/") < 0 ? -errno : 0;
}

static enum xlvs_ld_exit start_loaded(const struct xlvs_ld_options *options,
				      struct xlvs_ld_loaded *loaded)
{
	struct start start = {
		.options = options,
		.foreground = options->debug || options->foreground || loaded->config->supervised,
		.ready_fd = -1,
	};
	int r = start.foreground ? 0 : become_daemon(&start);
	int status;

	if (r < 0) {
		say("cannot become a daemon: %s", strerror(-r));
		xlvs_ld_loaded_done(loaded);
		return XLVS_LD_EXIT_FAILED;
	}
	status = xlvs_ld_daemon_run(options, loaded, on_ready, &start);
	/* A start that failed has written none, but must not take another daemon's. */
	if (!options->debug && status == EXIT_SUCCESS)
		unlink(options->pidfile);
	return status == EXIT_SUCCESS ? XLVS_LD_EXIT_OK : XLVS_LD_EXIT_FAILED;
}

/* Stopping. */

static bool end_and_wait(const struct xlvs_ld_options *options, pid_t pid)
{
	const struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
	bool is_stale;

	if (kill(pid, SIGTERM) < 0 && errno != ESRCH) {
		say("cannot end process %d: %s", (int)pid, strerror(errno));
		return false;
	}
	for (int i = 0; i < END_LIMIT_SEC * 50; i++) {
		if (xlvs_ld_pidfile_read(options->pidfile, &is_stale) != pid)
			return true;
		nanosleep(&pause, NULL);
	}
	say("process %d has not ended after %d s", (int)pid, END_LIMIT_SEC);
	return false;
}

/* The other verbs. */

static enum xlvs_ld_exit restart(const struct xlvs_ld_options *options, pid_t pid)
{
	struct xlvs_ld_loaded loaded;

	if (!load(options, &loaded))
		return XLVS_LD_EXIT_CONFIG;
	if (pid && !end_and_wait(options, pid)) {
		xlvs_ld_loaded_done(&loaded);
		return XLVS_LD_EXIT_FAILED;
	}
	return start_loaded(options, &loaded);
}

static enum xlvs_ld_exit reload(const struct xlvs_ld_options *options, pid_t pid)
{
	struct xlvs_ld_loaded loaded;

	if (!load(options, &loaded))
		return XLVS_LD_EXIT_CONFIG;
	xlvs_ld_loaded_done(&loaded);
	if (!pid) {
		say("ldirectord is stopped for %s", options->file);
		return XLVS_LD_EXIT_FAILED;
	}
	return kill(pid, SIGHUP) == 0 ? XLVS_LD_EXIT_OK : XLVS_LD_EXIT_FAILED;
}

static enum xlvs_ld_exit show_json(const struct xlvs_ld_options *options)
{
	XLVS_AUTO_FREE char *document = NULL;
	int r = xlvs_ld_status_ask(options->name, &document);

	if (r == -EPERM) {
		say("the daemon for %s answers root only", options->file);
		return XLVS_LD_EXIT_FAILED;
	}
	if (r < 0) {
		say("no daemon answers for %s in this network namespace: %s", options->file,
		    strerror(-r));
		return XLVS_LD_EXIT_STOPPED;
	}
	puts(document);
	return XLVS_LD_EXIT_OK;
}

static enum xlvs_ld_exit show_status(const struct xlvs_ld_options *options, pid_t pid,
				     bool is_stale)
{
	if (options->json)
		return show_json(options);
	if (pid) {
		say("ldirectord for %s is running with pid: %d", options->file, (int)pid);
		return XLVS_LD_EXIT_OK;
	}
	if (is_stale)
		say("ldirectord stale pid file %s for %s", options->pidfile, options->file);
	printf("ldirectord is stopped for %s\n", options->file);
	return is_stale ? XLVS_LD_EXIT_FAILED : XLVS_LD_EXIT_STOPPED;
}

/* The line of the file and a mark below the column. */
static void show_place(const struct xlvs_ld_loaded *loaded, struct xlvs_ld_place place)
{
	const char *line = loaded->text, *end = loaded->text + loaded->bytes;
	const char *line_end;

	for (unsigned int i = 1; line && i < place.line; i++) {
		line = memchr(line, '\n', (size_t)(end - line));
		if (line)
			line++;
	}
	if (!line || line >= end)
		return;
	line_end = memchr(line, '\n', (size_t)(end - line));
	fprintf(stderr, "    %.*s\n    ", (int)((line_end ? line_end : end) - line), line);
	for (unsigned int i = 1; i < place.column; i++)
		fputc(line[i - 1] == '\t' ? '\t' : ' ', stderr);
	fputs("^\n", stderr);
}

static enum xlvs_ld_exit check(const struct xlvs_ld_options *options)
{
	XLVS_AUTO_FREE char *text = NULL;
	struct xlvs_ld_loaded loaded;
	bool is_good;

	xlvs_ld_load(options->file, options->original, &loaded);
	for (size_t i = 0; i < loaded.problems.n; i++) {
		const struct xlvs_ld_problem *problem = &loaded.problems.list[i];

		fprintf(stderr, "%s:", options->file);
		if (problem->place.line)
			fprintf(stderr, "%u:%u:", problem->place.line, problem->place.column);
		say(" %s: %s", problem->is_error ? "error" : "warning", problem->text);
		if (problem->place.line)
			show_place(&loaded, problem->place);
	}
	is_good = loaded.config != NULL;
	if (is_good && (text = xlvs_ld_config_explain(loaded.config)))
		fputs(text, stdout);
	xlvs_ld_loaded_done(&loaded);
	return is_good ? XLVS_LD_EXIT_OK : XLVS_LD_EXIT_CONFIG;
}

enum xlvs_ld_exit xlvs_ld_do(const struct xlvs_ld_options *options)
{
	bool is_stale;
	pid_t pid = xlvs_ld_pidfile_read(options->pidfile, &is_stale);

	switch (options->verb) {
	case XLVS_LD_VERB_START:
		return pid ? XLVS_LD_EXIT_OK : restart(options, 0);
	case XLVS_LD_VERB_STOP:
		return !pid || end_and_wait(options, pid) ? XLVS_LD_EXIT_OK : XLVS_LD_EXIT_FAILED;
	case XLVS_LD_VERB_TRY_RESTART:
		return pid ? restart(options, pid) : XLVS_LD_EXIT_OK;
	case XLVS_LD_VERB_RESTART:
		return restart(options, pid);
	case XLVS_LD_VERB_RELOAD:
	case XLVS_LD_VERB_FORCE_RELOAD:
		return reload(options, pid);
	case XLVS_LD_VERB_STATUS:
		return show_status(options, pid, is_stale);
	case XLVS_LD_VERB_CHECK:
		return check(options);
	case XLVS_LD_VERB_HELP:
	case XLVS_LD_VERB_VERSION:
		break;
	}
	return XLVS_LD_EXIT_USAGE;
}
