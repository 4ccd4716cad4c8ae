/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ipvsadm's command line, read word by word: short and long options by popt, values checked as
 * they come. What options mean together is ipvsadm_rules.h's. */
#ifndef XLVS_CLI_IPVSADM_ARGS_H
#define XLVS_CLI_IPVSADM_ARGS_H

#include "base/error.h"
#include "cli/ipvsadm_command.h"

/* Read the words after argv[0]. IPVSADM_DONE with *ret_command filled; or IPVSADM_REFUSED or
 * IPVSADM_BAD_WORD with ipvsadm's sentence in `reterr`; or IPVSADM_TRY_HELP, with none. May wait
 * for the resolver. */
enum ipvsadm_outcome xlvs_ipvsadm_parse(int argc, char **argv, struct ipvsadm_command *ret_command,
					struct xlvs_error *reterr);

#endif
