/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files IPVS has in /proc/net, made of the director's answers. */
#ifndef XLVS_PRELOAD_PROC_H
#define XLVS_PRELOAD_PROC_H

#include <stdbool.h>

/* Whether `path` names one of them, in the network namespace of the calling thread. */
bool xlvs_proc_is_ours(const char *path);

/* The same, and there is a director to fill it. Leaves errno as it is. */
bool xlvs_proc_is_there(const char *path);

/* A descriptor from which to read the file as it is now; `flags` are open()'s. -ENOENT when it is
 * not ours, or is to be written, or there is no director. */
int xlvs_proc_open(const char *path, int flags);

#endif
