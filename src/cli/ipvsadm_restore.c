// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/cleanup.h"
#include "cli/ipvsadm_run.h"

#include <errno.h>
#include <string.h>

#define BLANKS " \t\r\n\v\f"

/* The words of one line as an argument vector. */
struct words {
	char **vector;
	size_t n;
	size_t n_allocated;
};

static int append(struct words *words, char *word)
{
	if (words->n == words->n_allocated) {
		size_t n = words->n_allocated ? 2 * words->n_allocated : 32;
		char **vector = reallocarray(words->vector, n, sizeof(*vector));

		if (!vector)
			return -ENOMEM;
		words->vector = vector;
		words->n_allocated = n;
	}
	words->vector[words->n++] = word;
	return 0;
}

/* Cut `line` at white space. The word "ipvsadm" is not counted wherever it stands. */
static int split(char *line, char *program, struct words *words)
{
	char *rest = line;
	char *word;
	int r;

	words->n = 0;
	r = append(words, program);
	while (r == 0 && (word = strtok_r(rest, BLANKS, &rest)))
		if (strcmp(word, "ipvsadm") != 0)
			r = append(words, word);
	if (r == 0)
		r = append(words, NULL);
	return r;
}

/* Lines are carried out until one ends the run; what it sent ahead was collected by then. */
static enum ipvsadm_outcome run_lines(struct ipvsadm_session *session, char *program)
{
	enum ipvsadm_outcome outcome = IPVSADM_DONE;
	XLVS_AUTO_FREE char *line = NULL;
	struct words words = {0};
	size_t bytes = 0;

	while (outcome < IPVSADM_REFUSED && getline(&line, &bytes, session->in) >= 0) {
		if (split(line, program, &words) < 0)
			outcome = xlvs_ipvsadm_finish(session, IPVSADM_LOST);
		else if (words.n > 2)
			outcome = xlvs_ipvsadm_process(session, (int)words.n - 1, words.vector);
	}
	free(words.vector);
	return outcome;
}

enum ipvsadm_outcome xlvs_ipvsadm_restore(struct ipvsadm_session *session, char *program)
{
	enum ipvsadm_outcome outcome;

	session->is_restore = true;
	outcome = run_lines(session, program);
	if (outcome != IPVSADM_LOST && xlvs_ipvsadm_collect(session) != IPVSADM_DONE)
		outcome = IPVSADM_LOST;
	session->is_restore = false;
	return outcome;
}
