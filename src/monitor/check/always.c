// SPDX-License-Identifier: GPL-2.0-or-later
/* `on`, `off` and the service `none`: nobody is asked. */
#include "monitor/check/checker.h"

static void start(struct xlvs_attempt *attempt)
{
	if (attempt->check->spec.kind == XLVS_CHECK_OFF)
		xlvs_attempt_down(attempt, "switched off");
	else
		xlvs_attempt_up(attempt, "not checked");
}

const struct xlvs_checker xlvs_checker_always = {
	.bytes = sizeof(struct xlvs_attempt),
	.start = start,
};
