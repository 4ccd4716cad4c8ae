// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/ipvsadm_format.h"

#include "cli/ipvsadm_address.h"
#include "cli/ipvsadm_rules.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

enum {
	/* Where IPv4 names are cut; IPv6 names push the columns instead. */
	SERVICE_COLUMNS = 33,
	DEST_COLUMNS = 28,
};

enum style {
	STYLE_DEFAULT,
	STYLE_STATS,
	STYLE_RATE,
	STYLE_THRESHOLDS,
	STYLE_PERSISTENT_CONN,
	STYLE_TUN_INFO,
};

static enum style style_of(const struct ipvsadm_command *command)
{
	if (xlvs_ipvsadm_has(command, IPVSADM_STATS))
		return STYLE_STATS;
	if (xlvs_ipvsadm_has(command, IPVSADM_RATE))
		return STYLE_RATE;
	if (xlvs_ipvsadm_has(command, IPVSADM_THRESHOLDS))
		return STYLE_THRESHOLDS;
	if (xlvs_ipvsadm_has(command, IPVSADM_PERSISTENT_CONN))
		return STYLE_PERSISTENT_CONN;
	if (xlvs_ipvsadm_has(command, IPVSADM_TUN_INFO))
		return STYLE_TUN_INFO;
	return STYLE_DEFAULT;
}

void xlvs_ipvsadm_print_title(FILE *out, const struct ipvsadm_command *command)
{
	static const char *const titles[] = {
		[STYLE_DEFAULT] =
			"Prot LocalAddress:Port Scheduler Flags\n"
			"  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n",
		[STYLE_STATS] =
			"Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes "
			"OutBytes\n"
			"  -> RemoteAddress:Port\n",
		[STYLE_RATE] =
			"Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   "
			"OutBPS\n"
			"  -> RemoteAddress:Port\n",
		[STYLE_THRESHOLDS] =
			"Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn "
			"InActConn \n"
			"  -> RemoteAddress:Port\n",
		[STYLE_PERSISTENT_CONN] =
			"Prot LocalAddress:Port            Weight    PersistConn ActiveConn "
			"InActConn \n"
			"  -> RemoteAddress:Port\n",
		[STYLE_TUN_INFO] =
			"Prot LocalAddress:Port Scheduler Flags\n"
			"  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn "
			"InActConn\n",
	};

	fputs(titles[style_of(command)], out);
}

/* Nine columns: up to eight digits, and a letter for what was divided away; or all digits. */
static void print_number(FILE *out, uint64_t number, bool exact)
{
	static const struct {
		uint64_t below;
		uint64_t divisor;
		char letter;
	} scales[] = {
		{UINT64_C(1000000000), UINT64_C(1000), 'K'},
		{UINT64_C(100000000000), UINT64_C(1000000), 'M'},
		{UINT64_C(100000000000000), UINT64_C(1000000000), 'G'},
		{UINT64_MAX, UINT64_C(1000000000000), 'T'},
	};
	size_t i = 0;

	if (number < 100000000) {
		fprintf(out, "%9" PRIu64, number);
	} else if (exact) {
		fprintf(out, " %" PRIu64, number);
	} else {
		while (number >= scales[i].below && i < 3)
			i++;
		fprintf(out, "%8" PRIu64 "%c", number / scales[i].divisor, scales[i].letter);
	}
}

static void print_totals(FILE *out, bool exact, const struct xlvs_counters *total)
{
	print_number(out, total->conns, exact);
	print_number(out, total->in_packets, exact);
	print_number(out, total->out_packets, exact);
	print_number(out, total->in_bytes, exact);
	print_number(out, total->out_bytes, exact);
	fputc('\n', out);
}

/* A dest's rates of connections and packets are never abbreviated, as if all were exact. */
static void print_rates(FILE *out, bool exact, bool is_dest, const struct xlvs_stats *stats)
{
	print_number(out, stats->conns_per_sec, exact || is_dest);
	print_number(out, stats->in_packets_per_sec, exact || is_dest);
	print_number(out, stats->out_packets_per_sec, exact || is_dest);
	print_number(out, stats->in_bytes_per_sec, exact);
	print_number(out, stats->out_bytes_per_sec, exact);
	fputc('\n', out);
}

/* A scheduler may have names of its own for the first two flags. */
const char *xlvs_ipvsadm_flag_name(const char *scheduler, int number)
{
	static const struct {
		const char *scheduler;
		const char *names[IPVSADM_SCHED_FLAG_BITS];
	} named[] = {
		{"sh", {"sh-fallback", "sh-port", "flag-3"}},
		{"mh", {"mh-fallback", "mh-port", "flag-3"}},
		{NULL, {"flag-1", "flag-2", "flag-3"}},
	};
	size_t i = 0;

	while (named[i].scheduler && strcmp(named[i].scheduler, scheduler) != 0)
		i++;
	return named[i].names[number];
}

/* The names of the flags that are set, with commas between. */
static void print_flags(FILE *out, const struct xlvs_service_spec *service)
{
	const char *comma = "";

	for (int i = 0; i < IPVSADM_SCHED_FLAG_BITS; i++) {
		if (!(service->flags & XLVS_SERVICE_SCHED1 << i))
			continue;
		fprintf(out, "%s%s", comma, xlvs_ipvsadm_flag_name(service->scheduler, i));
		comma = ",";
	}
}

static bool has_flags(const struct xlvs_service_spec *service)
{
	return service->flags & (XLVS_SERVICE_SCHED1 | XLVS_SERVICE_SCHED2 | XLVS_SERVICE_SCHED3);
}

/* The persistence mask, with `before` in front, unless it is one address's. */
static void print_mask(FILE *out, const char *before, const struct xlvs_service_spec *service)
{
	struct in_addr mask = {.s_addr = service->netmask};
	char text[INET_ADDRSTRLEN];

	if (service->key.family == AF_INET6) {
		if (service->netmask != 128)
			fprintf(out, "%s%u", before, service->netmask);
	} else if (service->netmask != ~0U) {
		fprintf(out, "%s%s", before, inet_ntop(AF_INET, &mask, text, sizeof(text)));
	}
}

const char *xlvs_ipvsadm_protocol_word(uint16_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "TCP";
	case IPPROTO_UDP:
		return "UDP";
	case IPPROTO_SCTP:
		return "SCTP";
	default:
		return "?";
	}
}

static const char *format_service_address(const struct xlvs_service_key *key, bool numeric,
					  char text[static IPVSADM_ADDRESS_BYTES])
{
	const struct xlvs_dest_key address = {
		.family = key->family, .address = key->address, .port = key->port};

	return xlvs_ipvsadm_format_address(&address, key->protocol, numeric, text);
}

/* Marks are printed as signed numbers, as ipvsadm does. */
static void format_service_name(const struct xlvs_service_key *key, bool numeric, char *name,
				size_t bytes)
{
	char text[IPVSADM_ADDRESS_BYTES];

	if (key->fwmark) {
		snprintf(name, bytes, "FWM  %d%s", (int32_t)key->fwmark,
			 key->family == AF_INET6 ? " IPv6" : "");
		return;
	}
	snprintf(name, bytes, "%-4s %s", xlvs_ipvsadm_protocol_word(key->protocol),
		 format_service_address(key, numeric, text));
	if (key->family == AF_INET)
		name[SERVICE_COLUMNS] = '\0';
}

void xlvs_ipvsadm_print_service_name(FILE *out, bool numeric, const struct xlvs_service_key *key)
{
	char name[IPVSADM_ADDRESS_BYTES + 8] = "";

	format_service_name(key, numeric, name, sizeof(name));
	fprintf(out, "%s\n", name);
}

void xlvs_ipvsadm_print_service(FILE *out, const struct ipvsadm_command *command,
				const struct xlvs_service_info *service)
{
	const struct xlvs_service_spec *spec = &service->spec;
	enum style style = style_of(command);
	bool exact = xlvs_ipvsadm_has(command, IPVSADM_EXACT);
	char name[IPVSADM_ADDRESS_BYTES + 8] = "";

	format_service_name(&spec->key, xlvs_ipvsadm_has(command, IPVSADM_NUMERIC), name,
			    sizeof(name));
	if (style == STYLE_STATS || style == STYLE_RATE) {
		fprintf(out, "%-*s", SERVICE_COLUMNS, name);
		if (style == STYLE_STATS)
			print_totals(out, exact, &service->stats.total);
		else
			print_rates(out, exact, false, &service->stats);
		return;
	}
	fprintf(out, "%s %s", name, spec->scheduler);
	if (has_flags(spec)) {
		fputs(" (", out);
		print_flags(out, spec);
		fputs(")", out);
	}
	if (spec->flags & XLVS_SERVICE_PERSISTENT) {
		fprintf(out, " persistent %u", spec->timeout_sec);
		print_mask(out, " mask ", spec);
		if (spec->pe[0])
			fprintf(out, " pe %s", spec->pe);
	}
	if (spec->flags & XLVS_SERVICE_ONE_PACKET)
		fputs(" ops", out);
	fputc('\n', out);
}

const char *xlvs_ipvsadm_forward_word(uint32_t method)
{
	static const char *const words[] = {
		[XLVS_METHOD_NAT] = "Masq",	   [XLVS_METHOD_LOCAL] = "Local",
		[XLVS_METHOD_TUN] = "Tunnel",	   [XLVS_METHOD_DR] = "Route",
		[XLVS_METHOD_FULLNAT] = "FullNat",
	};

	return method < sizeof(words) / sizeof(words[0]) && words[method] ? words[method] : "?";
}

static const char *checksum_word(const struct xlvs_dest_spec *dest)
{
	if (dest->tunnel_flags & 2)
		return "r+c";
	return dest->tunnel_flags & 1 ? "+c" : "-c";
}

static void format_tunnel(const struct xlvs_dest_spec *dest, char *text, size_t bytes)
{
	if (dest->method != XLVS_METHOD_TUN)
		snprintf(text, bytes, "n/a");
	else if (dest->tunnel_type == XLVS_TUNNEL_GUE)
		snprintf(text, bytes, "gue:%u:%s", ntohs(dest->tunnel_port), checksum_word(dest));
	else if (dest->tunnel_type == XLVS_TUNNEL_GRE)
		snprintf(text, bytes, "gre:%s", checksum_word(dest));
	else
		snprintf(text, bytes, "ipip");
}

void xlvs_ipvsadm_print_dest(FILE *out, const struct ipvsadm_command *command, uint16_t protocol,
			     const struct xlvs_dest_info *dest)
{
	const struct xlvs_dest_spec *spec = &dest->spec;
	bool exact = xlvs_ipvsadm_has(command, IPVSADM_EXACT);
	char name[IPVSADM_ADDRESS_BYTES];
	char tunnel[32];

	xlvs_ipvsadm_format_address(&spec->key, protocol,
				    xlvs_ipvsadm_has(command, IPVSADM_NUMERIC), name);
	if (spec->key.family == AF_INET)
		name[DEST_COLUMNS] = '\0';
	fprintf(out, "  -> %-*s", DEST_COLUMNS, name);
	switch (style_of(command)) {
	case STYLE_STATS:
		print_totals(out, exact, &dest->stats.total);
		break;
	case STYLE_RATE:
		print_rates(out, exact, true, &dest->stats);
		break;
	case STYLE_THRESHOLDS:
		fprintf(out, " %-10u %-10u %-10u %-10u\n", spec->upper_threshold,
			spec->lower_threshold, dest->active, dest->inactive);
		break;
	case STYLE_PERSISTENT_CONN:
		fprintf(out, " %-9d %-11u %-10u %-10u\n", spec->weight, dest->persistent,
			dest->active, dest->inactive);
		break;
	case STYLE_TUN_INFO:
		format_tunnel(spec, tunnel, sizeof(tunnel));
		fprintf(out, " %-7s %-13s %-6d %-10u %-10u\n",
			xlvs_ipvsadm_forward_word(spec->method), tunnel, spec->weight, dest->active,
			dest->inactive);
		break;
	case STYLE_DEFAULT:
	default:
		fprintf(out, " %-7s %-6d %-10u %-10u\n", xlvs_ipvsadm_forward_word(spec->method),
			spec->weight, dest->active, dest->inactive);
	}
}

void xlvs_ipvsadm_save_service_name(FILE *out, bool numeric, const struct xlvs_service_key *key)
{
	const char *option = key->protocol == IPPROTO_TCP   ? "-t"
			     : key->protocol == IPPROTO_UDP ? "-u"
							    : "--sctp-service";
	char text[IPVSADM_ADDRESS_BYTES];

	if (key->fwmark)
		fprintf(out, "-f %d%s", (int32_t)key->fwmark, key->family == AF_INET6 ? " -6" : "");
	else
		fprintf(out, "%s %s", option, format_service_address(key, numeric, text));
}

void xlvs_ipvsadm_save_service(FILE *out, bool numeric, const struct xlvs_service_spec *service)
{
	fputs("-A ", out);
	xlvs_ipvsadm_save_service_name(out, numeric, &service->key);
	fprintf(out, " -s %s", service->scheduler);
	if (service->flags & XLVS_SERVICE_PERSISTENT) {
		fprintf(out, " -p %u", service->timeout_sec);
		print_mask(out, " -M ", service);
	}
	if (service->pe[0])
		fprintf(out, " --pe %s", service->pe);
	if (service->flags & XLVS_SERVICE_ONE_PACKET)
		fputs(" -o", out);
	if (has_flags(service)) {
		fputs(" -b ", out);
		print_flags(out, service);
	}
	fputc('\n', out);
}

static const char *checksum_option(const struct xlvs_dest_spec *dest)
{
	if (dest->tunnel_flags & 2)
		return "--tun-remcsum";
	return dest->tunnel_flags & 1 ? "--tun-csum" : "--tun-nocsum";
}

void xlvs_ipvsadm_save_dest(FILE *out, bool numeric, const struct xlvs_service_key *service,
			    const struct xlvs_dest_spec *dest)
{
	char text[IPVSADM_ADDRESS_BYTES];
	const char *method = dest->method == XLVS_METHOD_NAT	   ? "-m"
			     : dest->method == XLVS_METHOD_TUN	   ? "-i"
			     : dest->method == XLVS_METHOD_FULLNAT ? "-b"
								   : "-g";

	fputs("-a ", out);
	xlvs_ipvsadm_save_service_name(out, numeric, service);
	fprintf(out, " -r %s %s -w %d",
		xlvs_ipvsadm_format_address(&dest->key, service->protocol, numeric, text), method,
		dest->weight);
	if (dest->method == XLVS_METHOD_TUN) {
		fprintf(out, " --tun-type %s", xlvs_ipvsadm_tunnel_name(dest->tunnel_type));
		if (dest->tunnel_type == XLVS_TUNNEL_GUE)
			fprintf(out, " --tun-port %u", ntohs(dest->tunnel_port));
		if (dest->tunnel_type != XLVS_TUNNEL_IPIP)
			fprintf(out, " %s", checksum_option(dest));
	}
	if (dest->method == XLVS_METHOD_FULLNAT && !dest->toa_kind)
		fputs(" --toa-kind none", out);
	else if (dest->method == XLVS_METHOD_FULLNAT && dest->toa_kind != XLVS_TOA_KIND)
		fprintf(out, " --toa-kind %u", dest->toa_kind);
	if (dest->mss == XLVS_MSS_FITS)
		fputs(" --mss-clamp auto", out);
	else if (dest->mss)
		fprintf(out, " --mss-clamp %u", dest->mss);
	fputc('\n', out);
}

void xlvs_ipvsadm_print_sync(FILE *out, const struct xlvs_sync_spec *sync)
{
	char group[INET6_ADDRSTRLEN] = "";

	inet_ntop(sync->group_family, &sync->group, group, sizeof(group));
	fprintf(out, "%s sync daemon (mcast=%s, syncid=%u, maxlen=%u, group=%s, port=%u, ttl=%u)\n",
		sync->role == XLVS_SYNC_MASTER ? "master" : "backup", sync->interface,
		sync->sync_id, sync->max_message_bytes, group, sync->port, sync->ttl);
}
