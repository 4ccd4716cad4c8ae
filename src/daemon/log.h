/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's log: one line a message on stderr, with the level in the form systemd reads when
 * stderr goes to its journal. Only daemon/ logs; every other folder returns errors. */
#ifndef XLVS_DAEMON_LOG_H
#define XLVS_DAEMON_LOG_H

#include <syslog.h>

/* level: LOG_ERR, LOG_WARNING, LOG_NOTICE or LOG_INFO. */
void xlvs_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
