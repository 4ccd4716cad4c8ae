/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which addresses a burst of route changes may concern: a few prefixes are kept apart, so that one
 * of many routes does not cost a look at every destination; more than that, or a change of
 * addresses and rules, means all of a family. Plain data. */
#ifndef XLVS_DAEMON_CHANGE_H
#define XLVS_DAEMON_CHANGE_H

#include "daemon/rtnl.h"

#define XLVS_CHANGE_PREFIXES_MAX 64

/* Zeroed: nothing has changed. */
struct xlvs_changes {
	struct xlvs_prefix prefixes[XLVS_CHANGE_PREFIXES_MAX];
	unsigned int n_prefixes;
	bool all4, all6;
};

/* As told by struct xlvs_rtnl_handler. */
void xlvs_changes_add(struct xlvs_changes *changes, uint16_t family,
		      const struct xlvs_prefix *prefix);
bool xlvs_changes_any(const struct xlvs_changes *changes);
bool xlvs_changes_concern(const struct xlvs_changes *changes, uint16_t family,
			  const struct xlvs_address *address);
void xlvs_changes_clear(struct xlvs_changes *changes);

#endif
