// SPDX-License-Identifier: GPL-2.0-or-later
/* pop and pops: up when the server greets and, if there is a login, accepts it. */
#include "monitor/check/mail.h"

static void start(struct xlvs_attempt *attempt)
{
	bool tls = attempt->check->spec.service == XLVS_SERVICE_pops;

	xlvs_mail_start(attempt, tls ? "pop3s" : "pop3", "", "QUIT\r\n");
}

const struct xlvs_checker xlvs_checker_pop = {
	.bytes = sizeof(struct xlvs_mail),
	.start = start,
	.stop = xlvs_mail_stop,
};
