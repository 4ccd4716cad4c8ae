// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/complaint.h"

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char first_warning[192];

static int keep_first_warning(enum libbpf_print_level level, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static int keep_first_warning(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level != LIBBPF_WARN || first_warning[0])
		return 0;
	vsnprintf(first_warning, sizeof(first_warning), format, args);
	first_warning[strcspn(first_warning, "\n")] = '\0';
	return 0;
}

void xlvs_complaint_listen(void)
{
	first_warning[0] = '\0';
	libbpf_set_print(keep_first_warning);
}

int xlvs_complaint_refuse(struct xlvs_error *reterr, int code, const char *what)
{
	static const char prefix[] = "libbpf: ";
	const char *said = first_warning;

	if (!strncmp(said, prefix, sizeof(prefix) - 1))
		said += sizeof(prefix) - 1;
	return xlvs_refuse(reterr, code, "%s: %s", what, *said ? said : strerror(-code));
}
