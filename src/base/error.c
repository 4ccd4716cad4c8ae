// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

int xlvs_refuse(struct xlvs_error *reterr, int code, const char *format, ...)
{
	va_list args;

	if (reterr) {
		va_start(args, format);
		vsnprintf(reterr->text, sizeof(reterr->text), format, args);
		va_end(args);
	}
	return code;
}
