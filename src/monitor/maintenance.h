/* SPDX-License-Identifier: GPL-2.0-or-later */
/* maintenancedir: a file named after a real server takes it out of service.
 *
 * Names are IP:PORT, IP, and the host name that the address stands for, whole or its first part,
 * with :PORT or without. The directory is read when it has changed. Host names are looked up only
 * when a file's name is no address, without holding up anything, and once for each server. */
#ifndef XLVS_MONITOR_MAINTENANCE_H
#define XLVS_MONITOR_MAINTENANCE_H

#include "monitor/machine.h"

#include <uv.h>

struct xlvs_ld_maintenance;

struct xlvs_ld_maintenance_user {
	void *context;
	/* A server enters or leaves maintenance. */
	void (*changed)(void *context, struct xlvs_server *server, bool on);
};

/* The services stay the same for the whole life. `directory` NULL: nothing is in maintenance. */
int xlvs_ld_maintenance_new(uv_loop_t *loop, const char *directory,
			    const struct xlvs_services *services,
			    const struct xlvs_ld_maintenance_user *user,
			    struct xlvs_ld_maintenance **ret_maintenance);
/* NULL is allowed. Memory goes when the last name has been looked up. */
void xlvs_ld_maintenance_free(struct xlvs_ld_maintenance *maintenance);

/* Look whether the directory has changed: once a second. */
void xlvs_ld_maintenance_look(struct xlvs_ld_maintenance *maintenance);

#endif
