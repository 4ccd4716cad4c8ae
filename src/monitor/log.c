// SPDX-License-Identifier: GPL-2.0-or-later
#define SYSLOG_NAMES
#include "monitor/log.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

static struct {
	enum xlvs_ld_log_where where;
	char file[256]; /* "": syslog */
	char name[256];
} log_state = {.where = XLVS_LD_LOG_STDERR};

int xlvs_ld_log_facility(const char *name, int *ret_facility)
{
	for (const CODE *code = facilitynames; code->c_name; code++) {
		if (strcmp(code->c_name, name) == 0) {
			*ret_facility = code->c_val;
			return 0;
		}
	}
	return -EINVAL;
}

static int open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0644);

	return fd < 0 ? -errno : fd;
}

int xlvs_ld_log_open(enum xlvs_ld_log_where where, const char *logfile, const char *name)
{
	bool is_file = *logfile == '/';
	XLVS_AUTO_CLOSE int fd = -1;
	int facility = LOG_DAEMON;

	if (strlen(logfile) >= sizeof(log_state.file))
		return -ENAMETOOLONG;
	if (where == XLVS_LD_LOG_CONFIGURED) {
		if (is_file)
			fd = open_file(logfile);
		else if (xlvs_ld_log_facility(logfile, &facility) < 0)
			return -EINVAL;
		if (is_file && fd < 0)
			return fd;
		if (!is_file)
			openlog("ldirectord", LOG_PID, facility);
	}
	log_state.where = where;
	snprintf(log_state.file, sizeof(log_state.file), "%s", is_file ? logfile : "");
	snprintf(log_state.name, sizeof(log_state.name), "%s", name);
	return 0;
}

static void write_file(const char *now, const char *text)
{
	XLVS_AUTO_CLOSE int fd = open_file(log_state.file);

	if (fd >= 0)
		dprintf(fd, "[%s|%s|%d] %s\n", now, log_state.name, (int)getpid(), text);
}

void xlvs_ld_log(const char *format, ...)
{
	time_t seconds = time(NULL);
	char text[1024], now[64];
	struct tm local;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	strftime(now, sizeof(now), "%a %b %e %H:%M:%S %Y", localtime_r(&seconds, &local));
	if (log_state.where == XLVS_LD_LOG_STDERR)
		fprintf(stderr, "%s\n", text);
	else if (log_state.where == XLVS_LD_LOG_STDOUT)
		dprintf(STDOUT_FILENO, "[%s] %s\n", now, text);
	else if (log_state.file[0])
		write_file(now, text);
	else
		syslog(LOG_INFO, "%s", text);
}
