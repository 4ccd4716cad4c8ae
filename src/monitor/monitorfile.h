/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The monitorfile of a virtual service: a line for each result, as ldirectord writes it. */
#ifndef XLVS_MONITOR_MONITORFILE_H
#define XLVS_MONITOR_MONITORFILE_H

#include "monitor/machine.h"

/* Append the result to the service's monitorfile, if it has one. 0 or -errno. */
int xlvs_ld_monitorfile_write(const struct xlvs_server *server, bool up, const char *text);

#endif
