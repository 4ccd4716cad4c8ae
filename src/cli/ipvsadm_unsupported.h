/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ipvsadm can ask for and this director cannot do yet: refused by name, never ignored. */
#ifndef XLVS_CLI_IPVSADM_UNSUPPORTED_H
#define XLVS_CLI_IPVSADM_UNSUPPORTED_H

#include "base/error.h"
#include "cli/ipvsadm_command.h"

/* For a command that has passed ipvsadm's own checks: IPVSADM_DONE, or IPVSADM_REFUSED with the
 * sentence in `reterr`. */
enum ipvsadm_outcome xlvs_ipvsadm_supported(const struct ipvsadm_command *command,
					    struct xlvs_error *reterr);

#endif
