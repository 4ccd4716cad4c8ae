/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The record of what `xlvs rs` changed on this real server: a JSON file per network namespace,
 * /run/xlvs/rs/COOKIE.json (SO_NETNS_COOKIE is never used twice between two boots, and /run does
 * not outlive a boot).
 *
 * Whoever has it open holds a lock on the directory; there is one open state per process. */
#ifndef XLVS_REALSERVER_STATE_H
#define XLVS_REALSERVER_STATE_H

#include "realserver/realserver.h"

#include <limits.h>

/* A VIP, and whether its address on lo is ours to remove. */
struct xlvs_rs_entry {
	struct xlvs_rs_vip vip;
	bool address_added;
};

/* A kernel setting: its path below /proc/sys, its value before, and ours. */
struct xlvs_rs_sysctl {
	char name[96];
	int before;
	int set;
	bool pending; /* recorded, but not written yet; not kept in the file */
};

struct xlvs_rs_state {
	size_t n_entries;
	struct xlvs_rs_entry *entries;
	size_t n_sysctls;
	struct xlvs_rs_sysctl *sysctls;
	char path[PATH_MAX];
	uint64_t netns_cookie;
	int lock_fd;
};

/* Lock and read; a missing file is an empty record. On failure there is nothing to close. */
int xlvs_rs_state_open(struct xlvs_rs_state *ret, struct xlvs_error *reterr);
void xlvs_rs_state_close(struct xlvs_rs_state *state);

/* Write in one step; a record of nothing removes the file. */
int xlvs_rs_state_save(const struct xlvs_rs_state *state, struct xlvs_error *reterr);

/* NULL if there is none. */
struct xlvs_rs_entry *xlvs_rs_state_find(const struct xlvs_rs_state *state,
					 const struct in6_addr *address);

/* A VIP behind FULLNAT, whose kinds are those of all; NULL if there is none. */
const struct xlvs_rs_vip *xlvs_rs_state_fullnat(const struct xlvs_rs_state *state);

/* Append; -ENOMEM. */
int xlvs_rs_state_add_entry(struct xlvs_rs_state *state, const struct xlvs_rs_entry *entry);
int xlvs_rs_state_add_sysctl(struct xlvs_rs_state *state, const struct xlvs_rs_sysctl *sysctl);

void xlvs_rs_state_remove_entry(struct xlvs_rs_state *state, struct xlvs_rs_entry *entry);

#endif
