// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/ipvsadm_json.h"

#include "cli/ipvsadm_format.h"
#include "cli/ipvsadm_rules.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdbool.h>

/* Names of schedulers, engines and interfaces: what is not printable ASCII is written escaped. */
static void print_string(FILE *out, const char *name, const char *text)
{
	fprintf(out, "\"%s\": \"", name);
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte == '"' || byte == '\\')
			fprintf(out, "\\%c", byte);
		else if (byte < ' ' || byte >= 0x7f)
			fprintf(out, "\\u%04x", byte);
		else
			fputc(byte, out);
	}
	fputc('"', out);
}

static void print_address(FILE *out, const char *name, uint16_t family,
			  const struct xlvs_address *address)
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(family, address, text, sizeof(text));
	print_string(out, name, text);
}

static const char *family_word(uint16_t family)
{
	return family == AF_INET6 ? "ipv6" : "ipv4";
}

static const char *bool_word(bool value)
{
	return value ? "true" : "false";
}

static void print_stats(FILE *out, const struct xlvs_stats *stats)
{
	const struct xlvs_counters *total = &stats->total;

	fprintf(out,
		"\"stats\": {\"conns\": %" PRIu64 ", \"in_packets\": %" PRIu64
		", \"out_packets\": %" PRIu64 ", \"in_bytes\": %" PRIu64 ", \"out_bytes\": %" PRIu64
		"}, ",
		total->conns, total->in_packets, total->out_packets, total->in_bytes,
		total->out_bytes);
	fprintf(out,
		"\"rate\": {\"conns\": %" PRIu64 ", \"in_packets\": %" PRIu64
		", \"out_packets\": %" PRIu64 ", \"in_bytes\": %" PRIu64 ", \"out_bytes\": %" PRIu64
		"}",
		stats->conns_per_sec, stats->in_packets_per_sec, stats->out_packets_per_sec,
		stats->in_bytes_per_sec, stats->out_bytes_per_sec);
}

static void print_key(FILE *out, const struct xlvs_service_key *key)
{
	print_string(out, "family", family_word(key->family));
	if (key->fwmark) {
		fprintf(out, ", \"fwmark\": %u", key->fwmark);
		return;
	}
	fputs(", ", out);
	print_string(out, "protocol", xlvs_ipvsadm_protocol_word(key->protocol));
	fputs(", ", out);
	print_address(out, "address", key->family, &key->address);
	fprintf(out, ", \"port\": %u", ntohs(key->port));
}

static void print_flags(FILE *out, const struct xlvs_service_spec *spec)
{
	const char *comma = "";

	fputs(", \"flags\": [", out);
	for (int i = 0; i < IPVSADM_SCHED_FLAG_BITS; i++) {
		if (!(spec->flags & XLVS_SERVICE_SCHED1 << i))
			continue;
		fprintf(out, "%s\"%s\"", comma, xlvs_ipvsadm_flag_name(spec->scheduler, i));
		comma = ", ";
	}
	fputc(']', out);
}

static void print_persistence(FILE *out, const struct xlvs_service_spec *spec)
{
	const struct in_addr mask = {.s_addr = spec->netmask};
	char text[INET_ADDRSTRLEN];

	if (!(spec->flags & XLVS_SERVICE_PERSISTENT)) {
		fputs(", \"persistence\": null", out);
		return;
	}
	fprintf(out, ", \"persistence\": {\"timeout_sec\": %u, ", spec->timeout_sec);
	if (spec->key.family == AF_INET6)
		fprintf(out, "\"prefix_length\": %u", spec->netmask);
	else
		print_string(out, "netmask", inet_ntop(AF_INET, &mask, text, sizeof(text)));
	fputc('}', out);
}

void xlvs_ipvsadm_json_service(FILE *out, const struct xlvs_service_info *service)
{
	const struct xlvs_service_spec *spec = &service->spec;

	fputc('{', out);
	print_key(out, &spec->key);
	fputs(", ", out);
	print_string(out, "scheduler", spec->scheduler);
	print_flags(out, spec);
	print_persistence(out, spec);
	fputs(", ", out);
	if (spec->pe[0])
		print_string(out, "pe", spec->pe);
	else
		fputs("\"pe\": null", out);
	fprintf(out, ", \"ops\": %s, ", bool_word(spec->flags & XLVS_SERVICE_ONE_PACKET));
	print_stats(out, &service->stats);
	fputs(", \"destinations\": [", out);
}

void xlvs_ipvsadm_json_service_end(FILE *out)
{
	fputs("]}", out);
}

static void print_tunnel(FILE *out, const struct xlvs_dest_spec *spec)
{
	const char *checksum = spec->tunnel_flags & 2	? "remcsum"
			       : spec->tunnel_flags & 1 ? "csum"
							: "nocsum";

	if (spec->method != XLVS_METHOD_TUN) {
		fputs("\"tunnel\": null, ", out);
		return;
	}
	fputs("\"tunnel\": {", out);
	print_string(out, "type", xlvs_ipvsadm_tunnel_name(spec->tunnel_type));
	fprintf(out, ", \"port\": %u, ", ntohs(spec->tunnel_port));
	print_string(out, "checksum", checksum);
	fputs("}, ", out);
}

void xlvs_ipvsadm_json_dest(FILE *out, const struct xlvs_dest_info *dest)
{
	const struct xlvs_dest_spec *spec = &dest->spec;

	fputc('{', out);
	print_string(out, "family", family_word(spec->key.family));
	fputs(", ", out);
	print_address(out, "address", spec->key.family, &spec->key.address);
	fprintf(out, ", \"port\": %u, ", ntohs(spec->key.port));
	print_string(out, "forward", xlvs_ipvsadm_forward_word(spec->method));
	fprintf(out, ", \"weight\": %d, \"upper_threshold\": %u, \"lower_threshold\": %u, ",
		spec->weight, spec->upper_threshold, spec->lower_threshold);
	print_tunnel(out, spec);
	if (spec->toa_kind)
		fprintf(out, "\"toa_kind\": %u, ", spec->toa_kind);
	else
		fputs("\"toa_kind\": null, ", out);
	if (spec->mss > XLVS_MSS_FITS)
		fprintf(out, "\"mss_clamp\": %u, ", spec->mss);
	else
		fprintf(out, "\"mss_clamp\": %s, ", spec->mss ? "\"auto\"" : "null");
	fprintf(out, "\"active\": %u, \"inactive\": %u, \"persistent\": %u, ", dest->active,
		dest->inactive, dest->persistent);
	print_stats(out, &dest->stats);
	fputc('}', out);
}

void xlvs_ipvsadm_json_sync(FILE *out, const struct xlvs_sync_spec *sync)
{
	fputc('{', out);
	print_string(out, "role", sync->role == XLVS_SYNC_MASTER ? "master" : "backup");
	fputs(", ", out);
	print_string(out, "interface", sync->interface);
	fprintf(out, ", \"syncid\": %u, \"maxlen\": %u, ", sync->sync_id, sync->max_message_bytes);
	print_address(out, "group", sync->group_family, &sync->group);
	fprintf(out, ", \"port\": %u, \"ttl\": %u}", sync->port, sync->ttl);
}

void xlvs_ipvsadm_json_timeouts(FILE *out, const struct xlvs_timeouts *timeouts)
{
	fprintf(out, "{\"tcp_sec\": %u, \"tcpfin_sec\": %u, \"udp_sec\": %u}", timeouts->tcp_sec,
		timeouts->tcp_fin_sec, timeouts->udp_sec);
}
