/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many rounds of one measurement, and what they say. */
#ifndef XLVS_BENCH_ROUNDS_H
#define XLVS_BENCH_ROUNDS_H

enum {
	ROUNDS_MAX = 1001,
};

/* Sorts the n values, n at least 1. */
void bench_rounds_sort(double *values, unsigned int n);

/* The value below which `share` (0 to 1) of n sorted values lie: 0.5 is the median. */
double bench_rounds_quantile(const double *sorted, unsigned int n, double share);

/* Keeps the calling thread on one CPU: `cpu`, or the last one it may use when that is negative. 0
 * or -errno. */
int bench_rounds_pin(int cpu);

#endif
