/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `receive`: a Perl-compatible regular expression, searched in bytes as they came, in bounded time.
 */
#ifndef XLVS_MONITOR_CHECK_PATTERN_H
#define XLVS_MONITOR_CHECK_PATTERN_H

#include <stddef.h>

#include "base/error.h"

struct xlvs_pattern;

/* 0, -EILSEQ (*reterr says what is wrong and where) or -ENOMEM. */
int xlvs_pattern_new(const char *text, struct xlvs_error *reterr,
		     struct xlvs_pattern **ret_pattern);
void xlvs_pattern_free(struct xlvs_pattern *pattern);

/* 1 found, 0 not found, -E2BIG when the search took too many steps. */
int xlvs_pattern_search(const struct xlvs_pattern *pattern, const char *bytes, size_t length);

#endif
