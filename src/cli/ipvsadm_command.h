/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One ipvsadm command line as plain data: which command, which options were given, and the values
 * they said or leave at ipvsadm's defaults. */
#ifndef XLVS_CLI_IPVSADM_COMMAND_H
#define XLVS_CLI_IPVSADM_COMMAND_H

#include "control/info.h"

#include <stdbool.h>

/* In ipvsadm's order, and ours behind them. */
enum ipvsadm_verb {
	IPVSADM_ADD_SERVICE,
	IPVSADM_EDIT_SERVICE,
	IPVSADM_DELETE_SERVICE,
	IPVSADM_FLUSH,
	IPVSADM_LIST,
	IPVSADM_ADD_SERVER,
	IPVSADM_DELETE_SERVER,
	IPVSADM_EDIT_SERVER,
	IPVSADM_SET,
	IPVSADM_START_DAEMON,
	IPVSADM_STOP_DAEMON,
	IPVSADM_RESTORE,
	IPVSADM_SAVE,
	IPVSADM_ZERO,
	IPVSADM_ADD_LADDR,
	IPVSADM_DELETE_LADDR,
	IPVSADM_GET_LADDR,
	IPVSADM_HELP,
	IPVSADM_VERSION,
	IPVSADM_VERBS,
};

/* In the order in which ipvsadm checks them: the first offence is the one it reports. */
enum ipvsadm_option {
	IPVSADM_NUMERIC,
	IPVSADM_CONNECTION,
	IPVSADM_SERVICE,
	IPVSADM_SCHEDULER,
	IPVSADM_PERSISTENT,
	IPVSADM_NETMASK,
	IPVSADM_REAL_SERVER,
	IPVSADM_FORWARDING,
	IPVSADM_WEIGHT,
	IPVSADM_U_THRESHOLD,
	IPVSADM_L_THRESHOLD,
	IPVSADM_MCAST_INTERFACE,
	IPVSADM_TIMEOUT,
	IPVSADM_DAEMON,
	IPVSADM_STATS,
	IPVSADM_RATE,
	IPVSADM_THRESHOLDS,
	IPVSADM_PERSISTENT_CONN,
	IPVSADM_NOSORT,
	IPVSADM_SYNCID,
	IPVSADM_EXACT,
	IPVSADM_OPS,
	IPVSADM_PE,
	IPVSADM_SCHED_FLAGS,
	IPVSADM_MCAST_GROUP,
	IPVSADM_MCAST_PORT,
	IPVSADM_MCAST_TTL,
	IPVSADM_SYNC_MAXLEN,
	IPVSADM_TUN_INFO,
	IPVSADM_TUN_TYPE,
	IPVSADM_TUN_PORT,
	IPVSADM_TUN_NOCSUM,
	IPVSADM_TUN_CSUM,
	IPVSADM_TUN_REMCSUM,
	IPVSADM_TOA_KIND,
	IPVSADM_MSS_CLAMP,
	IPVSADM_LOCAL_ADDRESS,
	IPVSADM_JSON,
	IPVSADM_OPTIONS,
	IPVSADM_NO_CLASS = IPVSADM_OPTIONS, /* options that may be repeated */
};

struct ipvsadm_command {
	enum ipvsadm_verb verb;
	uint64_t given; /* one bit per enum ipvsadm_option */
	struct xlvs_service_spec service;
	struct xlvs_dest_spec dest;
	struct xlvs_timeouts timeouts;
	struct xlvs_sync_spec sync;
	struct xlvs_local_address local;
};

#define IPVSADM_BIT(option) (UINT64_C(1) << (option))

static inline bool xlvs_ipvsadm_has(const struct ipvsadm_command *command,
				    enum ipvsadm_option option)
{
	return command->given & IPVSADM_BIT(option);
}

/* How a command line ended, and with it the exit code. */
enum ipvsadm_outcome {
	IPVSADM_DONE, /* 0 */
	IPVSADM_BAD_WORD, /* 255: an option unknown, or without its value; a restore goes on */
	IPVSADM_FAILED, /* 255: the director refused; a restore goes on */
	IPVSADM_REFUSED, /* 2: ends a restore, as all that follow */
	IPVSADM_TRY_HELP, /* 255: no command among the words */
	IPVSADM_BROKEN, /* 1: a listing went wrong */
	IPVSADM_LOST, /* 255: the director went away */
	IPVSADM_EXIT, /* 0: help was printed */
};

#endif
