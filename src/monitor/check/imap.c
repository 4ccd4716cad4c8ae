// SPDX-License-Identifier: GPL-2.0-or-later
/* imap and imaps: up when the server greets and, if there is a login, accepts it. */
#include "monitor/check/mail.h"

static void start(struct xlvs_attempt *attempt)
{
	bool tls = attempt->check->spec.service == XLVS_SERVICE_imaps;

	xlvs_mail_start(attempt, tls ? "imaps" : "imap", "", "Z LOGOUT\r\n");
}

const struct xlvs_checker xlvs_checker_imap = {
	.bytes = sizeof(struct xlvs_mail),
	.start = start,
	.stop = xlvs_mail_stop,
};
