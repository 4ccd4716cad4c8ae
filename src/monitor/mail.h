/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One e-mail about a change, with the words of ldirectord's. Sending blocks: it is for a worker. */
#ifndef XLVS_MONITOR_MAIL_H
#define XLVS_MONITOR_MAIL_H

#include "monitor/config.h"

struct xlvs_ld_mail;

/* The service's settings say to whom and by which server, the local sendmail without one. `from`
 * may be NULL. Everything is copied. NULL without memory. */
struct xlvs_ld_mail *xlvs_ld_mail_new(const struct xlvs_ld_virtual *service, const char *from,
				      const char *subject, const char *condition);
void xlvs_ld_mail_free(struct xlvs_ld_mail *mail);

/* 0 or negative, then xlvs_ld_mail_problem() says why. */
int xlvs_ld_mail_send(struct xlvs_ld_mail *mail);
const char *xlvs_ld_mail_problem(const struct xlvs_ld_mail *mail);

/* The whole message, lines ending in CRLF. */
const char *xlvs_ld_mail_text(const struct xlvs_ld_mail *mail);

#endif
