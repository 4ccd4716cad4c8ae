// SPDX-License-Identifier: GPL-2.0-or-later
#include "model/plan.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int xlvs_plan_reserve(struct xlvs_plan *plan, size_t n_ops)
{
	size_t capacity = plan->capacity ? plan->capacity : 8;
	struct xlvs_op *ops;

	while (capacity < plan->n_ops + n_ops)
		capacity *= 2;
	if (capacity == plan->capacity)
		return 0;

	ops = reallocarray(plan->ops, capacity, sizeof(*ops));
	if (!ops)
		return -ENOMEM;
	plan->ops = ops;
	plan->capacity = capacity;
	return 0;
}

void xlvs_plan_add(struct xlvs_plan *plan, struct xlvs_op op)
{
	assert(plan->n_ops < plan->capacity);
	plan->ops[plan->n_ops++] = op;
}

void xlvs_plan_done(struct xlvs_plan *plan)
{
	free(plan->ops);
	*plan = (struct xlvs_plan){};
}
