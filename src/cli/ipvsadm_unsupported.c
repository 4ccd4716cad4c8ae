// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/ipvsadm_unsupported.h"

#include <netinet/in.h>

static bool is_persistent(const struct ipvsadm_command *command)
{
	return xlvs_ipvsadm_has(command, IPVSADM_PERSISTENT);
}

static bool has_netmask(const struct ipvsadm_command *command)
{
	return xlvs_ipvsadm_has(command, IPVSADM_NETMASK);
}

static bool has_pe(const struct ipvsadm_command *command)
{
	return xlvs_ipvsadm_has(command, IPVSADM_PE);
}

static bool has_ops(const struct ipvsadm_command *command)
{
	return xlvs_ipvsadm_has(command, IPVSADM_OPS);
}

static bool has_sched_flags(const struct ipvsadm_command *command)
{
	return xlvs_ipvsadm_has(command, IPVSADM_SCHED_FLAGS);
}

static bool is_sctp(const struct ipvsadm_command *command)
{
	return command->service.key.protocol == IPPROTO_SCTP;
}

static bool has_fwmark(const struct ipvsadm_command *command)
{
	return command->service.key.fwmark != 0;
}

static bool has_upper_threshold(const struct ipvsadm_command *command)
{
	return command->dest.upper_threshold != 0;
}

static bool has_lower_threshold(const struct ipvsadm_command *command)
{
	return command->dest.lower_threshold != 0;
}

static bool is_gue(const struct ipvsadm_command *command)
{
	return command->dest.tunnel_type == XLVS_TUNNEL_GUE;
}

static bool is_gre(const struct ipvsadm_command *command)
{
	return command->dest.tunnel_type == XLVS_TUNNEL_GRE;
}

static bool lists_daemons(const struct ipvsadm_command *command)
{
	return command->verb == IPVSADM_LIST && xlvs_ipvsadm_has(command, IPVSADM_DAEMON);
}

static bool starts_daemon(const struct ipvsadm_command *command)
{
	return command->verb == IPVSADM_START_DAEMON;
}

static bool stops_daemon(const struct ipvsadm_command *command)
{
	return command->verb == IPVSADM_STOP_DAEMON;
}

/* A line goes, with its function, when the director learns what it names. */
static const struct {
	const char *name;
	bool (*asks_for)(const struct ipvsadm_command *command);
} unsupported[] = {
	{"option 'sctp-service'", is_sctp},
	{"option 'fwmark-service'", has_fwmark},
	{"option 'persistent'", is_persistent},
	{"option 'netmask'", has_netmask},
	{"option 'pe'", has_pe},
	{"option 'ops'", has_ops},
	{"option 'sched-flags'", has_sched_flags},
	{"option 'u-threshold'", has_upper_threshold},
	{"option 'l-threshold'", has_lower_threshold},
	{"tunnel type 'gue'", is_gue},
	{"tunnel type 'gre'", is_gre},
	{"option 'daemon'", lists_daemons},
	{"command 'start-daemon'", starts_daemon},
	{"command 'stop-daemon'", stops_daemon},
};

enum ipvsadm_outcome xlvs_ipvsadm_supported(const struct ipvsadm_command *command,
					    struct xlvs_error *reterr)
{
	for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++)
		if (unsupported[i].asks_for(command))
			return xlvs_refuse(reterr, IPVSADM_REFUSED,
					   "ipvsadm: %s is not supported by xlvs yet",
					   unsupported[i].name);
	return IPVSADM_DONE;
}
