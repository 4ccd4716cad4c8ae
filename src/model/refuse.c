// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/refuse.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

struct row {
	bool wanted;
	const char *what;
};

static int refuse_first(const struct row *rows, size_t n_rows, struct xlvs_error *reterr)
{
	for (size_t i = 0; i < n_rows; i++) {
		if (rows[i].wanted)
			return xlvs_refuse(reterr, -EOPNOTSUPP, "%s not supported yet",
					   rows[i].what);
	}
	return 0;
}

int xlvs_refuse_service(const struct xlvs_service_spec *spec, struct xlvs_error *reterr)
{
	const struct xlvs_service_key *key = &spec->key;
	const struct row rows[] = {
		{key->protocol != IPPROTO_TCP && key->protocol != IPPROTO_UDP &&
			 key->protocol != IPPROTO_SCTP,
		 "services of protocols other than TCP, UDP and SCTP are"},
		{!key->fwmark && !key->port && !(spec->flags & XLVS_SERVICE_PERSISTENT),
		 "port 0 (all ports) without persistence is"},
		{spec->flags >= 2 * XLVS_SERVICE_SCHED3, "an unknown service flag is"},
	};

	return refuse_first(rows, sizeof(rows) / sizeof(rows[0]), reterr);
}

int xlvs_refuse_dest(const struct xlvs_service_spec *service, const struct xlvs_dest_spec *spec,
		     struct xlvs_error *reterr)
{
	bool fullnat = spec->method == XLVS_METHOD_FULLNAT;
	const struct row rows[] = {
		{spec->method == XLVS_METHOD_LOCAL, "forwarding method local is"},
		{spec->method == XLVS_METHOD_BYPASS, "forwarding method bypass is"},
		{fullnat && service->flags & XLVS_SERVICE_ONE_PACKET,
		 "forwarding method fullnat with one-packet scheduling is"},
		{service->pe[0] && service->flags & XLVS_SERVICE_ONE_PACKET &&
			 spec->method == XLVS_METHOD_NAT,
		 "forwarding method masq with one-packet scheduling and a persistence engine is"},
		{spec->method > XLVS_METHOD_FULLNAT, "an unknown forwarding method is"},
		{spec->tunnel_type > XLVS_TUNNEL_GRE, "an unknown tunnel type is"},
		{spec->tunnel_flags & ~(XLVS_TUNNEL_CSUM | XLVS_TUNNEL_REMCSUM),
		 "an unknown tunnel flag is"},
	};

	return refuse_first(rows, sizeof(rows) / sizeof(rows[0]), reterr);
}
