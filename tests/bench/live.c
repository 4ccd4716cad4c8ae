// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sends live frames out of an interface as fast as one CPU can, and prints what one packet costs
 * that CPU in nanoseconds, everything included that runs in its context: the other end of a veth,
 * the director behind it, the sink. Median of the rounds. With -w each flow is sent once, and
 * nothing is printed.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drive.h"
#include "rounds.h"

enum {
	EXIT_USAGE = 2,
};

struct options {
	unsigned int rounds;
	__u32 packets;
	bool warm;
};

static int parse_words(struct traffic *traffic, int n, char **words)
{
	for (int i = 0; i < n; i++) {
		char *value = strchr(words[i], '=');

		if (!value)
			return -EINVAL;
		*value = '\0';
		if (bench_traffic_word(traffic, words[i], value + 1)) {
			fprintf(stderr, "live: not understood: %s\n", words[i]);
			return -EINVAL;
		}
	}
	return 0;
}

static int send_rounds(struct drive *drive, int ifindex, const struct options *options)
{
	double values[ROUNDS_MAX];
	__u64 ns;

	for (unsigned int i = 0; i < options->rounds; i++) {
		int r = bench_drive_live(drive, ifindex, options->packets, &ns);

		if (r < 0)
			return r;
		values[i] = (double)ns / options->packets;
	}
	if (options->warm)
		return 0;
	bench_rounds_sort(values, options->rounds);
	printf("%.1f\n", bench_rounds_quantile(values, options->rounds, 0.5));
	return 0;
}

static int live(int ifindex, struct traffic *traffic, struct options *options)
{
	struct drive drive;
	int r = bench_rounds_pin(-1);

	if (r == 0)
		r = bench_drive_open(&drive, -1);
	if (r < 0)
		return r;
	if (options->warm) {
		traffic->order = DRIVER_ORDER_SWEEP;
		options->packets = traffic->flows;
		options->rounds = 1;
	}
	bench_drive_traffic(&drive, traffic);
	r = send_rounds(&drive, ifindex, options);
	bench_drive_close(&drive);
	return r;
}

int main(int argc, char **argv)
{
	struct options options = {.rounds = 9, .packets = 20000};
	struct traffic traffic;
	int option, ifindex, r;

	while ((option = getopt(argc, argv, "r:n:w")) != -1) {
		if (option == 'r')
			options.rounds = strtoul(optarg, NULL, 10);
		else if (option == 'n')
			options.packets = strtoul(optarg, NULL, 10);
		else if (option == 'w')
			options.warm = true;
		else
			options.rounds = 0;
	}
	bench_traffic_init(&traffic);
	if (!options.rounds || options.rounds > ROUNDS_MAX || !options.packets || optind == argc ||
	    parse_words(&traffic, argc - optind - 1, argv + optind + 1)) {
		fprintf(stderr, "usage: live [-w] [-r ROUNDS] [-n PACKETS] INTERFACE [WORD...]\n");
		return EXIT_USAGE;
	}

	ifindex = if_nametoindex(argv[optind]);
	r = ifindex ? live(ifindex, &traffic, &options) : -ENODEV;
	if (r < 0)
		fprintf(stderr, "live: %s: %s\n", argv[optind], strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
