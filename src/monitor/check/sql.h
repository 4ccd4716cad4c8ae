/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the checkers of databases have in common. */
#ifndef XLVS_MONITOR_CHECK_SQL_H
#define XLVS_MONITOR_CHECK_SQL_H

#include "monitor/check/check.h"

/* A login and a request are mandatory. */
int xlvs_sql_validate(const struct xlvs_check_spec *spec, struct xlvs_error *reterr);
/* The question, without the slash a configuration puts in front. */
const char *xlvs_sql_request(const struct xlvs_check_spec *spec);
/* The real server's address, without brackets; `text` holds INET6_ADDRSTRLEN. */
void xlvs_sql_address(const struct xlvs_check_spec *spec, char *text);
/* The file of authorities a server's certificate is verified with. */
const char *xlvs_sql_ca(const struct xlvs_check_spec *spec);

#endif
