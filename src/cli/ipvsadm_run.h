/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ipvsadm from its words to its exit code. */
#ifndef XLVS_CLI_IPVSADM_RUN_H
#define XLVS_CLI_IPVSADM_RUN_H

#include "cli/ipvsadm_command.h"
#include "control/client.h"

#include <stdio.h>

/* One run of the program: a connected client and the streams to read and print. */
struct ipvsadm_session {
	struct xlvs_client *client;
	FILE *in;
	FILE *out;
	FILE *err;
	/* Commands of a restore are sent ahead of their answers; what each was is kept, oldest
	 * first, for the sentence its refusal needs. */
	bool is_restore;
	enum ipvsadm_verb ahead[XLVS_CLIENT_WINDOW];
	int last_exit; /* of the latest command whose outcome is known */
};

/* The whole program. `socket` NULL: the director of this network namespace. Returns the exit
 * code. */
int xlvs_ipvsadm_main(const char *socket, int argc, char **argv);

/* One command line over a connected session (argv[0] is the program's name); returns the exit code.
 * A program without words lists. */
int xlvs_ipvsadm_run(struct ipvsadm_session *session, int argc, char **argv);

/* The same inside a session that goes on: in a restore, a command may still be under way when this
 * returns. Every refusal is printed, in the order of the commands. */
enum ipvsadm_outcome xlvs_ipvsadm_process(struct ipvsadm_session *session, int argc, char **argv);

/* -R: one command a line from the session's input, until the end or an outcome that ends it. */
enum ipvsadm_outcome xlvs_ipvsadm_restore(struct ipvsadm_session *session, char *program);

/* A command that is answered by an ack alone; in a restore it is sent ahead. */
enum ipvsadm_outcome xlvs_ipvsadm_change(struct ipvsadm_session *session,
					 const struct ipvsadm_command *command);

/* Wait for all that was sent ahead: IPVSADM_DONE, or IPVSADM_LOST. */
enum ipvsadm_outcome xlvs_ipvsadm_collect(struct ipvsadm_session *session);

/* The exit code that an outcome stands for, noted as the session's latest. */
enum ipvsadm_outcome xlvs_ipvsadm_finish(struct ipvsadm_session *session,
					 enum ipvsadm_outcome outcome);

/* The sentence ipvsadm has for a director's refusal of a command. `said` is the director's own
 * sentence (or NULL), used where ipvsadm has none. */
const char *xlvs_ipvsadm_error_text(enum ipvsadm_verb verb, int code,
				    const struct xlvs_error *said);

#endif
