/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Carrying out what the model planned: the packet path first, then those parts of the daemon that
 * follow services and destinations. */
#ifndef XLVS_DAEMON_APPLY_H
#define XLVS_DAEMON_APPLY_H

#include "daemon/director.h"

/* Releases the plan, whatever the outcome. On failure some of its operations may have been carried
 * out: make the model's change undone and apply that plan by xlvs_apply_anyway(). */
int xlvs_apply(struct xlvs_director *director, struct xlvs_plan *plan, struct xlvs_error *reterr);

/* Each operation by itself; what fails is left as it is, for it was not carried out before. */
void xlvs_apply_anyway(struct xlvs_director *director, struct xlvs_plan *plan);

#endif
