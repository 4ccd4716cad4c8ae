// SPDX-License-Identifier: GPL-2.0-or-later
#include "rounds.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

void bench_rounds_sort(double *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), compare);
}

double bench_rounds_quantile(const double *sorted, unsigned int n, double share)
{
	double at = share * (n - 1);
	unsigned int below = at;

	if (below + 1 >= n)
		return sorted[n - 1];
	return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}

int bench_rounds_pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0) {
		if (sched_getaffinity(0, sizeof(set), &set))
			return -errno;
		for (int i = 0; i < CPU_SETSIZE; i++)
			if (CPU_ISSET(i, &set))
				cpu = i;
	}
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}
