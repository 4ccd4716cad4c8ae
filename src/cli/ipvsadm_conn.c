// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/ipvsadm_conn.h"

#include "cli/ipvsadm_address.h"

#include <netinet/in.h>

void xlvs_ipvsadm_print_conn_title(FILE *out, bool with_pe)
{
	fputs("IPVS connection entries\n"
	      "pro expire state       source             virtual            destination",
	      out);
	fputs(with_pe ? "        pe name          pe_data\n" : "\n", out);
}

const char *xlvs_ipvsadm_conn_protocol(uint8_t protocol, char text[static 8])
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "TCP";
	case IPPROTO_UDP:
		return "UDP";
	case IPPROTO_SCTP:
		return "SCTP";
	case IPPROTO_ICMP:
		return "ICMP";
	case IPPROTO_ICMPV6:
		return "ICMPv6";
	case IPPROTO_IP:
		return "IP";
	default:
		snprintf(text, 8, "IP_%u", protocol);
		return text;
	}
}

void xlvs_ipvsadm_print_conn(FILE *out, bool numeric, const struct xlvs_conn_entry *entry,
			     const struct xlvs_conn_pe *pe)
{
	const struct xlvs_dest_key client = {entry->family, entry->client, entry->client_port};
	const struct xlvs_dest_key service = {entry->family, entry->virtual_address,
					      entry->virtual_port};
	const struct xlvs_dest_key dest = {entry->dest_family, entry->dest, entry->dest_port};
	char client_text[IPVSADM_ADDRESS_BYTES];
	char service_text[IPVSADM_ADDRESS_BYTES];
	char dest_text[IPVSADM_ADDRESS_BYTES];
	char protocol_text[8];
	char expires[24];

	snprintf(expires, sizeof(expires), "%02u:%02u", entry->expires_sec / 60,
		 entry->expires_sec % 60);
	fprintf(out, "%-3s %-6s %-11s %-18s %-18s ",
		xlvs_ipvsadm_conn_protocol(entry->protocol, protocol_text), expires, entry->state,
		xlvs_ipvsadm_format_address(&client, entry->protocol, numeric, client_text),
		xlvs_ipvsadm_format_address(&service, entry->protocol, numeric, service_text));
	xlvs_ipvsadm_format_address(&dest, entry->protocol, numeric, dest_text);
	if (pe)
		fprintf(out, "%-16s %-18s %s\n", dest_text, pe->name, pe->data);
	else
		fprintf(out, "%s\n", dest_text);
}
