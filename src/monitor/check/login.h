/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names that line protocols carry, and those used when the configuration gives none. */
#ifndef XLVS_MONITOR_CHECK_LOGIN_H
#define XLVS_MONITOR_CHECK_LOGIN_H

#include "monitor/check/check.h"

enum {
	XLVS_LOGIN_BYTES = 512
};

/* `login`, or ldirectord@HOST: HOST is $HOSTNAME, else what uname says. */
void xlvs_login_or_host(const char *login, char *text);
/* Refuse a login, password or request that would not stay on one line, or is too long. */
int xlvs_login_validate(const struct xlvs_check_spec *spec, struct xlvs_error *reterr);

#endif
