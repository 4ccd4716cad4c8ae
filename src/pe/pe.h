/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The persistence engines' names. An engine is one file, name.bpf.c, and a line in list.h. */
#ifndef XLVS_PE_PE_H
#define XLVS_PE_PE_H

#include <stdint.h>

#include "pe/list.h"

/* Number of a name ("" is XLVS_PE_NONE), -ENOENT when there is none; and back, NULL for what is no
 * number of an engine's. */
int xlvs_pe_find(const char *name);
const char *xlvs_pe_name(uint8_t number);

#endif
