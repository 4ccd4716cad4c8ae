// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/ipvsadm_rules.h"

#include <netinet/in.h>
#include <string.h>

#define BIT(option) IPVSADM_BIT(IPVSADM_##option)

/* The options of a forwarding method, the threshold pair, and those of a tunnel. */
#define DEST_OPTIONS   (BIT(FORWARDING) | BIT(WEIGHT) | BIT(U_THRESHOLD) | BIT(L_THRESHOLD))
#define TUNNEL_OPTIONS (BIT(TUN_TYPE) | BIT(TUN_PORT) | CSUM_OPTIONS)
#define WAY_OPTIONS    (BIT(TOA_KIND) | BIT(MSS_CLAMP))
#define CSUM_OPTIONS   (BIT(TUN_NOCSUM) | BIT(TUN_CSUM) | BIT(TUN_REMCSUM))

#define SERVICE_OPTIONS \
	(BIT(SCHEDULER) | BIT(PERSISTENT) | BIT(NETMASK) | BIT(OPS) | BIT(PE) | BIT(SCHED_FLAGS))
#define SYNC_OPTIONS                                                               \
	(BIT(MCAST_INTERFACE) | BIT(SYNCID) | BIT(MCAST_GROUP) | BIT(MCAST_PORT) | \
	 BIT(MCAST_TTL) | BIT(SYNC_MAXLEN))
#define LIST_STYLES                                                                       \
	(BIT(NUMERIC) | BIT(STATS) | BIT(RATE) | BIT(THRESHOLDS) | BIT(PERSISTENT_CONN) | \
	 BIT(NOSORT) | BIT(SYNCID) | BIT(EXACT) | BIT(TUN_INFO) | BIT(JSON))
#define LIST_SUBJECTS (BIT(CONNECTION) | BIT(SERVICE) | BIT(TIMEOUT) | BIT(DAEMON))

/* One row per command: what it must have, what it may have, and of what it may have only one. */
static const struct verb_rule {
	const char *name;
	uint64_t required;
	uint64_t allowed;
	uint64_t exclusive;
} verbs[IPVSADM_HELP] = {
	[IPVSADM_ADD_SERVICE] = {"add-service", BIT(SERVICE), SERVICE_OPTIONS, 0},
	[IPVSADM_EDIT_SERVICE] = {"edit-service", BIT(SERVICE), SERVICE_OPTIONS, 0},
	[IPVSADM_DELETE_SERVICE] = {"delete-service", BIT(SERVICE), 0, 0},
	[IPVSADM_FLUSH] = {"flush", 0, 0, 0},
	[IPVSADM_LIST] = {"list", 0, LIST_STYLES, LIST_SUBJECTS},
	[IPVSADM_ADD_SERVER] = {"add-server", BIT(SERVICE) | BIT(REAL_SERVER),
				DEST_OPTIONS | TUNNEL_OPTIONS | WAY_OPTIONS, 0},
	[IPVSADM_DELETE_SERVER] = {"delete-server", BIT(SERVICE) | BIT(REAL_SERVER), 0, 0},
	[IPVSADM_EDIT_SERVER] = {"edit-server", BIT(SERVICE) | BIT(REAL_SERVER),
				 DEST_OPTIONS | TUNNEL_OPTIONS | WAY_OPTIONS, 0},
	[IPVSADM_SET] = {"set", 0, 0, 0},
	[IPVSADM_START_DAEMON] = {"start-daemon", 0, SYNC_OPTIONS, 0},
	[IPVSADM_STOP_DAEMON] = {"stop-daemon", 0, BIT(SYNCID), 0},
	[IPVSADM_RESTORE] = {"restore", 0, 0, 0},
	[IPVSADM_SAVE] = {"save", 0, BIT(NUMERIC), 0},
	[IPVSADM_ZERO] = {"zero", 0, BIT(SERVICE), 0},
	[IPVSADM_ADD_LADDR] = {"add-laddr", BIT(SERVICE) | BIT(LOCAL_ADDRESS), 0, 0},
	[IPVSADM_DELETE_LADDR] = {"del-laddr", BIT(SERVICE) | BIT(LOCAL_ADDRESS), 0, 0},
	[IPVSADM_GET_LADDR] = {"get-laddr", 0, BIT(SERVICE) | BIT(NUMERIC), 0},
};

static const struct verb_rule tunnels[] = {
	[XLVS_TUNNEL_IPIP] = {"ipip", 0, 0, 0},
	[XLVS_TUNNEL_GUE] = {"gue", BIT(TUN_PORT), 0, CSUM_OPTIONS},
	[XLVS_TUNNEL_GRE] = {"gre", 0, 0, BIT(TUN_NOCSUM) | BIT(TUN_CSUM)},
};

static const char *const option_names[IPVSADM_OPTIONS] = {
	[IPVSADM_NUMERIC] = "numeric",
	[IPVSADM_CONNECTION] = "connection",
	[IPVSADM_SERVICE] = "service-address",
	[IPVSADM_SCHEDULER] = "scheduler",
	[IPVSADM_PERSISTENT] = "persistent",
	[IPVSADM_NETMASK] = "netmask",
	[IPVSADM_REAL_SERVER] = "real-server",
	[IPVSADM_FORWARDING] = "forwarding-method",
	[IPVSADM_WEIGHT] = "weight",
	[IPVSADM_U_THRESHOLD] = "u-threshold",
	[IPVSADM_L_THRESHOLD] = "l-threshold",
	[IPVSADM_MCAST_INTERFACE] = "mcast-interface",
	[IPVSADM_TIMEOUT] = "timeout",
	[IPVSADM_DAEMON] = "daemon",
	[IPVSADM_STATS] = "stats",
	[IPVSADM_RATE] = "rate",
	[IPVSADM_THRESHOLDS] = "thresholds",
	[IPVSADM_PERSISTENT_CONN] = "persistent-conn",
	[IPVSADM_NOSORT] = "nosort",
	[IPVSADM_SYNCID] = "syncid",
	[IPVSADM_EXACT] = "exact",
	[IPVSADM_OPS] = "ops",
	[IPVSADM_PE] = "pe",
	[IPVSADM_SCHED_FLAGS] = "sched-flags",
	[IPVSADM_MCAST_GROUP] = "mcast-group",
	[IPVSADM_MCAST_PORT] = "mcast-port",
	[IPVSADM_MCAST_TTL] = "mcast-ttl",
	[IPVSADM_SYNC_MAXLEN] = "sync-maxlen",
	[IPVSADM_TUN_INFO] = "tun-info",
	[IPVSADM_TUN_TYPE] = "tun-type",
	[IPVSADM_TUN_PORT] = "tun-port",
	[IPVSADM_TUN_NOCSUM] = "tun-nocsum",
	[IPVSADM_TUN_CSUM] = "tun-csum",
	[IPVSADM_TUN_REMCSUM] = "tun-remcsum",
	[IPVSADM_TOA_KIND] = "toa-kind",
	[IPVSADM_MSS_CLAMP] = "mss-clamp",
	[IPVSADM_LOCAL_ADDRESS] = "local-address",
	[IPVSADM_JSON] = "json",
};

const char *xlvs_ipvsadm_verb_name(enum ipvsadm_verb verb)
{
	return verbs[verb].name;
}

const char *xlvs_ipvsadm_option_name(enum ipvsadm_option option)
{
	return option_names[option];
}

const char *xlvs_ipvsadm_tunnel_name(enum xlvs_tunnel_type type)
{
	return tunnels[type].name;
}

/* Check the options of `within` against one rule, in option order, so that the first offence is
 * the one reported. `what` names the kind of thing the rule belongs to. */
static enum ipvsadm_outcome check_rule(const struct verb_rule *rule, uint64_t given,
				       uint64_t within, const char *what, struct xlvs_error *reterr)
{
	enum ipvsadm_option first = IPVSADM_OPTIONS;

	for (enum ipvsadm_option option = 0; option < IPVSADM_OPTIONS; option++) {
		uint64_t bit = IPVSADM_BIT(option);
		const char *name = option_names[option];

		if (!(within & bit))
			continue;
		if (!(given & bit)) {
			if (rule->required & bit)
				return xlvs_refuse(
					reterr, IPVSADM_REFUSED,
					"You need to supply the '%s' option for the '%s' %s", name,
					rule->name, what);
			continue;
		}
		if (!((rule->required | rule->allowed | rule->exclusive) & bit))
			return xlvs_refuse(reterr, IPVSADM_REFUSED,
					   "Illegal '%s' option with the '%s' %s", name, rule->name,
					   what);
		if (!(rule->exclusive & bit))
			continue;
		if (first != IPVSADM_OPTIONS)
			return xlvs_refuse(
				reterr, IPVSADM_REFUSED,
				"The option '%s' conflicts with the '%s' option in the '%s' %s",
				name, option_names[first], rule->name, what);
		first = option;
	}
	return IPVSADM_DONE;
}

static enum ipvsadm_outcome check_service(struct ipvsadm_command *command,
					  struct xlvs_error *reterr)
{
	struct xlvs_service_spec *spec = &command->service;

	if (!spec->key.fwmark && !spec->key.port && !(spec->flags & XLVS_SERVICE_PERSISTENT))
		return xlvs_refuse(reterr, IPVSADM_REFUSED,
				   "Zero port specified for non-persistent service");
	if ((spec->flags & XLVS_SERVICE_ONE_PACKET) && !spec->key.fwmark &&
	    spec->key.protocol != IPPROTO_UDP)
		return xlvs_refuse(reterr, IPVSADM_REFUSED,
				   "One-Packet Scheduling is only for UDP virtual services");
	if (!spec->scheduler[0])
		strcpy(spec->scheduler, "wlc");
	return IPVSADM_DONE;
}

static enum ipvsadm_outcome check_dest(struct ipvsadm_command *command, struct xlvs_error *reterr)
{
	struct xlvs_dest_spec *spec = &command->dest;
	const struct xlvs_service_key *service = &command->service.key;

	if (!service->fwmark && (spec->method == XLVS_METHOD_TUN || spec->method == XLVS_METHOD_DR))
		spec->key.port = service->port;
	if (spec->key.family != service->family && spec->method != XLVS_METHOD_TUN &&
	    spec->method != XLVS_METHOD_FULLNAT)
		return xlvs_refuse(
			reterr, IPVSADM_REFUSED,
			"Different address family is allowed only for tunneling servers");
	if (command->given & BIT(TOA_KIND) && spec->method != XLVS_METHOD_FULLNAT)
		return xlvs_refuse(reterr, IPVSADM_REFUSED,
				   "The option 'toa-kind' conflicts with forward method");
	if (!(command->given & BIT(TOA_KIND)) && spec->method == XLVS_METHOD_FULLNAT)
		spec->toa_kind = XLVS_TOA_KIND;
	if (!(command->given & TUNNEL_OPTIONS))
		return IPVSADM_DONE;
	if (spec->method != XLVS_METHOD_TUN)
		return xlvs_refuse(reterr, IPVSADM_REFUSED,
				   "Tunnel options conflict with forward method");
	return check_rule(&tunnels[spec->tunnel_type], command->given,
			  TUNNEL_OPTIONS & ~BIT(TUN_TYPE), "tunnel type", reterr);
}

static enum ipvsadm_outcome check_list(const struct ipvsadm_command *command,
				       struct xlvs_error *reterr)
{
	uint64_t given = command->given;
	bool other = given & (BIT(TIMEOUT) | BIT(DAEMON));

	if (((other || (given & BIT(CONNECTION))) &&
	     (given & (BIT(STATS) | BIT(RATE) | BIT(THRESHOLDS)))) ||
	    (other && (given & BIT(PERSISTENT_CONN))))
		return xlvs_refuse(reterr, IPVSADM_REFUSED,
				   "options conflicts in the list command");
	return IPVSADM_DONE;
}

enum ipvsadm_outcome xlvs_ipvsadm_check(struct ipvsadm_command *command, struct xlvs_error *reterr)
{
	enum ipvsadm_outcome outcome;

	if (command->verb >= IPVSADM_HELP)
		return IPVSADM_DONE;
	outcome =
		check_rule(&verbs[command->verb], command->given, ~UINT64_C(0), "command", reterr);
	if (outcome != IPVSADM_DONE)
		return outcome;
	if (command->verb == IPVSADM_ADD_SERVICE || command->verb == IPVSADM_EDIT_SERVICE)
		return check_service(command, reterr);
	if (command->verb == IPVSADM_ADD_SERVER || command->verb == IPVSADM_EDIT_SERVER)
		return check_dest(command, reterr);
	if (command->verb == IPVSADM_LIST)
		return check_list(command, reterr);
	if (command->verb == IPVSADM_START_DAEMON && !command->sync.interface[0])
		strcpy(command->sync.interface, "eth0");
	return IPVSADM_DONE;
}
