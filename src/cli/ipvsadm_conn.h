/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connection listing: `ipvsadm -Lc` and `xlvs conn`. */
#ifndef XLVS_CLI_IPVSADM_CONN_H
#define XLVS_CLI_IPVSADM_CONN_H

#include "control/info.h"

#include <stdbool.h>
#include <stdio.h>

/* The two header lines; with `with_pe`, the columns of persistence engines as well. */
void xlvs_ipvsadm_print_conn_title(FILE *out, bool with_pe);

/* A row, with the columns of its persistence engine unless that is NULL. */
void xlvs_ipvsadm_print_conn(FILE *out, bool numeric, const struct xlvs_conn_entry *entry,
			     const struct xlvs_conn_pe *pe);

/* TCP, UDP, ...; "IP" for the template of a firewall mark. `text` holds what has no word. */
const char *xlvs_ipvsadm_conn_protocol(uint8_t protocol, char text[static 8]);

#endif
