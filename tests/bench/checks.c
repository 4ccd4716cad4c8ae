// SPDX-License-Identifier: GPL-2.0-or-later
/* What many http checks cost: COUNT checks of 127.0.0.0/8 addresses at PORT, one every INTERVAL_MS
 * each, for SECONDS; prints results, processor time and memory.
 *
 *     checks PORT [COUNT [INTERVAL_MS [SECONDS]]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "monitor/check/check.h"

struct bench {
	unsigned long ups, others, late;
	uint64_t worst_us;
};

struct target {
	struct bench *bench;
	struct xlvs_check *check;
	uv_timer_t timer;
};

static void done(void *context, const struct xlvs_check_result *result)
{
	struct bench *bench = ((struct target *)context)->bench;

	bench->ups += result->outcome == XLVS_CHECK_IS_UP;
	bench->others += result->outcome != XLVS_CHECK_IS_UP;
	if (result->latency_us > bench->worst_us)
		bench->worst_us = result->latency_us;
}

static void due(uv_timer_t *timer)
{
	struct target *target = timer->data;

	if (xlvs_check_start(target->check))
		target->bench->late++;
}

static void over(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static void report(const struct bench *bench, unsigned int seconds)
{
	double user, sys, checks = (double)(bench->ups + bench->others + 1);
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	user = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6;
	sys = (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
	printf("up %lu, not up %lu, still running when due %lu, slowest %.1f ms\n", bench->ups,
	       bench->others, bench->late, (double)bench->worst_us / 1000);
	printf("processor: %.1f %% of one core, a check %.0f us (user %.0f, system %.0f); "
	       "memory: %.1f MiB at most\n",
	       100 * (user + sys) / seconds, 1e6 * (user + sys) / checks, 1e6 * user / checks,
	       1e6 * sys / checks, (double)usage.ru_maxrss / 1024);
}

static int begin(struct xlvs_check_engine *engine, uv_loop_t *loop, struct target *target,
		 struct xlvs_check_spec *spec, uint64_t interval_ms)
{
	spec->done = done;
	spec->context = target;
	if (xlvs_check_new(engine, spec, NULL, &target->check))
		return -1;
	uv_timer_init(loop, &target->timer);
	target->timer.data = target;
	return uv_timer_start(&target->timer, due, (uint64_t)rand() % interval_ms, interval_ms);
}

int main(int argc, char **argv)
{
	unsigned int count = argc > 2 ? (unsigned int)atoi(argv[2]) : 5000, i;
	unsigned int interval_ms = argc > 3 ? (unsigned int)atoi(argv[3]) : 2000;
	unsigned int seconds = argc > 4 ? (unsigned int)atoi(argv[4]) : 20;
	struct rlimit files = {65536, 65536};
	struct xlvs_check_engine *engine;
	struct bench bench = {0};
	struct target *targets;
	uv_timer_t end;
	uv_loop_t loop;

	setrlimit(RLIMIT_NOFILE, &files);
	targets = calloc(count, sizeof(*targets));
	if (argc < 2 || !targets || uv_loop_init(&loop) || xlvs_check_engine_new(&loop, &engine))
		return 2;
	for (i = 0; i < count; i++) {
		struct xlvs_check_spec spec = {
			.kind = XLVS_CHECK_NEGOTIATE,
			.service = XLVS_SERVICE_http,
			.protocol = IPPROTO_TCP,
			.check_timeout_ms = 5000,
			.negotiate_timeout_ms = 5000,
			.request = "/",
			.receive = "ok",
		};

		spec.real.v4.sin_family = AF_INET;
		spec.real.v4.sin_port = htons((uint16_t)atoi(argv[1]));
		spec.real.v4.sin_addr.s_addr = htonl(0x7f010001 + i);
		targets[i].bench = &bench;
		if (begin(engine, &loop, &targets[i], &spec, interval_ms))
			return 2;
	}
	uv_timer_init(&loop, &end);
	uv_timer_start(&end, over, (uint64_t)seconds * 1000, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	report(&bench, seconds);
	return 0;
}
