// SPDX-License-Identifier: GPL-2.0-or-later
/* smtp and submission: up when the greeting is 220 and EHLO, or else HELO, is accepted. No login.
 */
#include "monitor/check/mail.h"

static void start(struct xlvs_attempt *attempt)
{
	xlvs_mail_start(attempt, "smtp", "localhost.localdomain", "QUIT\r\n");
}

const struct xlvs_checker xlvs_checker_smtp = {
	.bytes = sizeof(struct xlvs_mail),
	.start = start,
	.stop = xlvs_mail_stop,
};
