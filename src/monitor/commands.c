// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/commands.h"

#include "monitor/log.h"
#include "monitor/mail.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define COMMAND_LIMIT_MS 60000

struct command {
	STAILQ_ENTRY(command) link;
	char text[];
};

struct mail_job {
	uv_work_t work; /* first: what libuv returns */
	struct xlvs_ld_commands *commands;
	struct xlvs_ld_mail *mail;
	int result;
};

struct xlvs_ld_commands {
	uv_loop_t *loop;
	uv_timer_t limit;
	uv_process_t process;
	bool runs;
	unsigned int n_mails;
	STAILQ_HEAD(, command) waiting; /* the first one runs */
};

static void run_next(struct xlvs_ld_commands *commands);

static void on_closed(uv_handle_t *handle)
{
	struct xlvs_ld_commands *commands = handle->data;

	commands->runs = false;
	run_next(commands);
}

static void forget_first(struct xlvs_ld_commands *commands)
{
	struct command *command = STAILQ_FIRST(&commands->waiting);

	STAILQ_REMOVE_HEAD(&commands->waiting, link);
	free(command);
}

static void on_exit_of_command(uv_process_t *process, int64_t status, int number)
{
	struct xlvs_ld_commands *commands = process->data;
	const char *text = STAILQ_FIRST(&commands->waiting)->text;

	uv_timer_stop(&commands->limit);
	if (number)
		xlvs_ld_log("system(%s) failed: ended by signal %d", text, number);
	else if (status)
		xlvs_ld_log("system(%s) failed: exit status %d", text, (int)status);
	forget_first(commands);
	uv_close((uv_handle_t *)process, on_closed);
}

/* The whole group, which the command leads. */
static void on_limit(uv_timer_t *timer)
{
	struct xlvs_ld_commands *commands = timer->data;

	kill(-uv_process_get_pid(&commands->process), SIGKILL);
}

static void run_next(struct xlvs_ld_commands *commands)
{
	while (!commands->runs && !STAILQ_EMPTY(&commands->waiting)) {
		char *text = STAILQ_FIRST(&commands->waiting)->text;
		char shell[] = "/bin/sh", option[] = "-c";
		char *words[] = {shell, option, text, NULL};
		uv_process_options_t options = {
			.exit_cb = on_exit_of_command,
			.file = shell,
			.args = words,
			.flags = UV_PROCESS_DETACHED,
		};
		int r = uv_spawn(commands->loop, &commands->process, &options);

		commands->process.data = commands;
		commands->runs = true;
		if (r == 0) {
			uv_timer_start(&commands->limit, on_limit, COMMAND_LIMIT_MS, 0);
			return;
		}
		xlvs_ld_log("system(%s) failed: %s", text, uv_strerror(r));
		forget_first(commands);
		uv_close((uv_handle_t *)&commands->process, on_closed);
	}
}

int xlvs_ld_commands_new(uv_loop_t *loop, struct xlvs_ld_commands **ret_commands)
{
	struct xlvs_ld_commands *commands = calloc(1, sizeof(*commands));

	if (!commands)
		return -ENOMEM;
	commands->loop = loop;
	STAILQ_INIT(&commands->waiting);
	uv_timer_init(loop, &commands->limit);
	commands->limit.data = commands;
	*ret_commands = commands;
	return 0;
}

static void free_commands(uv_handle_t *handle)
{
	struct xlvs_ld_commands *commands = handle->data;

	while (!STAILQ_EMPTY(&commands->waiting))
		forget_first(commands);
	free(commands);
}

void xlvs_ld_commands_free(struct xlvs_ld_commands *commands)
{
	if (commands)
		uv_close((uv_handle_t *)&commands->limit, free_commands);
}

void xlvs_ld_commands_run(struct xlvs_ld_commands *commands, const char *command)
{
	struct command *copy = malloc(sizeof(*copy) + strlen(command) + 1);

	if (!copy) {
		xlvs_ld_log("system(%s) failed: out of memory", command);
		return;
	}
	strcpy(copy->text, command);
	STAILQ_INSERT_TAIL(&commands->waiting, copy, link);
	run_next(commands);
}

static void send_mail(uv_work_t *work)
{
	struct mail_job *job = (struct mail_job *)work;

	job->result = xlvs_ld_mail_send(job->mail);
}

static void on_mail_sent(uv_work_t *work, int status)
{
	struct mail_job *job = (struct mail_job *)work;

	if (status < 0 || job->result < 0)
		xlvs_ld_log("failed to send email message: %s", xlvs_ld_mail_problem(job->mail));
	job->commands->n_mails--;
	xlvs_ld_mail_free(job->mail);
	free(job);
}

void xlvs_ld_commands_mail(struct xlvs_ld_commands *commands, const struct xlvs_ld_virtual *service,
			   const char *from, const char *subject, const char *condition)
{
	struct mail_job *job = calloc(1, sizeof(*job));

	if (job) {
		job->commands = commands;
		job->mail = xlvs_ld_mail_new(service, from, subject, condition);
	}
	if (!job || !job->mail ||
	    uv_queue_work(commands->loop, &job->work, send_mail, on_mail_sent) < 0) {
		xlvs_ld_log("failed to send email message: out of memory");
		xlvs_ld_mail_free(job ? job->mail : NULL);
		free(job);
		return;
	}
	commands->n_mails++;
}

bool xlvs_ld_commands_are_done(const struct xlvs_ld_commands *commands)
{
	return !commands->runs && !commands->n_mails && STAILQ_EMPTY(&commands->waiting);
}
