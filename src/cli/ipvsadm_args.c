// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/ipvsadm_args.h"

#include "cli/ipvsadm_values.h"

#include <netinet/in.h>
#include <popt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* popt returns a row's index; 0 and below are its own. */
enum {
	FIRST_VERB = 1,
	FIRST_OPTION = 1000,
};

static const struct verb_word {
	const char *long_name;
	char letter;
	int kind;
	enum ipvsadm_verb verb;
} verb_words[] = {
	{"add-service", 'A', POPT_ARG_NONE, IPVSADM_ADD_SERVICE},
	{"edit-service", 'E', POPT_ARG_NONE, IPVSADM_EDIT_SERVICE},
	{"delete-service", 'D', POPT_ARG_NONE, IPVSADM_DELETE_SERVICE},
	{"clear", 'C', POPT_ARG_NONE, IPVSADM_FLUSH},
	{"list", 'L', POPT_ARG_NONE, IPVSADM_LIST},
	{NULL, 'l', POPT_ARG_NONE, IPVSADM_LIST},
	{"add-server", 'a', POPT_ARG_NONE, IPVSADM_ADD_SERVER},
	{"delete-server", 'd', POPT_ARG_NONE, IPVSADM_DELETE_SERVER},
	{"edit-server", 'e', POPT_ARG_NONE, IPVSADM_EDIT_SERVER},
	{"set", '\0', POPT_ARG_NONE, IPVSADM_SET},
	{"start-daemon", '\0', POPT_ARG_STRING, IPVSADM_START_DAEMON},
	{"stop-daemon", '\0', POPT_ARG_STRING, IPVSADM_STOP_DAEMON},
	{"restore", 'R', POPT_ARG_NONE, IPVSADM_RESTORE},
	{"save", 'S', POPT_ARG_NONE, IPVSADM_SAVE},
	{"zero", 'Z', POPT_ARG_NONE, IPVSADM_ZERO},
	{"add-laddr", 'P', POPT_ARG_NONE, IPVSADM_ADD_LADDR},
	{"del-laddr", 'Q', POPT_ARG_NONE, IPVSADM_DELETE_LADDR},
	{"get-laddr", 'G', POPT_ARG_NONE, IPVSADM_GET_LADDR},
	{"help", 'h', POPT_ARG_NONE, IPVSADM_HELP},
	{"version", 'v', POPT_ARG_NONE, IPVSADM_VERSION},
};

enum {
	OPTIONAL_STRING = POPT_ARG_STRING | POPT_ARGFLAG_OPTIONAL,
};

/* `class` is what may be given once; `apply` is NULL where the class itself says all. */
static const struct option_word {
	const char *long_name;
	int letter;
	int kind;
	enum ipvsadm_option class;
	int parameter;
	xlvs_ipvsadm_value *apply;
} option_words[] = {
	{"tcp-service", 't', POPT_ARG_STRING, IPVSADM_SERVICE, IPPROTO_TCP, xlvs_ipvsadm_service},
	{"udp-service", 'u', POPT_ARG_STRING, IPVSADM_SERVICE, IPPROTO_UDP, xlvs_ipvsadm_service},
	{"sctp-service", '\0', POPT_ARG_STRING, IPVSADM_SERVICE, IPPROTO_SCTP,
	 xlvs_ipvsadm_service},
	{"fwmark-service", 'f', POPT_ARG_STRING, IPVSADM_SERVICE, 0, xlvs_ipvsadm_fwmark},
	{"ipv6", '6', POPT_ARG_NONE, IPVSADM_NO_CLASS, 0, xlvs_ipvsadm_ipv6},
	{"scheduler", 's', POPT_ARG_STRING, IPVSADM_SCHEDULER, IPVSADM_SCHEDULER,
	 xlvs_ipvsadm_name},
	{"pe", '\0', POPT_ARG_STRING, IPVSADM_PE, IPVSADM_PE, xlvs_ipvsadm_name},
	{"persistent", 'p', OPTIONAL_STRING, IPVSADM_PERSISTENT, 0, xlvs_ipvsadm_persistent},
	{"netmask", 'M', POPT_ARG_STRING, IPVSADM_NETMASK, 0, xlvs_ipvsadm_netmask},
	{"ops", 'o', POPT_ARG_NONE, IPVSADM_OPS, 0, xlvs_ipvsadm_ops},
	{"sched-flags", 'b', POPT_ARG_STRING, IPVSADM_SCHED_FLAGS, 0, NULL},
	{"real-server", 'r', POPT_ARG_STRING, IPVSADM_REAL_SERVER, 0, xlvs_ipvsadm_real_server},
	{"masquerading", 'm', POPT_ARG_NONE, IPVSADM_FORWARDING, XLVS_METHOD_NAT,
	 xlvs_ipvsadm_method},
	{"ipip", 'i', POPT_ARG_NONE, IPVSADM_FORWARDING, XLVS_METHOD_TUN, xlvs_ipvsadm_method},
	{"gatewaying", 'g', POPT_ARG_NONE, IPVSADM_FORWARDING, XLVS_METHOD_DR, xlvs_ipvsadm_method},
	{"fullnat", '\0', POPT_ARG_NONE, IPVSADM_FORWARDING, XLVS_METHOD_FULLNAT,
	 xlvs_ipvsadm_method},
	{"weight", 'w', POPT_ARG_STRING, IPVSADM_WEIGHT, IPVSADM_WEIGHT, xlvs_ipvsadm_number},
	{"u-threshold", 'x', POPT_ARG_STRING, IPVSADM_U_THRESHOLD, IPVSADM_U_THRESHOLD,
	 xlvs_ipvsadm_number},
	{"l-threshold", 'y', POPT_ARG_STRING, IPVSADM_L_THRESHOLD, IPVSADM_L_THRESHOLD,
	 xlvs_ipvsadm_number},
	{"tun-type", '\0', POPT_ARG_STRING, IPVSADM_TUN_TYPE, 0, xlvs_ipvsadm_tunnel_type},
	{"tun-port", '\0', POPT_ARG_STRING, IPVSADM_TUN_PORT, IPVSADM_TUN_PORT,
	 xlvs_ipvsadm_number},
	{"tun-nocsum", '\0', POPT_ARG_NONE, IPVSADM_TUN_NOCSUM, 0, NULL},
	{"tun-csum", '\0', POPT_ARG_NONE, IPVSADM_TUN_CSUM, 1, xlvs_ipvsadm_tunnel_flag},
	{"tun-remcsum", '\0', POPT_ARG_NONE, IPVSADM_TUN_REMCSUM, 2, xlvs_ipvsadm_tunnel_flag},
	{"toa-kind", '\0', POPT_ARG_STRING, IPVSADM_TOA_KIND, 0, xlvs_ipvsadm_toa_kind},
	{"mss-clamp", '\0', POPT_ARG_STRING, IPVSADM_MSS_CLAMP, 0, xlvs_ipvsadm_mss_clamp},
	{"mcast-interface", '\0', POPT_ARG_STRING, IPVSADM_MCAST_INTERFACE, IPVSADM_MCAST_INTERFACE,
	 xlvs_ipvsadm_name},
	{"mcast-group", '\0', POPT_ARG_STRING, IPVSADM_MCAST_GROUP, 0, xlvs_ipvsadm_mcast_group},
	{"mcast-port", '\0', POPT_ARG_STRING, IPVSADM_MCAST_PORT, IPVSADM_MCAST_PORT,
	 xlvs_ipvsadm_number},
	{"mcast-ttl", '\0', POPT_ARG_STRING, IPVSADM_MCAST_TTL, IPVSADM_MCAST_TTL,
	 xlvs_ipvsadm_number},
	{"sync-maxlen", '\0', POPT_ARG_STRING, IPVSADM_SYNC_MAXLEN, IPVSADM_SYNC_MAXLEN,
	 xlvs_ipvsadm_number},
	{"syncid", '\0', POPT_ARG_STRING, IPVSADM_SYNCID, IPVSADM_SYNCID, xlvs_ipvsadm_number},
	{"connection", 'c', POPT_ARG_NONE, IPVSADM_CONNECTION, 0, NULL},
	{"numeric", 'n', POPT_ARG_NONE, IPVSADM_NUMERIC, 0, NULL},
	{"timeout", '\0', POPT_ARG_NONE, IPVSADM_TIMEOUT, 0, NULL},
	{"daemon", '\0', POPT_ARG_NONE, IPVSADM_DAEMON, 0, NULL},
	{"stats", '\0', POPT_ARG_NONE, IPVSADM_STATS, 0, NULL},
	{"rate", '\0', POPT_ARG_NONE, IPVSADM_RATE, 0, NULL},
	{"thresholds", '\0', POPT_ARG_NONE, IPVSADM_THRESHOLDS, 0, NULL},
	{"persistent-conn", '\0', POPT_ARG_NONE, IPVSADM_PERSISTENT_CONN, 0, NULL},
	{"tun-info", '\0', POPT_ARG_NONE, IPVSADM_TUN_INFO, 0, NULL},
	{"nosort", '\0', POPT_ARG_NONE, IPVSADM_NOSORT, 0, NULL},
	{"sort", '\0', POPT_ARG_NONE, IPVSADM_NO_CLASS, 0, NULL},
	{"exact", 'X', POPT_ARG_NONE, IPVSADM_EXACT, 0, NULL},
	{"json", '\0', POPT_ARG_NONE, IPVSADM_JSON, 0, NULL},
	{"local-address", 'z', POPT_ARG_STRING, IPVSADM_LOCAL_ADDRESS, 0,
	 xlvs_ipvsadm_local_address},
};

enum {
	VERB_WORDS = sizeof(verb_words) / sizeof(verb_words[0]),
	OPTION_WORDS = sizeof(option_words) / sizeof(option_words[0]),
};

static void fill_popt_table(struct poptOption *table)
{
	for (int i = 0; i < VERB_WORDS; i++)
		*table++ = (struct poptOption){.longName = verb_words[i].long_name,
					       .shortName = verb_words[i].letter,
					       .argInfo = (unsigned int)verb_words[i].kind,
					       .val = FIRST_VERB + i};
	for (int i = 0; i < OPTION_WORDS; i++)
		*table++ = (struct poptOption){.longName = option_words[i].long_name,
					       .shortName = (char)option_words[i].letter,
					       .argInfo = (unsigned int)option_words[i].kind,
					       .val = FIRST_OPTION + i};
	*table = (struct poptOption)POPT_TABLEEND;
}

/* -b is a scheduler's flags in a service and FULLNAT in a destination. popt looks at the table anew
 * for every word. */
static void move_b(struct poptOption *table)
{
	for (; table->val; table++) {
		if (table->shortName == 'b')
			table->shortName = '\0';
		else if (table->longName && strcmp(table->longName, "fullnat") == 0)
			table->shortName = 'b';
	}
}

static void set_defaults(struct ipvsadm_command *command)
{
	*command = (struct ipvsadm_command){
		.service = {.flags_mask = ~0U, .netmask = ~0U},
		.dest = {.method = XLVS_METHOD_DR, .weight = 1},
	};
}

/* The first word says what is to be done. */
static enum ipvsadm_outcome parse_verb(poptContext context, struct poptOption *table,
				       struct ipvsadm_command *command, struct xlvs_error *reterr)
{
	int index = poptGetNextOpt(context) - FIRST_VERB;
	char *word;
	int r = 0;

	if (index < 0 || index >= VERB_WORDS)
		return IPVSADM_TRY_HELP;
	command->verb = verb_words[index].verb;
	if (command->verb == IPVSADM_ADD_SERVER || command->verb == IPVSADM_EDIT_SERVER)
		move_b(table);
	word = poptGetOptArg(context);
	if (word && !xlvs_ipvsadm_sync_role(command, word))
		r = xlvs_refuse(reterr, IPVSADM_REFUSED,
				command->verb == IPVSADM_START_DAEMON
					? "illegal start-daemon parameter specified"
					: "illegal start_daemon specified");
	free(word);
	return r;
}

/* One option after the first; *ret_flags takes the value of -b, which is read when the scheduler is
 * known. */
static enum ipvsadm_outcome apply_option(poptContext context, int value,
					 struct ipvsadm_command *command, char **ret_flags,
					 struct xlvs_error *reterr)
{
	const struct option_word *option;
	char *word;
	int r = IPVSADM_DONE;

	if (value < FIRST_OPTION)
		return xlvs_refuse(reterr, IPVSADM_REFUSED, "invalid option `%s'",
				   poptBadOption(context, POPT_BADOPTION_NOALIAS));
	option = &option_words[value - FIRST_OPTION];
	word = poptGetOptArg(context);
	if (option->class != IPVSADM_NO_CLASS && xlvs_ipvsadm_has(command, option->class))
		r = xlvs_refuse(reterr, IPVSADM_REFUSED, "multiple '%s' options specified",
				xlvs_ipvsadm_option_name(option->class));
	if (r == IPVSADM_DONE && option->class != IPVSADM_NO_CLASS)
		command->given |= IPVSADM_BIT(option->class);
	if (r == IPVSADM_DONE && option->apply)
		r = option->apply(command, option->parameter, word, reterr);
	if (r == IPVSADM_DONE && option->class == IPVSADM_SCHED_FLAGS)
		*ret_flags = word;
	else
		free(word);
	return r;
}

static enum ipvsadm_outcome parse_timeouts(poptContext context, struct ipvsadm_command *command,
					   struct xlvs_error *reterr)
{
	uint32_t *const values[] = {&command->timeouts.tcp_sec, &command->timeouts.tcp_fin_sec,
				    &command->timeouts.udp_sec};
	const char *words[3];
	int r = IPVSADM_DONE;

	for (int i = 0; i < 3; i++) {
		words[i] = poptGetArg(context);
		if (!words[i])
			return xlvs_refuse(reterr, IPVSADM_REFUSED,
					   "--set option requires 3 timeout values");
	}
	for (int i = 0; i < 3 && r == IPVSADM_DONE; i++)
		r = xlvs_ipvsadm_timeout(words[i], 0, values[i], reterr);
	return r;
}

/* What follows the first word. */
static enum ipvsadm_outcome parse_rest(poptContext context, struct ipvsadm_command *command,
				       char **ret_flags, struct xlvs_error *reterr)
{
	enum ipvsadm_outcome outcome = IPVSADM_DONE;
	const char *word;
	int value = 0;

	while (outcome == IPVSADM_DONE && (value = poptGetNextOpt(context)) >= 0)
		outcome = apply_option(context, value, command, ret_flags, reterr);
	if (outcome != IPVSADM_DONE)
		return outcome;
	if (value < -1)
		return xlvs_refuse(reterr, IPVSADM_BAD_WORD, "%s: %s",
				   poptBadOption(context, POPT_BADOPTION_NOALIAS),
				   poptStrerror(value));
	if (command->verb == IPVSADM_SET) {
		outcome = parse_timeouts(context, command, reterr);
		if (outcome != IPVSADM_DONE)
			return outcome;
	}
	word = poptGetArg(context);
	if (word)
		return xlvs_refuse(reterr, IPVSADM_REFUSED, "unexpected argument %s", word);
	return IPVSADM_DONE;
}

enum ipvsadm_outcome xlvs_ipvsadm_parse(int argc, char **argv, struct ipvsadm_command *ret_command,
					struct xlvs_error *reterr)
{
	struct poptOption table[VERB_WORDS + OPTION_WORDS + 1];
	struct ipvsadm_command command;
	enum ipvsadm_outcome outcome;
	poptContext context;
	char *flags = NULL;

	fill_popt_table(table);
	set_defaults(&command);
	context = poptGetContext("ipvsadm", argc, (const char **)argv, table, 0);
	outcome = parse_verb(context, table, &command, reterr);
	if (outcome == IPVSADM_DONE && command.verb < IPVSADM_HELP)
		outcome = parse_rest(context, &command, &flags, reterr);
	if (outcome == IPVSADM_DONE && flags)
		outcome = (enum ipvsadm_outcome)xlvs_ipvsadm_sched_flags(&command, flags, reterr);
	free(flags);
	poptFreeContext(context);
	if (outcome == IPVSADM_DONE)
		*ret_command = command;
	return outcome;
}
