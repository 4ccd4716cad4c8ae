/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libbpf prints why something failed; a library must not. Here its words are kept for the refusal
 * that the user is shown. */
#ifndef XLVS_LOADER_COMPLAINT_H
#define XLVS_LOADER_COMPLAINT_H

#include "base/error.h"

/* Forget what was said before, and catch what libbpf says from now on. */
void xlvs_complaint_listen(void);

/* Refuse with `what` and the first warning since, or the words for `code` if there was none. */
int xlvs_complaint_refuse(struct xlvs_error *reterr, int code, const char *what);

#endif
