/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carrying out what the model planned: the packet path first, then those parts of the daemon that
 * follow services and destinations. */
#ifndef XLVS_DAEMON_APPLY_H
#define XLVS_DAEMON_APPLY_H

#include "daemon/director.h"

/* Releases the plan, whatever the outcome. On failure nothing of it was carried out: the model's
 * change must be taken back. */
int xlvs_apply(struct xlvs_director *director, struct xlvs_plan *plan, struct xlvs_error *reterr);

/* The same for a change that cannot be taken back: a failure (only when memory is short) is logged,
 * for the model and the packet path agree again only after the daemon's restart. */
int xlvs_apply_final(struct xlvs_director *director, struct xlvs_plan *plan,
		     struct xlvs_error *reterr);

#endif
