/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What smtp, pop and imap have in common: libcurl opens the connection, with TLS and login where
 * asked for; that it is open is the answer. */
#ifndef XLVS_MONITOR_CHECK_MAIL_H
#define XLVS_MONITOR_CHECK_MAIL_H

#include "monitor/check/curl.h"

struct xlvs_mail {
	struct xlvs_attempt attempt;
	struct xlvs_curl_transfer transfer;
	const char *farewell;
	char greeting[XLVS_CHECK_TEXT_BYTES];
};

/* `scheme` is libcurl's, `path` ends the URL, `farewell` is said before the connection closes. */
void xlvs_mail_start(struct xlvs_attempt *attempt, const char *scheme, const char *path,
		     const char *farewell);
void xlvs_mail_stop(struct xlvs_attempt *attempt);

#endif
