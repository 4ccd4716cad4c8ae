// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/ipvsadm_list.h"

#include "base/cleanup.h"
#include "cli/ipvsadm_conn.h"
#include "cli/ipvsadm_format.h"
#include "cli/ipvsadm_order.h"
#include "control/client.h"

/* How many services' dests are asked for at once. */
#define SERVICES_AHEAD 64

/* A service and its dests, which were asked for, as rows of -L or lines of -S. */
static int print_service(struct xlvs_client *client, FILE *out,
			 const struct ipvsadm_command *command,
			 const struct xlvs_service_info *service)
{
	const struct xlvs_service_key *key = &service->spec.key;
	bool numeric = xlvs_ipvsadm_has(command, IPVSADM_NUMERIC);
	XLVS_AUTO_FREE struct xlvs_dest_info *dests = NULL;
	size_t n_dests = 0;
	int r;

	r = xlvs_client_take_dests(client, &dests, &n_dests);
	if (r < 0)
		return r;
	if (!xlvs_ipvsadm_has(command, IPVSADM_NOSORT))
		xlvs_ipvsadm_sort_dests(dests, n_dests);
	if (command->verb == IPVSADM_SAVE)
		xlvs_ipvsadm_save_service(out, numeric, &service->spec);
	else
		xlvs_ipvsadm_print_service(out, command, service);
	for (size_t i = 0; i < n_dests; i++) {
		if (command->verb == IPVSADM_SAVE)
			xlvs_ipvsadm_save_dest(out, numeric, key, &dests[i].spec);
		else
			xlvs_ipvsadm_print_dest(out, command, key->protocol, &dests[i]);
	}
	return 0;
}

/* While one service is printed the director answers for the next ones. */
static int print_services(struct xlvs_client *client, FILE *out,
			  const struct ipvsadm_command *command,
			  const struct xlvs_service_info *services, size_t n_services)
{
	size_t n_asked = 0;
	int r = 0;

	for (size_t i = 0; i < n_services && r == 0; i++) {
		bool must_ask = n_asked < i + SERVICES_AHEAD / 2;

		while (must_ask && n_asked < n_services && n_asked < i + SERVICES_AHEAD && r == 0)
			r = xlvs_client_ask_dests(client, &services[n_asked++].spec.key);
		if (r == 0)
			r = print_service(client, out, command, &services[i]);
	}
	return r;
}

static int print_all(struct xlvs_client *client, FILE *out, const struct ipvsadm_command *command)
{
	XLVS_AUTO_FREE struct xlvs_service_info *services = NULL;
	size_t n_services = 0;
	int r;

	r = xlvs_client_services(client, &services, &n_services);
	if (r < 0)
		return r;
	if (!xlvs_ipvsadm_has(command, IPVSADM_NOSORT))
		xlvs_ipvsadm_sort_services(services, n_services);
	return print_services(client, out, command, services, n_services);
}

static int list_all(struct xlvs_client *client, FILE *out, const struct ipvsadm_command *command)
{
	struct xlvs_director_info info;
	int r;

	r = xlvs_client_info(client, &info);
	if (r < 0)
		return r;
	fprintf(out, "IP Virtual Server version %u.%u.%u (size=%u)\n", info.version >> 16 & 0xff,
		info.version >> 8 & 0xff, info.version & 0xff, info.connection_table_size);
	xlvs_ipvsadm_print_title(out, command);
	return print_all(client, out, command);
}

static int list_service(struct xlvs_client *client, FILE *out,
			const struct ipvsadm_command *command)
{
	struct xlvs_service_info service;
	int r;

	r = xlvs_client_service(client, &command->service.key, &service);
	if (r < 0)
		return r;
	xlvs_ipvsadm_print_title(out, command);
	return print_services(client, out, command, &service, 1);
}

struct conn_listing {
	FILE *out;
	bool numeric;
};

static int print_conn(void *context, const struct xlvs_conn_entry *entry)
{
	const struct conn_listing *listing = context;

	xlvs_ipvsadm_print_conn(listing->out, listing->numeric, entry);
	return 0;
}

static int list_conns(struct xlvs_client *client, FILE *out, const struct ipvsadm_command *command)
{
	struct conn_listing listing = {out, xlvs_ipvsadm_has(command, IPVSADM_NUMERIC)};

	xlvs_ipvsadm_print_conn_title(out, xlvs_ipvsadm_has(command, IPVSADM_PERSISTENT_CONN));
	return xlvs_client_conns(client, print_conn, &listing);
}

static int list_timeouts(struct xlvs_client *client, FILE *out)
{
	struct xlvs_timeouts timeouts;
	int r;

	r = xlvs_client_timeouts(client, &timeouts);
	if (r < 0)
		return r;
	fprintf(out, "Timeout (tcp tcpfin udp): %u %u %u\n", timeouts.tcp_sec, timeouts.tcp_fin_sec,
		timeouts.udp_sec);
	return 0;
}

static int list_syncs(struct xlvs_client *client, FILE *out)
{
	struct xlvs_sync_spec syncs[2];
	size_t n = 0;
	int r;

	r = xlvs_client_syncs(client, syncs, &n);
	for (size_t i = 0; r == 0 && i < n; i++)
		xlvs_ipvsadm_print_sync(out, &syncs[i]);
	return r;
}

int xlvs_ipvsadm_list(struct xlvs_client *client, FILE *out, const struct ipvsadm_command *command)
{
	if (xlvs_ipvsadm_has(command, IPVSADM_CONNECTION))
		return list_conns(client, out, command);
	if (xlvs_ipvsadm_has(command, IPVSADM_SERVICE))
		return list_service(client, out, command);
	if (xlvs_ipvsadm_has(command, IPVSADM_TIMEOUT))
		return list_timeouts(client, out);
	if (xlvs_ipvsadm_has(command, IPVSADM_DAEMON))
		return list_syncs(client, out);
	return list_all(client, out, command);
}

int xlvs_ipvsadm_save(struct xlvs_client *client, FILE *out, const struct ipvsadm_command *command)
{
	return print_all(client, out, command);
}
