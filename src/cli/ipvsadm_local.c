// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/ipvsadm_local.h"

#include "base/cleanup.h"
#include "cli/ipvsadm_format.h"

#include <arpa/inet.h>
#include <string.h>

static const char *address_text(const struct xlvs_local_address *local, char text[INET6_ADDRSTRLEN])
{
	return inet_ntop(local->family, &local->address, text, INET6_ADDRSTRLEN);
}

/* The addresses of a service come one after the other. */
static void print_locals(FILE *out, bool numeric, const struct xlvs_local_info *locals, size_t n)
{
	char text[INET6_ADDRSTRLEN] = "";

	fputs("Prot VirtualAddress:Port\n  -> LocalAddress\n", out);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || memcmp(&locals[i].service, &locals[i - 1].service,
				     sizeof(locals[i].service)) != 0)
			xlvs_ipvsadm_print_service_name(out, numeric, &locals[i].service);
		fprintf(out, "  -> %s\n", address_text(&locals[i].local, text));
	}
}

int xlvs_ipvsadm_list_locals(struct xlvs_client *client, FILE *out,
			     const struct ipvsadm_command *command)
{
	const struct xlvs_service_key *key =
		xlvs_ipvsadm_has(command, IPVSADM_SERVICE) ? &command->service.key : NULL;
	XLVS_AUTO_FREE struct xlvs_local_info *locals = NULL;
	size_t n = 0;
	int r;

	r = xlvs_client_locals(client, key, &locals, &n);
	if (r == 0)
		print_locals(out, xlvs_ipvsadm_has(command, IPVSADM_NUMERIC), locals, n);
	return r;
}

int xlvs_ipvsadm_save_locals(struct xlvs_client *client, FILE *out,
			     const struct ipvsadm_command *command)
{
	XLVS_AUTO_FREE struct xlvs_local_info *locals = NULL;
	char text[INET6_ADDRSTRLEN] = "";
	size_t n = 0;
	int r;

	r = xlvs_client_locals(client, NULL, &locals, &n);
	for (size_t i = 0; r == 0 && i < n; i++) {
		fputs("-P ", out);
		xlvs_ipvsadm_save_service_name(out, xlvs_ipvsadm_has(command, IPVSADM_NUMERIC),
					       &locals[i].service);
		fprintf(out, " -z %s\n", address_text(&locals[i].local, text));
	}
	return r;
}
