// SPDX-License-Identifier: GPL-2.0-or-later
#include "preload/proc_text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

enum {
	PER_SECOND = 250, /* jiffies, as Debian's kernels count */
	ADDRESS_BYTES = 40, /* eight groups of four digits, colons, NUL */
};

/* As the kernel prints them here: IPv4 as one number, IPv6 with every digit. */
static const char *address_text(uint16_t family, const struct xlvs_address *address,
				char text[static ADDRESS_BYTES])
{
	const uint8_t *b = address->bytes;

	if (family == AF_INET) {
		snprintf(text, ADDRESS_BYTES, "%02X%02X%02X%02X", b[0], b[1], b[2], b[3]);
		return text;
	}
	for (int i = 0; i < 8; i++)
		snprintf(text + 5 * i, 6, i < 7 ? "%02x%02x:" : "%02x%02x", b[2 * i], b[2 * i + 1]);
	return text;
}

static const char *protocol_text(unsigned int protocol, char text[static 8])
{
	switch (protocol) {
	case IPPROTO_IP:
		return "IP";
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
	default:
		snprintf(text, 8, "IP_%u", protocol & 0xff);
		return text;
	}
}

static const char *method_text(uint32_t method)
{
	switch (method) {
	case XLVS_METHOD_LOCAL:
		return "Local";
	case XLVS_METHOD_TUN:
		return "Tunnel";
	case XLVS_METHOD_DR:
		return "Route";
	default:
		return "Masq";
	}
}

void xlvs_proc_services_header(FILE *out, const struct xlvs_director_info *info)
{
	fprintf(out,
		"IP Virtual Server version %u.%u.%u (size=%u)\n"
		"Prot LocalAddress:Port Scheduler Flags\n"
		"  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n",
		info->version >> 16 & 0xff, info->version >> 8 & 0xff, info->version & 0xff,
		info->connection_table_size);
}

/* The mask of IPv6, a prefix length, goes through the same change of byte order as that of IPv4. */
void xlvs_proc_service(FILE *out, const struct xlvs_service_info *service)
{
	const struct xlvs_service_spec *spec = &service->spec;
	const char *ops = spec->flags & XLVS_SERVICE_ONE_PACKET ? "ops " : "";
	const char *scheduler = *spec->scheduler ? spec->scheduler : "none";
	char address[ADDRESS_BYTES], protocol[8];

	address_text(spec->key.family, &spec->key.address, address);
	if (spec->key.fwmark)
		fprintf(out, "FWM  %08X %s %s", spec->key.fwmark, scheduler, ops);
	else if (spec->key.family == AF_INET)
		fprintf(out, "%s  %s:%04X %s %s ", protocol_text(spec->key.protocol, protocol),
			address, ntohs(spec->key.port), scheduler, ops);
	else
		fprintf(out, "%s  [%s]:%04X %s ", protocol_text(spec->key.protocol, protocol),
			address, ntohs(spec->key.port), scheduler);
	if (spec->flags & XLVS_SERVICE_PERSISTENT)
		fprintf(out, "persistent %u %08X", spec->timeout_sec * PER_SECOND,
			ntohl(spec->netmask));
	fputc('\n', out);
}

void xlvs_proc_dest(FILE *out, const struct xlvs_dest_info *dest)
{
	const struct xlvs_dest_spec *spec = &dest->spec;
	char address[ADDRESS_BYTES];

	address_text(spec->key.family, &spec->key.address, address);
	fprintf(out, spec->key.family == AF_INET ? "  -> %s:%04X" : "  -> [%s]:%04X", address,
		ntohs(spec->key.port));
	fprintf(out, "      %-7s %-6d %-10u %-10u\n", method_text(spec->method), spec->weight,
		dest->active, dest->inactive);
}

void xlvs_proc_conns_header(FILE *out)
{
	fputs("Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n",
	      out);
}

static void print_conn(FILE *out, const struct xlvs_conn_entry *entry, const char *origin)
{
	char client[ADDRESS_BYTES], virtual_address[ADDRESS_BYTES], dest[ADDRESS_BYTES];
	char protocol[8];

	fprintf(out, "%-3s %s %04X %s %04X %s %04X %-11s %s%7u",
		protocol_text(entry->protocol, protocol),
		address_text(entry->family, &entry->client, client), ntohs(entry->client_port),
		address_text(entry->family, &entry->virtual_address, virtual_address),
		ntohs(entry->virtual_port), address_text(entry->dest_family, &entry->dest, dest),
		ntohs(entry->dest_port), entry->state, origin, entry->expires_sec);
}

void xlvs_proc_conn(FILE *out, const struct xlvs_conn_entry *entry, const struct xlvs_conn_pe *pe)
{
	print_conn(out, entry, "");
	if (pe)
		fprintf(out, " %s %s", pe->name, pe->data);
	fputc('\n', out);
}

void xlvs_proc_conns_origin_header(FILE *out)
{
	fputs("Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Origin Expires\n", out);
}

/* All are this director's own: nothing is synchronised. */
void xlvs_proc_conn_origin(FILE *out, const struct xlvs_conn_entry *entry)
{
	print_conn(out, entry, "LOCAL  ");
	fputc('\n', out);
}

void xlvs_proc_apps_header(FILE *out)
{
	fputs("prot port    usecnt name\n", out);
}

void xlvs_proc_stats(FILE *out, const struct xlvs_stats *stats)
{
	const struct xlvs_counters *total = &stats->total;

	fprintf(out,
		"   Total Incoming Outgoing         Incoming         Outgoing\n"
		"   Conns  Packets  Packets            Bytes            Bytes\n"
		"%8" PRIX64 " %8" PRIX64 " %8" PRIX64 " %16" PRIX64 " %16" PRIX64 "\n\n",
		total->conns, total->in_packets, total->out_packets, total->in_bytes,
		total->out_bytes);
	fprintf(out,
		" Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n"
		"%8" PRIX64 " %8" PRIX64 " %8" PRIX64 " %16" PRIX64 " %16" PRIX64 "\n",
		stats->conns_per_sec, stats->in_packets_per_sec, stats->out_packets_per_sec,
		stats->in_bytes_per_sec, stats->out_bytes_per_sec);
}
