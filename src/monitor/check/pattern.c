// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/check/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>

enum {
	/* A search backtracks at most so often (some 20 ms) and with so much memory. */
	STEPS = 1000000,
	HEAP_KIB = 4096,
};

struct xlvs_pattern {
	pcre2_code *code;
	pcre2_match_context *limits;
	pcre2_match_data *found;
};

static int compile(struct xlvs_pattern *pattern, const char *text, struct xlvs_error *reterr)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	PCRE2_UCHAR reason[128];
	PCRE2_SIZE offset;
	int code;

	if (!context)
		return -ENOMEM;
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	pattern->code =
		pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, &code, &offset, context);
	pcre2_compile_context_free(context);
	if (pattern->code)
		return 0;
	pcre2_get_error_message(code, reason, sizeof(reason));
	return xlvs_refuse(reterr, -EILSEQ,
			   "receive \"%s\" is not a regular expression: %s at character %zu", text,
			   (char *)reason, (size_t)offset + 1);
}

int xlvs_pattern_new(const char *text, struct xlvs_error *reterr, struct xlvs_pattern **ret_pattern)
{
	struct xlvs_pattern *pattern = calloc(1, sizeof(*pattern));
	int err;

	if (!pattern)
		return -ENOMEM;
	err = compile(pattern, text, reterr);
	if (err)
		goto fail;
	pattern->limits = pcre2_match_context_create(NULL);
	pattern->found = pcre2_match_data_create(1, NULL);
	if (!pattern->limits || !pattern->found) {
		err = -ENOMEM;
		goto fail;
	}
	pcre2_set_match_limit(pattern->limits, STEPS);
	pcre2_set_heap_limit(pattern->limits, HEAP_KIB);
	*ret_pattern = pattern;
	return 0;
fail:
	xlvs_pattern_free(pattern);
	return err;
}

void xlvs_pattern_free(struct xlvs_pattern *pattern)
{
	if (!pattern)
		return;
	pcre2_match_data_free(pattern->found);
	pcre2_match_context_free(pattern->limits);
	pcre2_code_free(pattern->code);
	free(pattern);
}

int xlvs_pattern_search(const struct xlvs_pattern *pattern, const char *bytes, size_t length)
{
	int count = pcre2_match(pattern->code, (PCRE2_SPTR)bytes, length, 0, 0, pattern->found,
				pattern->limits);

	if (count == PCRE2_ERROR_NOMATCH)
		return 0;
	return count < 0 ? -E2BIG : 1;
}
