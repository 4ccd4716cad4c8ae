/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local addresses of services: the listing of -G, and their lines of -S. */
#ifndef XLVS_CLI_IPVSADM_LOCAL_H
#define XLVS_CLI_IPVSADM_LOCAL_H

#include "cli/ipvsadm_command.h"
#include "control/client.h"

#include <stdio.h>

/* Each: 0 or -errno. -ESRCH: no such service. */
int xlvs_ipvsadm_list_locals(struct xlvs_client *client, FILE *out,
			     const struct ipvsadm_command *command);
int xlvs_ipvsadm_save_locals(struct xlvs_client *client, FILE *out,
			     const struct ipvsadm_command *command);

#endif
