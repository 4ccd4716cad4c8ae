// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/ipvsadm_list.h"

#include "base/cleanup.h"
#include "cli/conn_json.h"
#include "cli/ipvsadm_conn.h"
#include "cli/ipvsadm_format.h"
#include "cli/ipvsadm_json.h"
#include "cli/ipvsadm_local.h"
#include "cli/ipvsadm_order.h"
#include "control/client.h"

#include <errno.h>

/* How many services' dests are asked for at once. */
#define SERVICES_AHEAD 64

static bool is_json(const struct ipvsadm_command *command)
{
	return xlvs_ipvsadm_has(command, IPVSADM_JSON);
}

static void print_rows(FILE *out, const struct ipvsadm_command *command,
		       const struct xlvs_service_info *service, const struct xlvs_dest_info *dests,
		       size_t n_dests)
{
	const struct xlvs_service_key *key = &service->spec.key;
	bool numeric = xlvs_ipvsadm_has(command, IPVSADM_NUMERIC);

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
}

static void print_objects(FILE *out, const struct xlvs_service_info *service,
			  const struct xlvs_dest_info *dests, size_t n_dests)
{
	xlvs_ipvsadm_json_service(out, service);
	for (size_t i = 0; i < n_dests; i++) {
		fputs(i ? ",\n    " : "\n    ", out);
		xlvs_ipvsadm_json_dest(out, &dests[i]);
	}
	xlvs_ipvsadm_json_service_end(out);
}

/* A service and its dests, which were asked for, as rows of -L, lines of -S or objects. */
static int print_service(struct xlvs_client *client, FILE *out,
			 const struct ipvsadm_command *command,
			 const struct xlvs_service_info *service)
{
	XLVS_AUTO_FREE struct xlvs_dest_info *dests = NULL;
	size_t n_dests = 0;
	int r;

	r = xlvs_client_take_dests(client, &dests, &n_dests);
	if (r < 0)
		return r;
	if (!xlvs_ipvsadm_has(command, IPVSADM_NOSORT))
		xlvs_ipvsadm_sort_dests(dests, n_dests);
	if (is_json(command))
		print_objects(out, service, dests, n_dests);
	else
		print_rows(out, command, service, dests, n_dests);
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
		if (is_json(command))
			fputs(i ? ",\n  " : "\n  ", out);
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
	bool json;
	bool with_pe;
	size_t n;
};

static int print_conn(void *context, const struct xlvs_conn_entry *entry,
		      const struct xlvs_conn_pe *pe)
{
	struct conn_listing *listing = context;

	if (listing->json) {
		fputs(listing->n ? ",\n" : "\n", listing->out);
		xlvs_conn_print_json(listing->out, entry, pe);
	} else {
		xlvs_ipvsadm_print_conn(listing->out, listing->numeric, entry,
					listing->with_pe ? pe : NULL);
	}
	listing->n++;
	return ferror(listing->out) ? -EIO : 0;
}

static int list_conns(struct xlvs_client *client, FILE *out, const struct ipvsadm_command *command)
{
	struct conn_listing listing = {
		.out = out,
		.numeric = xlvs_ipvsadm_has(command, IPVSADM_NUMERIC),
		.json = is_json(command),
		.with_pe = xlvs_ipvsadm_has(command, IPVSADM_PERSISTENT_CONN),
	};
	int r;

	if (listing.json)
		fputc('[', out);
	else
		xlvs_ipvsadm_print_conn_title(out, listing.with_pe);
	r = xlvs_client_conns(client, print_conn, &listing);
	if (listing.json)
		fputs(listing.n ? "\n]\n" : "]\n", out);
	return r;
}

static int list_timeouts(struct xlvs_client *client, FILE *out,
			 const struct ipvsadm_command *command)
{
	struct xlvs_timeouts timeouts;
	int r;

	r = xlvs_client_timeouts(client, &timeouts);
	if (r < 0)
		return r;
	if (is_json(command)) {
		xlvs_ipvsadm_json_timeouts(out, &timeouts);
		fputc('\n', out);
		return 0;
	}
	fprintf(out, "Timeout (tcp tcpfin udp): %u %u %u\n", timeouts.tcp_sec, timeouts.tcp_fin_sec,
		timeouts.udp_sec);
	return 0;
}

static int list_syncs(struct xlvs_client *client, FILE *out, const struct ipvsadm_command *command)
{
	struct xlvs_sync_spec syncs[2];
	size_t n = 0;
	int r;

	r = xlvs_client_syncs(client, syncs, &n);
	if (r < 0)
		return r;
	if (is_json(command))
		fputc('[', out);
	for (size_t i = 0; i < n; i++) {
		if (!is_json(command)) {
			xlvs_ipvsadm_print_sync(out, &syncs[i]);
			continue;
		}
		fputs(i ? ",\n" : "\n", out);
		xlvs_ipvsadm_json_sync(out, &syncs[i]);
	}
	if (is_json(command))
		fputs(n ? "\n]\n" : "]\n", out);
	return 0;
}

/* All services, or the one that is named, as one document. */
static int list_objects(struct xlvs_client *client, FILE *out,
			const struct ipvsadm_command *command)
{
	bool is_one = xlvs_ipvsadm_has(command, IPVSADM_SERVICE);
	struct xlvs_service_info service;
	struct xlvs_director_info info;
	int r;

	r = xlvs_client_info(client, &info);
	if (r == 0 && is_one)
		r = xlvs_client_service(client, &command->service.key, &service);
	if (r < 0)
		return r;
	fprintf(out, "{\"version\": \"%u.%u.%u\", \"size\": %u, \"services\": [",
		info.version >> 16 & 0xff, info.version >> 8 & 0xff, info.version & 0xff,
		info.connection_table_size);
	r = is_one ? print_services(client, out, command, &service, 1)
		   : print_all(client, out, command);
	fputs("\n]}\n", out);
	return r;
}

int xlvs_ipvsadm_list(struct xlvs_client *client, FILE *out, const struct ipvsadm_command *command)
{
	if (command->verb == IPVSADM_GET_LADDR)
		return xlvs_ipvsadm_list_locals(client, out, command);
	if (xlvs_ipvsadm_has(command, IPVSADM_CONNECTION))
		return list_conns(client, out, command);
	if (xlvs_ipvsadm_has(command, IPVSADM_TIMEOUT))
		return list_timeouts(client, out, command);
	if (xlvs_ipvsadm_has(command, IPVSADM_DAEMON))
		return list_syncs(client, out, command);
	if (is_json(command))
		return list_objects(client, out, command);
	if (xlvs_ipvsadm_has(command, IPVSADM_SERVICE))
		return list_service(client, out, command);
	return list_all(client, out, command);
}

int xlvs_ipvsadm_save(struct xlvs_client *client, FILE *out, const struct ipvsadm_command *command)
{
	int r;

	r = print_all(client, out, command);
	return r < 0 ? r : xlvs_ipvsadm_save_locals(client, out, command);
}
