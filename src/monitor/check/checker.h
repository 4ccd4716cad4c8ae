/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a checker is to the engine, and what the engine does for it.
 *
 * One run of a check is an attempt. The engine allocates it (a checker's own struct begins with
 * `struct xlvs_attempt`), limits its time, reports its result once and frees it when the last of
 * its uv handles has closed. The result may be given from anywhere, also from inside a library's
 * callback: it is delivered in the loop's next turn, after `stop`. */
#ifndef XLVS_MONITOR_CHECK_CHECKER_H
#define XLVS_MONITOR_CHECK_CHECKER_H

#include "monitor/check/check.h"

enum {
	XLVS_CHECK_TEXT_BYTES = 160,
	/* What is kept of an answer to be searched for `receive`. */
	XLVS_CHECK_ANSWER_BYTES = 1 << 20,
};

struct xlvs_pattern;
struct xlvs_watch;

struct xlvs_attempt {
	struct xlvs_check *check; /* NULL after stop */
	struct xlvs_check_engine *engine;
	const struct xlvs_checker *checker;
	uv_timer_t timer;
	unsigned int handles; /* that have not closed yet */
	unsigned int limit_ms;
	uint64_t start_ns, end_ns; /* end_ns 0: no result yet */
	enum xlvs_check_outcome outcome;
	char text[XLVS_CHECK_TEXT_BYTES];
};

struct xlvs_checker {
	size_t bytes; /* of its own struct, which begins with an attempt */
	/* Begin; the attempt is zeroed otherwise. */
	void (*start)(struct xlvs_attempt *attempt);
	/* Let go of everything, close every handle, whatever state the attempt is in. May be NULL.
	 * Called once, before the result is reported or when the run is cancelled. Afterwards the
	 * check's description is out of reach. */
	void (*stop)(struct xlvs_attempt *attempt);
	/* Refuse a description this checker cannot work with: 0, or -EINVAL and why. May be NULL.
	 */
	int (*validate)(const struct xlvs_check_spec *spec, struct xlvs_error *reterr);
	/* A library's socket is ready (watch.h). */
	void (*ready)(struct xlvs_watch *watch, int events);
};

struct xlvs_check {
	struct xlvs_check_engine *engine;
	struct xlvs_check_spec spec; /* every string is set, possibly empty, but ca_file */
	struct xlvs_pattern *pattern; /* NULL: no `receive` */
	struct xlvs_attempt *attempt; /* NULL: not running */
	unsigned int connects_left; /* COMBINED */
	char *words; /* holds the strings of spec */
};

/* The result, once; later calls are ignored. */
void xlvs_attempt_up(struct xlvs_attempt *attempt, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void xlvs_attempt_down(struct xlvs_attempt *attempt, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void xlvs_attempt_unknown(struct xlvs_attempt *attempt, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Down because of this error of uv's (-errno), met in doing `what`; unknown when it says that this
 * machine has run out of something. */
void xlvs_attempt_failed(struct xlvs_attempt *attempt, const char *what, int error);
/* Down because of what a library says, which does not tell whose fault it is: unknown when there is
 * no descriptor left. */
void xlvs_attempt_blame(struct xlvs_attempt *attempt, const char *text);
/* The result by searching an answer for `receive`, which is found in everything when empty. */
void xlvs_attempt_search(struct xlvs_attempt *attempt, const char *answer, size_t bytes);
/* True when a result was given: what still arrives does not matter. */
bool xlvs_attempt_over(const struct xlvs_attempt *attempt);

/* A handle that was initialized belongs to the attempt until it is closed through here. `data` of
 * the handle is the attempt's. */
void xlvs_attempt_own(struct xlvs_attempt *attempt, void *handle);
void xlvs_attempt_close(struct xlvs_attempt *attempt, void *handle);
/* For handles that are closed in another way: the attempt's memory stays while it is held. */
void xlvs_attempt_hold(struct xlvs_attempt *attempt);
void xlvs_attempt_release(struct xlvs_attempt *attempt);

#endif
