// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void xlvs_ld_problem_add(struct xlvs_ld_problems *problems, bool is_error,
			 struct xlvs_ld_place place, const char *format, ...)
{
	struct xlvs_ld_problem *list;
	char *text = NULL;
	va_list args;
	size_t at;
	int length;

	problems->n_errors += is_error;
	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length < 0)
		return;
	list = reallocarray(problems->list, problems->n + 1, sizeof(*list));
	if (!list) {
		free(text);
		return;
	}
	/* What is decided at a block's or the file's end may concern an earlier line. */
	for (at = problems->n; at > 0 && (list[at - 1].place.line > place.line ||
					  (list[at - 1].place.line == place.line &&
					   list[at - 1].place.column > place.column));
	     at--)
		;
	problems->list = list;
	if (at > 0 && memcmp(&list[at - 1].place, &place, sizeof(place)) == 0 &&
	    strcmp(list[at - 1].text, text) == 0) {
		problems->n_errors -= is_error;
		free(text);
		return;
	}
	memmove(&list[at + 1], &list[at], (problems->n - at) * sizeof(*list));
	list[at] = (struct xlvs_ld_problem){place, is_error, text};
	problems->n++;
}

void xlvs_ld_problems_free(struct xlvs_ld_problems *problems)
{
	for (size_t i = 0; i < problems->n; i++)
		free(problems->list[i].text);
	free(problems->list);
	*problems = (struct xlvs_ld_problems){0};
}
