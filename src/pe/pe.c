// SPDX-License-Identifier: GPL-2.0-or-later
#include "pe/pe.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char *const names[] = {[XLVS_PE_NONE] = "",
#define NAME(name, number) [XLVS_PE_##name] = #name,
				    XLVS_PES(NAME)
#undef NAME
};

#define N_PES (sizeof(names) / sizeof(names[0]))

int xlvs_pe_find(const char *name)
{
	for (size_t i = 0; i < N_PES; i++) {
		if (!strcmp(names[i], name))
			return (int)i;
	}
	return -ENOENT;
}

const char *xlvs_pe_name(uint8_t number)
{
	return number < N_PES ? names[number] : NULL;
}
