// SPDX-License-Identifier: GPL-2.0-or-later
/* The shipped connection table and expiry through arbitrary histories, step by step against the
 * model of tests/unit/connection_model.h. An input is the table's size, a seed and the steps. */
#include "connection_model.h"

#include <stddef.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum {
	HEAD_BYTES = 2,
	STEP_BYTES = 3,
	STEPS_PER_CHECK = 16,
	GROUPS_MAX = 16, /* small, so that it gets full */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	if (bytes < HEAD_BYTES)
		return 0;
	model_begin(MODEL_GROUPS_MIN + data[0] % (GROUPS_MAX - MODEL_GROUPS_MIN + 1), data[1]);
	for (size_t i = 0; HEAD_BYTES + (i + 1) * STEP_BYTES <= bytes; i++) {
		const uint8_t *at = data + HEAD_BYTES + i * STEP_BYTES;

		if (!model_apply((struct model_step){at[0], at[1], at[2]}) ||
		    (i % STEPS_PER_CHECK == 0 && !model_check()))
			abort();
	}
	if (!model_check() || !model_drain())
		abort();
	return 0;
}
