/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The programs that tell a real server's own programs the client's address (toa.bpf.c), from
 * outside.
 *
 * They are attached to the root of the control groups (of this control group namespace), where
 * every process belongs to. They stay when the command has ended, nothing is pinned: the group
 * leads back to the programs and these to their maps. All network namespaces share them, each with
 * its own entries, which the next command of any of them removes when the namespace is gone. Those
 * of another version of xlvs are replaced, which `xlvs rs show` then tells the other namespaces. */
#ifndef XLVS_REALSERVER_TOA_H
#define XLVS_REALSERVER_TOA_H

#include "realserver/state.h"

struct xlvs_rs_toa {
	int spaces_fd;
	int directors_fd;
	int alive_fd;
};

/* The programs that are attached; -ENOENT if they are not, or not all of them, -EPROTO if they are
 * those of another version of xlvs. On failure there is nothing to close. */
int xlvs_rs_toa_find(struct xlvs_rs_toa *ret, struct xlvs_error *reterr);
void xlvs_rs_toa_close(struct xlvs_rs_toa *toa);

/* Make the programs believe the directors of the record's fullnat VIPs and no others in this
 * network namespace: attached if there is such a VIP, detached when no namespace has one. */
int xlvs_rs_toa_follow(const struct xlvs_rs_state *state, struct xlvs_error *reterr);

/* Whether options from all directors of the VIP are believed. */
bool xlvs_rs_toa_believes(const struct xlvs_rs_toa *toa, uint64_t netns_cookie,
			  const struct xlvs_rs_vip *vip);

/* -errno if nothing is counted in this network namespace. */
int xlvs_rs_toa_counts(const struct xlvs_rs_toa *toa, uint64_t netns_cookie,
		       uint64_t ret[XLVS_RS_TOA_COUNTS_END]);

#endif
