/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which options go with which command, and which values with each other: everything ipvsadm
 * checks before it asks the director. Knows nothing of what the director can do. */
#ifndef XLVS_CLI_IPVSADM_RULES_H
#define XLVS_CLI_IPVSADM_RULES_H

#include "base/error.h"
#include "cli/ipvsadm_command.h"

/* ipvsadm's own names, as its refusals print them. */
const char *xlvs_ipvsadm_verb_name(enum ipvsadm_verb verb);
const char *xlvs_ipvsadm_option_name(enum ipvsadm_option option);
const char *xlvs_ipvsadm_tunnel_name(enum xlvs_tunnel_type type);

/* Check a parsed command and fill in what depends on several of its words: the default
 * scheduler and interface, and the port that a destination of -g or -i shares with its service.
 * IPVSADM_DONE, or IPVSADM_REFUSED with ipvsadm's sentence in `reterr`. */
enum ipvsadm_outcome xlvs_ipvsadm_check(struct ipvsadm_command *command, struct xlvs_error *reterr);

#endif
