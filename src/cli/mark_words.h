/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mark rules as words: tcp|udp|any ADDR[/LEN][:PORTS] MARK. An IPv6 address that is followed
 * by ports stands in brackets: [ADDR]/LEN:PORT. */
#ifndef XLVS_CLI_MARK_WORDS_H
#define XLVS_CLI_MARK_WORDS_H

#include "base/error.h"
#include "model/spec.h"

/* Read a rule; `mark` may be NULL: then it is 0. -EINVAL, with the word that is wrong. */
int xlvs_mark_words_parse(const char *protocol, const char *packets, const char *mark,
			  struct xlvs_mark_spec *ret_spec, struct xlvs_error *reterr);

#endif
