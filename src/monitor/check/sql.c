// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/check/sql.h"

#include <arpa/inet.h>
#include <errno.h>

const char *xlvs_sql_request(const struct xlvs_check_spec *spec)
{
	return spec->request + (*spec->request == '/');
}

int xlvs_sql_validate(const struct xlvs_check_spec *spec, struct xlvs_error *reterr)
{
	if (*spec->login && *xlvs_sql_request(spec))
		return 0;
	return xlvs_refuse(reterr, -EINVAL, "%s needs a login and a request",
			   xlvs_check_service_name(spec->service));
}

void xlvs_sql_address(const struct xlvs_check_spec *spec, char *text)
{
	int family = spec->real.any.sa_family;

	inet_ntop(family,
		  family == AF_INET ? (const void *)&spec->real.v4.sin_addr
				    : (const void *)&spec->real.v6.sin6_addr,
		  text, INET6_ADDRSTRLEN);
}

const char *xlvs_sql_ca(const struct xlvs_check_spec *spec)
{
	return spec->ca_file ? spec->ca_file : "/etc/ssl/certs/ca-certificates.crt";
}
