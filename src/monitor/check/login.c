// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/check/login.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

void xlvs_login_or_host(const char *login, char *text)
{
	const char *host = getenv("HOSTNAME");
	struct utsname name;

	if (*login) {
		snprintf(text, XLVS_LOGIN_BYTES, "%s", login);
		return;
	}
	if (!host || !*host)
		host = uname(&name) ? "localhost" : name.nodename;
	snprintf(text, XLVS_LOGIN_BYTES, "ldirectord@%s", host);
}

static int check(const char *what, const char *text, struct xlvs_error *reterr)
{
	if (strlen(text) >= XLVS_LOGIN_BYTES)
		return xlvs_refuse(reterr, -EINVAL, "%s \"%.40s...\" is too long", what, text);
	if (text[strcspn(text, "\r\n")])
		return xlvs_refuse(reterr, -EINVAL, "%s has more than one line", what);
	return 0;
}

int xlvs_login_validate(const struct xlvs_check_spec *spec, struct xlvs_error *reterr)
{
	int err = check("login", spec->login, reterr);

	if (!err)
		err = check("password", spec->password, reterr);
	return err ? err : check("request", spec->request, reterr);
}
