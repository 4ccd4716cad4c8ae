/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing a plan: room is made while a change can still be refused, so that adding cannot fail. */
#ifndef XLVS_MODEL_PLAN_H
#define XLVS_MODEL_PLAN_H

#include "model/model.h"

/* Make room for n_ops more. -ENOMEM. */
int xlvs_plan_reserve(struct xlvs_plan *plan, size_t n_ops);

/* Append an operation, for which room was made. */
void xlvs_plan_add(struct xlvs_plan *plan, struct xlvs_op op);

#endif
