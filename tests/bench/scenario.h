/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One thing to measure: a program, the traffic it gets, and what must have happened before. Beside
 * it runs the same driver with a program that returns at once, whose time is subtracted.
 *
 * A scenario is one line:  NAME PROGRAM [WORD...]  with PROGRAM as in program.h, the words of
 * traffic.h, and
 *   entries=N            elements of the program's hash maps
 *   dev=INTERFACE        where frames arrive
 *   packets=N            packets a round (default: as many as the harness is told)
 *   touch=N              cache lines of other memory touched between two packets
 *   warm=KIND[,KIND...]  frames sent once for each flow before measuring; synack comes from the
 *                        server, all others from the client
 *   server=ADDRESS:PORT  who answers; or "learn": whoever and from wherever the requests say
 *   from=client|server   whose frames are measured (default: the client's)
 *   expect=out|pass|drop what each packet must end in; out, the default: XDP_TX or a redirect
 */
#ifndef XLVS_BENCH_SCENARIO_H
#define XLVS_BENCH_SCENARIO_H

#include "drive.h"
#include "program.h"

enum {
	SCENARIO_WARM_MAX = 4,
};

struct scenario {
	char name[64];
	char spec[256];
	struct traffic traffic;
	enum traffic_kind warm[SCENARIO_WARM_MAX];
	unsigned int n_warm;
	struct in6_addr server;
	__u16 server_port;
	bool has_server;
	bool learns; /* who the server is */
	bool from_server;
	__u32 entries;
	__u32 touch;
	__u32 packets;
	int ifindex;
	__u32 expect; /* set of actions */

	struct program program;
	struct drive drive;
	struct drive base;
};

/* Reads one line. -EINVAL, and what was not understood in *ret_word (part of the line). */
int bench_scenario_parse(struct scenario *scenario, char *line, const char **ret_word);

/* Loads the program and both drivers, warms up, and sees that packets end as expected. */
int bench_scenario_open(struct scenario *scenario);

void bench_scenario_close(struct scenario *scenario);

/*
 * One round: `packets` packets, or as many as the scenario says, through the base and through the
 * program, in nanoseconds a packet.
 * -EPROTO when a packet did not end as expected.
 */
int bench_scenario_round(struct scenario *scenario, __u32 packets, double *ret_base,
			 double *ret_gross);

#endif
