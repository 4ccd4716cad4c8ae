// SPDX-License-Identifier: GPL-2.0-or-later
/* Configurations come, at a start and again at a reload. */
#include "monitor/daemon_inside.h"

#include "monitor/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

struct reload_job {
	uv_work_t work; /* first: what libuv returns */
	struct xlvs_ld_monitor *monitor;
	struct xlvs_ld_loaded loaded;
};

void xlvs_ld_report(const char *file, const struct xlvs_ld_problems *problems,
		    void (*say)(const char *format, ...))
{
	for (size_t i = 0; i < problems->n; i++) {
		const struct xlvs_ld_problem *problem = &problems->list[i];
		const char *kind = problem->is_error ? "Error" : "Warning";

		if (problem->place.line)
			say("%s [%d] reading file %s at line %u, column %u: %s", kind,
			    (int)getpid(), file, problem->place.line, problem->place.column,
			    problem->text);
		else
			say("%s [%d] reading file %s: %s", kind, (int)getpid(), file,
			    problem->text);
	}
}

static void on_maintenance(void *context, struct xlvs_server *server, bool on)
{
	struct xlvs_ld_monitor *monitor = context;

	xlvs_machine_maintain(monitor->machine, server, on, xlvs_ld_now(monitor));
}

void xlvs_ld_open_log(const struct xlvs_ld_monitor *monitor)
{
	const struct xlvs_ld_config *config = monitor->loaded.config;
	enum xlvs_ld_log_where where = XLVS_LD_LOG_CONFIGURED;
	int r;

	if (monitor->options->debug)
		where = XLVS_LD_LOG_STDERR;
	else if (monitor->options->foreground || config->supervised)
		where = XLVS_LD_LOG_STDOUT;
	r = xlvs_ld_log_open(where, config->logfile, monitor->options->name);
	if (r < 0)
		xlvs_ld_log("unable to open logfile: %s: %s", config->logfile, strerror(-r));
}

/* Other daemons, started along with this one. */
void xlvs_ld_command_others(struct xlvs_ld_monitor *monitor, const struct xlvs_ld_config *config,
			    const struct xlvs_ld_config *without, const char *verb)
{
	for (size_t i = 0; i < config->n_executes; i++) {
		const char *name = config->executes[i];
		char self[2048] = "", command[4096];
		bool is_there = false;

		for (size_t k = 0; without && k < without->n_executes; k++)
			is_there = is_there || strcmp(without->executes[k], name) == 0;
		if (is_there || readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
			continue;
		snprintf(command, sizeof(command), "'%s' %s %s", self, name, verb);
		xlvs_ld_commands_run(monitor->commands, command);
	}
}

int xlvs_ld_begin_checks(struct xlvs_ld_monitor *monitor)
{
	const struct xlvs_ld_maintenance_user user = {monitor, on_maintenance};
	const struct xlvs_services *services = xlvs_machine_services(monitor->machine);
	int r;

	r = xlvs_ld_maintenance_new(&monitor->loop, monitor->loaded.config->maintenancedir,
				    services, &user, &monitor->maintenance);
	if (r == 0)
		xlvs_prober_start(monitor->prober, services, xlvs_ld_on_result, monitor);
	return r;
}

/* From here on there is no way back, and nothing that fails but for want of memory. */
static void take_over(struct xlvs_ld_monitor *monitor, struct xlvs_ld_loaded *loaded,
		      struct xlvs_prober *prober)
{
	struct xlvs_ld_loaded old = monitor->loaded;

	if (monitor->director && xlvs_ld_director_drain(monitor->director) < 0)
		xlvs_ld_on_lost(monitor);
	xlvs_ld_maintenance_free(monitor->maintenance);
	monitor->maintenance = NULL;
	xlvs_prober_free(monitor->prober);
	monitor->prober = prober;
	if (xlvs_machine_configure(monitor->machine, loaded->config, xlvs_ld_now(monitor)) < 0)
		abort();
	monitor->loaded = *loaded;
	xlvs_ld_set_path(monitor);
	*loaded = (struct xlvs_ld_loaded){0};
	xlvs_ld_open_log(monitor);
	monitor->how = XLVS_ADOPT_ALL;
	if (monitor->director && xlvs_ld_adopt(monitor) < 0)
		xlvs_ld_log("The director's table cannot be read; changes wait");
	if (xlvs_ld_begin_checks(monitor) < 0)
		abort();
	xlvs_ld_command_others(monitor, old.config, monitor->loaded.config, "stop");
	xlvs_ld_command_others(monitor, monitor->loaded.config, old.config, "start");
	xlvs_ld_loaded_done(&old);
}

static void read_again(uv_work_t *work)
{
	struct reload_job *job = (struct reload_job *)work;
	const struct xlvs_ld_options *options = job->monitor->options;

	xlvs_ld_load(options->file, options->original, &job->loaded);
}

static void on_read_again(uv_work_t *work, int status)
{
	struct reload_job *job = (struct reload_job *)work;
	struct xlvs_ld_monitor *monitor = job->monitor;
	struct xlvs_prober *prober = NULL;
	struct xlvs_error error;
	int r = status;

	monitor->reload_runs = false;
	if (monitor->stops)
		r = -ECANCELED;
	else if (r == 0 && !job->loaded.config)
		r = -EINVAL;
	if (r == 0 && (r = xlvs_ld_prepare_path(monitor, job->loaded.config, &error)) < 0)
		xlvs_ld_log("%s", error.text);
	if (r == 0)
		r = xlvs_prober_new(&monitor->loop, monitor->engine, job->loaded.config,
				    &job->loaded.problems, &prober);
	xlvs_ld_report(monitor->options->file, &job->loaded.problems, xlvs_ld_log);
	if (r == 0)
		take_over(monitor, &job->loaded, prober);
	else if (!monitor->stops)
		xlvs_ld_log("The configuration stays as it was");
	sd_notify(0, "READY=1");
	xlvs_ld_loaded_done(&job->loaded);
	free(job);
	if (monitor->reload_again)
		xlvs_ld_start_reload(monitor);
}

void xlvs_ld_start_reload(struct xlvs_ld_monitor *monitor)
{
	struct reload_job *job;
	struct timespec clock;
	char text[96];

	monitor->reload_again = monitor->reload_runs;
	if (monitor->reload_runs || monitor->stops)
		return;
	job = calloc(1, sizeof(*job));
	if (!job)
		return;
	clock_gettime(CLOCK_MONOTONIC, &clock);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
		 (unsigned long long)clock.tv_sec * 1000000 +
			 (unsigned long long)clock.tv_nsec / 1000);
	sd_notify(0, text);
	job->monitor = monitor;
	monitor->reload_runs =
		uv_queue_work(&monitor->loop, &job->work, read_again, on_read_again) == 0;
	if (!monitor->reload_runs)
		free(job);
}

/* The file's contents count, not its time; what is ignored is not looked at twice. */
void xlvs_ld_look_at_file(struct xlvs_ld_monitor *monitor)
{
	const char *file = monitor->options->file;
	struct xlvs_ld_loaded *loaded = &monitor->loaded;
	char command[8192];
	struct stat status;
	size_t bytes;
	char *text;

	if (stat(file, &status) < 0 ||
	    memcmp(&status.st_mtim, &monitor->file_changed, sizeof(status.st_mtim)) == 0 ||
	    xlvs_ld_read_file(file, &text, &bytes) < 0)
		return;
	monitor->file_changed = status.st_mtim;
	if (bytes == loaded->bytes && memcmp(text, loaded->text, bytes) == 0) {
		free(text);
		return;
	}
	free(loaded->text);
	loaded->text = text;
	loaded->bytes = bytes;
	xlvs_ld_log("Configuration file '%s' has changed on disk", file);
	if (loaded->config->autoreload) {
		xlvs_ld_log(" - reread new configuration");
		xlvs_ld_start_reload(monitor);
	} else {
		xlvs_ld_log(" - ignore new configuration");
	}
	if (loaded->config->callback && access(loaded->config->callback, X_OK) == 0) {
		snprintf(command, sizeof(command), "%s %s", loaded->config->callback, file);
		xlvs_ld_commands_run(monitor->commands, command);
	}
}
