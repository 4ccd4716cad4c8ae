/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel settings an IPv4 VIP on lo needs on each interface that faces the director: which
 * ones, when they are right as they are, and to what they are set otherwise.
 *
 * The kernel takes the larger of the settings of the interface and of "all". */
#ifndef XLVS_REALSERVER_SYSCTL_H
#define XLVS_REALSERVER_SYSCTL_H

#include "realserver/host.h"
#include "realserver/state.h"

/* Record in `state`, as pending, what has to be written for the VIP to be served by `interfaces`;
 * nothing for a VIP that is not IPv4 or not on lo. */
int xlvs_rs_sysctl_plan(struct xlvs_rs_state *state, const struct xlvs_rs_vip *vip,
			const struct xlvs_rs_interface *interfaces, size_t n_interfaces);

/* Write what is pending. */
int xlvs_rs_sysctl_apply(struct xlvs_rs_state *state, struct xlvs_error *reterr);

/* Give back what no VIP on record needs any more, unless somebody else has changed it since. */
int xlvs_rs_sysctl_restore(struct xlvs_rs_state *state, struct xlvs_error *reterr);

enum {
	XLVS_RS_SYSCTL_RULES = 3,
};

/* Judge one rule for one interface. */
void xlvs_rs_sysctl_check(int rule, const struct xlvs_rs_vip *vip, const char *interface,
			  struct xlvs_rs_check *ret);

/* Whether the VIP needs any of this: IPv4, on lo. */
bool xlvs_rs_sysctl_needed(const struct xlvs_rs_vip *vip);

#endif
