/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ipvsadm's options do with their words.
 *
 * All take the command read so far, what the option's row of the table says besides
 * (`parameter`), the option's word (NULL when it has none), and return IPVSADM_DONE, or
 * IPVSADM_REFUSED with ipvsadm's sentence in `reterr`. */
#ifndef XLVS_CLI_IPVSADM_VALUES_H
#define XLVS_CLI_IPVSADM_VALUES_H

#include "base/error.h"
#include "cli/ipvsadm_command.h"
#include "cli/ipvsadm_rules.h"

typedef int xlvs_ipvsadm_value(struct ipvsadm_command *command, int parameter, const char *word,
			       struct xlvs_error *reterr);

xlvs_ipvsadm_value xlvs_ipvsadm_service; /* parameter: the protocol */
xlvs_ipvsadm_value xlvs_ipvsadm_fwmark;
xlvs_ipvsadm_value xlvs_ipvsadm_ipv6;
xlvs_ipvsadm_value xlvs_ipvsadm_name; /* parameter: which enum ipvsadm_option it names */
xlvs_ipvsadm_value xlvs_ipvsadm_number; /* parameter: likewise */
xlvs_ipvsadm_value xlvs_ipvsadm_persistent;
xlvs_ipvsadm_value xlvs_ipvsadm_netmask;
xlvs_ipvsadm_value xlvs_ipvsadm_ops;
xlvs_ipvsadm_value xlvs_ipvsadm_real_server;
xlvs_ipvsadm_value xlvs_ipvsadm_method; /* parameter: enum xlvs_method */
xlvs_ipvsadm_value xlvs_ipvsadm_tunnel_type;
xlvs_ipvsadm_value xlvs_ipvsadm_toa_kind;
xlvs_ipvsadm_value xlvs_ipvsadm_mss_clamp;
xlvs_ipvsadm_value xlvs_ipvsadm_tunnel_flag; /* parameter: the flag */
xlvs_ipvsadm_value xlvs_ipvsadm_mcast_group;
xlvs_ipvsadm_value xlvs_ipvsadm_local_address;

/* -b: after all options, for the names depend on the scheduler. */
int xlvs_ipvsadm_sched_flags(struct ipvsadm_command *command, const char *word,
			     struct xlvs_error *reterr);

/* "master" or "backup"; false for other words. */
bool xlvs_ipvsadm_sync_role(struct ipvsadm_command *command, const char *word);

/* Seconds from `min` to 31 days. */
int xlvs_ipvsadm_timeout(const char *word, long min, uint32_t *ret_sec, struct xlvs_error *reterr);

#endif
