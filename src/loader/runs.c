// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/runs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/limits.h"

int xlvs_runs_init(struct xlvs_runs *runs, uint32_t n)
{
	uint8_t *taken = calloc(n, 1);

	if (!taken)
		return -ENOMEM;
	*runs = (struct xlvs_runs){.taken = taken, .n = n};
	return 0;
}

void xlvs_runs_done(struct xlvs_runs *runs)
{
	free(runs->taken);
}

/* The first free run that starts and ends within [from, to). */
static uint32_t find_run(const struct xlvs_runs *runs, uint32_t length, uint32_t from, uint32_t to)
{
	while (from < to && length <= to - from) {
		const uint8_t *start = memchr(runs->taken + from, 0, to - from);
		const uint8_t *obstacle;

		if (!start || length > (size_t)(runs->taken + to - start))
			break;
		obstacle = memchr(start, 1, length);
		if (!obstacle)
			return (uint32_t)(start - runs->taken);
		from = (uint32_t)(obstacle - runs->taken);
	}
	return XLVS_NONE;
}

uint32_t xlvs_runs_alloc(struct xlvs_runs *runs, uint32_t length)
{
	uint32_t first = find_run(runs, length, runs->cursor, runs->n);

	if (first == XLVS_NONE)
		first = find_run(runs, length, 0, runs->n);
	if (first == XLVS_NONE)
		return XLVS_NONE;
	memset(runs->taken + first, 1, length);
	runs->cursor = first + length;
	return first;
}

void xlvs_runs_free(struct xlvs_runs *runs, uint32_t first, uint32_t length)
{
	memset(runs->taken + first, 0, length);
}

bool xlvs_runs_take(struct xlvs_runs *runs, uint32_t first, uint32_t length)
{
	if (length == 0 || length > runs->n || first > runs->n - length ||
	    memchr(runs->taken + first, 1, length))
		return false;
	memset(runs->taken + first, 1, length);
	return true;
}
