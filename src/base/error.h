/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A refusal that reaches a user: a code for the program, a sentence for the person.
 *
 * Functions that can refuse what a user asked for take `struct xlvs_error *reterr` as their last
 * parameter, return 0 or -errno, and on failure say in one line what was refused and why. */
#ifndef XLVS_BASE_ERROR_H
#define XLVS_BASE_ERROR_H

struct xlvs_error {
	char text[256];
};

/* Write the sentence and return `code` (a negative errno), so that `return xlvs_refuse(...)`
 * refuses in one line. `reterr` may be NULL: the code alone is returned. */
int xlvs_refuse(struct xlvs_error *reterr, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
