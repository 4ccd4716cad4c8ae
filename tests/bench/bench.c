// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Measures XDP programs side by side: reads scenarios (scenario.h), one a line, '#' begins a
 * comment; runs all of them in turn, round after round, in one process; prints for each
 *
 *   NAME BASE NET NET-QUARTILE1 NET-QUARTILE3
 *
 * in nanoseconds a packet: the median of the driver alone, the median and quartiles of what the
 * program adds.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rounds.h"
#include "scenario.h"

enum {
	SCENARIOS_MAX = 64,
	EXIT_USAGE = 2,
};

struct measured {
	struct scenario scenario;
	double base[ROUNDS_MAX];
	double net[ROUNDS_MAX];
};

static int read_scenarios(struct measured *measured, unsigned int *ret_n)
{
	char *line = NULL;
	size_t size_bytes = 0;
	int r = 0;

	*ret_n = 0;
	while (r == 0 && getline(&line, &size_bytes, stdin) > 0) {
		const char *word;

		line[strcspn(line, "#")] = '\0';
		if (line[strspn(line, " \t\n")] == '\0')
			continue;
		r = *ret_n == SCENARIOS_MAX ? -E2BIG : 0;
		if (r == 0)
			r = bench_scenario_parse(&measured[*ret_n].scenario, line, &word);
		if (r < 0)
			fprintf(stderr, "bench: scenario %u: not understood: %s\n", *ret_n + 1,
				r == -E2BIG ? "too many" : word);
		else
			++*ret_n;
	}
	free(line);
	return r;
}

static int fail(const struct scenario *scenario, const char *step, int error)
{
	fprintf(stderr, "bench: %s: %s: %s\n", scenario->name, step,
		error == -EPROTO ? "a packet did not end as expected" : strerror(-error));
	return error;
}

static int measure(struct measured *measured, unsigned int n, unsigned int rounds, __u32 packets)
{
	for (unsigned int i = 0; i < n; i++) {
		int r = bench_scenario_open(&measured[i].scenario);

		if (r < 0)
			return fail(&measured[i].scenario, "cannot begin", r);
	}
	for (unsigned int round = 0; round < rounds; round++) {
		for (unsigned int i = 0; i < n; i++) {
			struct measured *m = &measured[i];
			double gross;
			int r = bench_scenario_round(&m->scenario, packets, &m->base[round],
						     &gross);

			if (r < 0)
				return fail(&m->scenario, "stopped", r);
			m->net[round] = gross - m->base[round];
		}
	}
	return 0;
}

static void report(struct measured *measured, unsigned int n, unsigned int rounds)
{
	for (unsigned int i = 0; i < n; i++) {
		struct measured *m = &measured[i];

		bench_rounds_sort(m->base, rounds);
		bench_rounds_sort(m->net, rounds);
		printf("%-28s %8.1f %8.1f %8.1f %8.1f\n", m->scenario.name,
		       bench_rounds_quantile(m->base, rounds, 0.5),
		       bench_rounds_quantile(m->net, rounds, 0.5),
		       bench_rounds_quantile(m->net, rounds, 0.25),
		       bench_rounds_quantile(m->net, rounds, 0.75));
	}
}

int main(int argc, char **argv)
{
	struct measured *measured = calloc(SCENARIOS_MAX, sizeof(*measured));
	unsigned int n = 0, rounds = 41;
	__u32 packets = 60000;
	int option, cpu = -1, r;

	while ((option = getopt(argc, argv, "r:n:c:")) != -1) {
		if (option == 'r')
			rounds = strtoul(optarg, NULL, 10);
		else if (option == 'n')
			packets = strtoul(optarg, NULL, 10);
		else if (option == 'c')
			cpu = strtol(optarg, NULL, 10);
		else
			rounds = 0;
	}
	if (!measured || !rounds || rounds > ROUNDS_MAX || !packets || optind != argc) {
		fprintf(stderr, "usage: bench [-r ROUNDS] [-n PACKETS] [-c CPU] < SCENARIOS\n");
		free(measured);
		return EXIT_USAGE;
	}

	r = bench_rounds_pin(cpu);
	if (r == 0)
		r = read_scenarios(measured, &n);
	if (r == 0)
		r = measure(measured, n, rounds, packets);
	if (r == 0)
		report(measured, n, rounds);
	for (unsigned int i = 0; i < n; i++)
		bench_scenario_close(&measured[i].scenario);
	free(measured);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
