/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ipvsadm -L and -S: ask the director and print. */
#ifndef XLVS_CLI_IPVSADM_LIST_H
#define XLVS_CLI_IPVSADM_LIST_H

#include "cli/ipvsadm_command.h"

#include <stdio.h>

struct xlvs_client;

/* What a -L command asks for: everything, one service, connections, timeouts or sync daemons.
 * Returns 0 or the director's negative errno; what was printed before a failure stays. */
int xlvs_ipvsadm_list(struct xlvs_client *client, FILE *out, const struct ipvsadm_command *command);

/* All services and destinations as commands for -R. */
int xlvs_ipvsadm_save(struct xlvs_client *client, FILE *out, const struct ipvsadm_command *command);

#endif
