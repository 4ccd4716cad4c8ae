/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command lines run against the director of control_fake.c, with what they printed. Host and
 * service names are this fixture's own, whatever the machine's resolver says: it stands in for
 * libc's lookups. */
#ifndef XLVS_TESTS_IPVSADM_FIXTURE_H
#define XLVS_TESTS_IPVSADM_FIXTURE_H

#include "control_fake.h"

#include "cli/ipvsadm_run.h"

#include <stdbool.h>

struct printed {
	int exit_code;
	char *out;
	char *err;
};

struct ipvsadm_fixture {
	char socket[64];
	pid_t pid;
	struct ipvsadm_session session;
};

/* Start `director` (NULL: an empty one) and connect to it. */
void fixture_start(struct ipvsadm_fixture *fixture, struct fake_director *director);
void fixture_stop(struct ipvsadm_fixture *fixture);

/* Run one line, "ipvsadm -A -t ..." (words without blanks); `input` may be NULL. Free the answer
 * with printed_free(). */
struct printed fixture_run(struct ipvsadm_fixture *fixture, const char *line, const char *input);
void printed_free(struct printed *printed);

/* Run and compare all three. */
void fixture_expect(struct ipvsadm_fixture *fixture, const char *line, int exit_code,
		    const char *out, const char *err);

#endif
