// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/conn_json.h"

#include "cli/ipvsadm_conn.h"

#include <arpa/inet.h>

static void print_end(FILE *out, const char *name, uint16_t family,
		      const struct xlvs_address *address, __be16 port)
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(family, address, text, sizeof(text));
	fprintf(out, ", \"%s\": {\"address\": \"%s\", \"port\": %u}", name, text, ntohs(port));
}

/* Each byte a character of Latin 1. */
static void print_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c >= 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			fprintf(out, c == '"' || c == '\\' ? "\\%c" : "%c", c);
	}
}

void xlvs_conn_print_json(FILE *out, const struct xlvs_conn_entry *entry,
			  const struct xlvs_conn_pe *pe)
{
	char protocol[8];

	fprintf(out, "{\"protocol\": \"%s\", \"state\": \"",
		xlvs_ipvsadm_conn_protocol(entry->protocol, protocol));
	print_text(out, entry->state);
	fprintf(out, "\", \"expires_sec\": %u", entry->expires_sec);
	print_end(out, "client", entry->family, &entry->client, entry->client_port);
	print_end(out, "virtual", entry->family, &entry->virtual_address, entry->virtual_port);
	print_end(out, "destination", entry->dest_family, &entry->dest, entry->dest_port);
	fprintf(out, ", \"template\": %s", entry->flags & XLVS_CONN_TEMPLATE ? "true" : "false");
	if (pe) {
		fputs(", \"pe\": {\"name\": \"", out);
		print_text(out, pe->name);
		fputs("\", \"data\": \"", out);
		print_text(out, pe->data);
		fputs("\"}", out);
	}
	fputc('}', out);
}
