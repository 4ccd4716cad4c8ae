// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/daemon_inside.h"

#include "monitor/log.h"
#include "monitor/monitorfile.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#define TICK_MS		 1000
#define STOP_LIMIT_MS	 10000
#define COMPLAIN_EACH_MS 10000

struct xlvs_time xlvs_ld_now(struct xlvs_ld_monitor *monitor)
{
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	return (struct xlvs_time){uv_now(&monitor->loop),
				  (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000};
}

/* What the machine says. */

static void on_log(void *context, const char *text)
{
	(void)context;
	xlvs_ld_log("%s", text);
}

static void on_mail(void *context, const struct xlvs_ld_virtual *service, const char *subject)
{
	struct xlvs_ld_monitor *monitor = context;

	xlvs_ld_commands_mail(monitor->commands, service, monitor->loaded.config->emailalertfrom,
			      subject,
			      xlvs_ld_condition_name(xlvs_machine_condition(monitor->machine)));
}

static void on_run(void *context, const char *command)
{
	struct xlvs_ld_monitor *monitor = context;

	xlvs_ld_commands_run(monitor->commands, command);
}

static int on_send(void *context, const struct xlvs_request *request)
{
	struct xlvs_ld_monitor *monitor = context;

	return monitor->director ? xlvs_ld_director_send(monitor->director, request) : -ENOTCONN;
}

/* The director. */

static void disconnect(struct xlvs_ld_monitor *monitor)
{
	xlvs_ld_director_close(monitor->director);
	monitor->director = NULL;
	xlvs_machine_lost(monitor->machine);
}

void xlvs_ld_on_lost(struct xlvs_ld_monitor *monitor)
{
	xlvs_ld_log("The connection to the director is lost; checks go on, changes wait");
	disconnect(monitor);
}

static void on_lost(void *context)
{
	xlvs_ld_on_lost(context);
}

static void on_answer(void *context, int code, const char *sentence)
{
	struct xlvs_ld_monitor *monitor = context;

	xlvs_machine_answer(monitor->machine, code, sentence, xlvs_ld_now(monitor));
}

static int connect_director(struct xlvs_ld_monitor *monitor)
{
	const struct xlvs_ld_director_user user = {monitor, on_answer, on_lost};

	return xlvs_ld_director_open(&monitor->loop, &user, &monitor->director);
}

int xlvs_ld_adopt(struct xlvs_ld_monitor *monitor)
{
	int r = xlvs_ld_director_adopt(monitor->director, monitor->machine, monitor->how,
				       xlvs_ld_now(monitor));

	if (r == 0)
		monitor->how = XLVS_ADOPT_REPAIR;
	else
		disconnect(monitor);
	return r;
}

static void reconnect(struct xlvs_ld_monitor *monitor)
{
	if (connect_director(monitor) == 0 && xlvs_ld_adopt(monitor) == 0)
		xlvs_ld_log("The director is there again");
}

/* Checks. */

void xlvs_ld_on_result(void *context, struct xlvs_server *server,
		       const struct xlvs_check_result *result)
{
	struct xlvs_ld_monitor *monitor = context;
	const struct xlvs_outcome outcome = {result->outcome == XLVS_CHECK_IS_UP,
					     result->latency_us, result->text};
	const char *text = server->maintenance ? "Server in maintenance" : result->text;
	uint64_t now_ms = uv_now(&monitor->loop);
	int r = 0;

	if (result->outcome != XLVS_CHECK_IS_UNKNOWN) {
		if (!outcome.up && (server->up || !server->decided))
			xlvs_ld_log("Check of real server: %s (%s) failed: %s", server->slot.name,
				    server->slot.service->name, result->text);
		xlvs_machine_result(monitor->machine, server, &outcome, xlvs_ld_now(monitor));
		r = xlvs_ld_monitorfile_write(server, outcome.up && !server->maintenance, text);
		if (r == 0)
			return;
	}
	if (monitor->complained_ms && now_ms - monitor->complained_ms < COMPLAIN_EACH_MS)
		return;
	monitor->complained_ms = now_ms;
	if (r < 0)
		xlvs_ld_log("Error writing to monitorfile '%s': %s",
			    server->slot.service->conf->monitorfile, strerror(-r));
	else
		xlvs_ld_log("Cannot check %s (%s): %s", server->slot.name,
			    server->slot.service->name, result->text);
}

/* Events. */

static void on_tick(uv_timer_t *timer)
{
	struct xlvs_ld_monitor *monitor = timer->data;

	sd_notify(0, "WATCHDOG=1");
	if (!monitor->stops) {
		if (!monitor->director)
			reconnect(monitor);
		xlvs_ld_look_at_file(monitor);
		if (monitor->maintenance)
			xlvs_ld_maintenance_look(monitor->maintenance);
	}
	xlvs_machine_tick(monitor->machine, xlvs_ld_now(monitor));
}

/* Whatever happened, what is to be asked of the director goes out now, together. */
static void on_prepare(uv_prepare_t *prepare)
{
	struct xlvs_ld_monitor *monitor = prepare->data;

	xlvs_machine_pump(monitor->machine, xlvs_ld_now(monitor));
	if (monitor->director)
		xlvs_ld_director_flush(monitor->director);
	if (monitor->stops && xlvs_ld_commands_are_done(monitor->commands) &&
	    (!monitor->director || xlvs_machine_is_idle(monitor->machine)))
		uv_stop(&monitor->loop);
}

static void on_stop_limit(uv_timer_t *timer)
{
	struct xlvs_ld_monitor *monitor = timer->data;

	xlvs_ld_log("Not everything could be taken back in time");
	uv_stop(&monitor->loop);
}

static void on_end(uv_signal_t *handle, int number)
{
	struct xlvs_ld_monitor *monitor = handle->data;

	if (monitor->stops) {
		uv_stop(&monitor->loop);
		return;
	}
	monitor->stops = true;
	sd_notify(0, "STOPPING=1");
	xlvs_ld_log("Linux Director Daemon terminated on signal: %s", sigabbrev_np(number));
	xlvs_ld_maintenance_free(monitor->maintenance);
	monitor->maintenance = NULL;
	xlvs_prober_free(monitor->prober);
	monitor->prober = NULL;
	xlvs_ld_command_others(monitor, monitor->loaded.config, NULL, "stop");
	xlvs_machine_stop(monitor->machine, xlvs_ld_now(monitor));
	if (!monitor->director)
		xlvs_ld_log("The director is not there: its table stays as it is");
	uv_timer_start(&monitor->stop_limit, on_stop_limit, STOP_LIMIT_MS, 0);
}

static void on_hangup(uv_signal_t *handle, int number)
{
	struct xlvs_ld_monitor *monitor = handle->data;

	(void)number;
	if (monitor->stops)
		return;
	xlvs_ld_log("Reloading Linux Director Daemon config on signal");
	xlvs_ld_start_reload(monitor);
}

static struct xlvs_ld_status_facts facts(void *context)
{
	const struct xlvs_ld_monitor *monitor = context;

	return (struct xlvs_ld_status_facts){monitor->machine, monitor->options->file,
					     monitor->director != NULL};
}

/* Beginning and end. */

static void watch_signal(struct xlvs_ld_monitor *monitor, uv_signal_t *handle,
			 uv_signal_cb callback, int number)
{
	uv_signal_init(&monitor->loop, handle);
	handle->data = monitor;
	uv_signal_start(handle, callback, number);
}

static void watch_events(struct xlvs_ld_monitor *monitor)
{
	struct stat status;

	watch_signal(monitor, &monitor->terminate, on_end, SIGTERM);
	watch_signal(monitor, &monitor->interrupt, on_end, SIGINT);
	watch_signal(monitor, &monitor->quit, on_end, SIGQUIT);
	watch_signal(monitor, &monitor->hangup, on_hangup, SIGHUP);
	uv_timer_init(&monitor->loop, &monitor->stop_limit);
	monitor->stop_limit.data = monitor;
	uv_timer_init(&monitor->loop, &monitor->tick);
	monitor->tick.data = monitor;
	uv_timer_start(&monitor->tick, on_tick, TICK_MS, TICK_MS);
	uv_prepare_init(&monitor->loop, &monitor->prepare);
	monitor->prepare.data = monitor;
	uv_prepare_start(&monitor->prepare, on_prepare);
	if (stat(monitor->options->file, &status) == 0)
		monitor->file_changed = status.st_mtim;
}

static int prepare_checks(struct xlvs_ld_monitor *monitor)
{
	struct xlvs_ld_problems problems = {0};
	struct xlvs_error error;
	int r = xlvs_check_engine_new(&monitor->loop, &monitor->engine);

	if (r == 0 && (r = xlvs_ld_prepare_path(monitor, monitor->loaded.config, &error)) < 0)
		fprintf(stderr, "%s\n", error.text);
	if (r == 0)
		xlvs_ld_set_path(monitor);
	if (r == 0)
		r = xlvs_prober_new(&monitor->loop, monitor->engine, monitor->loaded.config,
				    &problems, &monitor->prober);
	for (size_t i = 0; i < problems.n; i++)
		fprintf(stderr, "line %u: %s\n", problems.list[i].place.line,
			problems.list[i].text);
	xlvs_ld_problems_free(&problems);
	return r;
}

static int start_machine(struct xlvs_ld_monitor *monitor)
{
	const struct xlvs_machine_hooks hooks = {monitor, on_log, on_mail, on_run, on_send};
	int r;

	r = xlvs_ld_commands_new(&monitor->loop, &monitor->commands);
	if (r == 0)
		r = xlvs_machine_new(&hooks, &monitor->machine);
	if (r == 0)
		r = prepare_checks(monitor);
	if (r < 0) {
		fprintf(stderr, "cannot prepare the checks: %s\n", strerror(-r));
		return r;
	}
	r = connect_director(monitor);
	if (r == 0)
		r = xlvs_machine_configure(monitor->machine, monitor->loaded.config,
					   xlvs_ld_now(monitor));
	if (r == 0)
		r = xlvs_ld_adopt(monitor);
	if (r == -ECONNREFUSED)
		fprintf(stderr, "no director to talk to: xlvsd is not running in this network "
				"namespace\n");
	else if (r < 0)
		fprintf(stderr, "cannot talk to the director: %s\n", strerror(-r));
	return r;
}

static int start(struct xlvs_ld_monitor *monitor)
{
	int r = start_machine(monitor);

	if (r < 0)
		return r;
	r = xlvs_ld_status_serve(&monitor->loop, monitor->options->name, facts, monitor,
				 &monitor->status);
	if (r < 0) {
		fprintf(stderr, "cannot serve the status of %s: %s\n", monitor->options->name,
			strerror(-r));
		return r;
	}
	xlvs_ld_open_log(monitor);
	xlvs_ld_log("Starting xlvs-ldirectord " XLVS_VERSION " with pid: %d", (int)getpid());
	watch_events(monitor);
	r = xlvs_ld_begin_checks(monitor);
	if (r == 0)
		xlvs_ld_command_others(monitor, monitor->loaded.config, NULL, "start");
	return r;
}

static void close_handle(uv_handle_t *handle, void *context)
{
	struct xlvs_ld_monitor *monitor = context;

	if ((handle == (uv_handle_t *)&monitor->terminate ||
	     handle == (uv_handle_t *)&monitor->interrupt ||
	     handle == (uv_handle_t *)&monitor->quit || handle == (uv_handle_t *)&monitor->hangup ||
	     handle == (uv_handle_t *)&monitor->tick ||
	     handle == (uv_handle_t *)&monitor->stop_limit ||
	     handle == (uv_handle_t *)&monitor->prepare) &&
	    !uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void finish(struct xlvs_ld_monitor *monitor)
{
	xlvs_ld_maintenance_free(monitor->maintenance);
	xlvs_prober_free(monitor->prober);
	xlvs_ld_status_close(monitor->status);
	xlvs_ld_director_close(monitor->director);
	uv_walk(&monitor->loop, close_handle, monitor);
	xlvs_ld_commands_free(monitor->commands);
	if (monitor->engine)
		xlvs_check_engine_free(monitor->engine);
	xlvs_checkpath_close(monitor->path);
	uv_run(&monitor->loop, UV_RUN_DEFAULT);
	uv_loop_close(&monitor->loop);
	xlvs_machine_free(monitor->machine);
	xlvs_ld_loaded_done(&monitor->loaded);
}

int xlvs_ld_daemon_run(const struct xlvs_ld_options *options, struct xlvs_ld_loaded *loaded,
		       int (*ready)(void *context), void *context)
{
	static struct xlvs_ld_monitor monitor;
	struct rlimit files;
	int r;

	monitor = (struct xlvs_ld_monitor){.options = options, .loaded = *loaded};
	*loaded = (struct xlvs_ld_loaded){0};
	/* Each check has a socket. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
	srandom((unsigned int)getpid());
	r = uv_loop_init(&monitor.loop);
	if (r < 0)
		return EXIT_FAILURE;
	r = start(&monitor);
	if (r == 0)
		r = ready(context);
	if (r == 0) {
		sd_notify(0, "READY=1");
		uv_run(&monitor.loop, UV_RUN_DEFAULT);
	}
	finish(&monitor);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
