/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection as a JSON object. Its names are ABI. */
#ifndef XLVS_CLI_CONN_JSON_H
#define XLVS_CLI_CONN_JSON_H

#include "control/info.h"

#include <stdio.h>

/* One object on one line, without newline. Written by hand rather than through a document, for
 * there may be millions. */
void xlvs_conn_print_json(FILE *out, const struct xlvs_conn_entry *entry,
			  const struct xlvs_conn_pe *pe);

#endif
