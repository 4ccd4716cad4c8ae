// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* systemd names in JOURNAL_STREAM the device and inode of the stderr it gave us: when a shell
 * redirects stderr elsewhere, the variable is still there but names another file. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat status;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
	       status.st_ino == inode;
}

void xlvs_log(int level, const char *format, ...)
{
	static int is_journal = -1;
	char text[512];
	va_list args;

	if (is_journal < 0)
		is_journal = stderr_is_journal();
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	for (char *c = text; *c; c++)
		if (*c == '\n')
			*c = ' ';
	/* One write a line: lines of several processes on one terminal do not mix. */
	if (is_journal)
		dprintf(STDERR_FILENO, "<%d>%s\n", level, text);
	else
		dprintf(STDERR_FILENO, "xlvsd: %s\n", text);
}
