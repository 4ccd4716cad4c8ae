/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ipvsadm's own words about itself. */
#ifndef XLVS_CLI_IPVSADM_HELP_H
#define XLVS_CLI_IPVSADM_HELP_H

#include <stdio.h>

void xlvs_ipvsadm_print_version(FILE *out);
void xlvs_ipvsadm_print_usage(FILE *out, const char *program);

/* The hint at the usage. */
void xlvs_ipvsadm_print_try(FILE *out, const char *program);

#endif
