// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/ipvsadm_run.h"

#include "cli/ipvsadm_args.h"
#include "cli/ipvsadm_help.h"
#include "cli/ipvsadm_list.h"
#include "cli/ipvsadm_rules.h"

#include <errno.h>

enum ipvsadm_outcome xlvs_ipvsadm_finish(struct ipvsadm_session *session,
					 enum ipvsadm_outcome outcome)
{
	static const int exit_codes[] = {
		[IPVSADM_DONE] = 0,    [IPVSADM_BAD_WORD] = 255, [IPVSADM_FAILED] = 255,
		[IPVSADM_REFUSED] = 2, [IPVSADM_TRY_HELP] = 255, [IPVSADM_BROKEN] = 1,
		[IPVSADM_LOST] = 255,  [IPVSADM_EXIT] = 0,
	};

	session->last_exit = exit_codes[outcome];
	return outcome;
}

static enum ipvsadm_outcome list(struct ipvsadm_session *session,
				 const struct ipvsadm_command *command)
{
	int r;

	r = command->verb == IPVSADM_SAVE
		    ? xlvs_ipvsadm_save(session->client, session->out, command)
		    : xlvs_ipvsadm_list(session->client, session->out, command);
	if (r == 0)
		return IPVSADM_DONE;
	fprintf(session->err, "%s\n", xlvs_ipvsadm_error_text(command->verb, r, NULL));
	return IPVSADM_BROKEN;
}

/* Commands that print: what they print comes after what earlier commands of a restore do. */
static enum ipvsadm_outcome show(struct ipvsadm_session *session, const char *program,
				 const struct ipvsadm_command *command)
{
	if (command->verb == IPVSADM_LIST || command->verb == IPVSADM_SAVE ||
	    command->verb == IPVSADM_GET_LADDR)
		return list(session, command);
	xlvs_ipvsadm_print_version(session->out);
	if (command->verb == IPVSADM_HELP)
		xlvs_ipvsadm_print_usage(session->out, program);
	return IPVSADM_EXIT;
}

static bool is_shown(enum ipvsadm_verb verb)
{
	return verb == IPVSADM_LIST || verb == IPVSADM_SAVE || verb == IPVSADM_GET_LADDR ||
	       verb == IPVSADM_HELP || verb == IPVSADM_VERSION;
}

enum ipvsadm_outcome xlvs_ipvsadm_process(struct ipvsadm_session *session, int argc, char **argv)
{
	struct ipvsadm_command command = {0};
	struct xlvs_error error = {{0}};
	enum ipvsadm_outcome outcome;

	outcome = xlvs_ipvsadm_parse(argc, argv, &command, &error);
	if (outcome == IPVSADM_DONE)
		outcome = xlvs_ipvsadm_check(&command, &error);
	if (outcome == IPVSADM_DONE && command.verb == IPVSADM_RESTORE && session->is_restore)
		outcome = IPVSADM_TRY_HELP;

	if (outcome == IPVSADM_DONE && command.verb == IPVSADM_RESTORE)
		return xlvs_ipvsadm_restore(session, argv[0]);
	if (outcome == IPVSADM_DONE && !is_shown(command.verb))
		return xlvs_ipvsadm_change(session, &command);

	if (xlvs_ipvsadm_collect(session) != IPVSADM_DONE)
		return IPVSADM_LOST;
	if (outcome == IPVSADM_DONE)
		outcome = show(session, argv[0], &command);
	else if (outcome == IPVSADM_TRY_HELP)
		xlvs_ipvsadm_print_try(session->err, argv[0]);
	else
		fprintf(session->err, "%s\n", error.text);
	return xlvs_ipvsadm_finish(session, outcome);
}

int xlvs_ipvsadm_run(struct ipvsadm_session *session, int argc, char **argv)
{
	char program[] = "ipvsadm";
	char word[] = "-L";
	char *list_words[] = {argc ? argv[0] : program, word, NULL};

	session->last_exit = 0;
	if (argc < 2)
		xlvs_ipvsadm_process(session, 2, list_words);
	else
		xlvs_ipvsadm_process(session, argc, argv);
	return session->last_exit;
}

int xlvs_ipvsadm_main(const char *socket, int argc, char **argv)
{
	struct ipvsadm_session session = {.in = stdin, .out = stdout, .err = stderr};
	struct xlvs_director_info info;
	int code;
	int r;

	r = xlvs_client_open(socket, &session.client);
	if (r == 0)
		r = xlvs_client_info(session.client, &info);
	else if (r == -ECONNREFUSED)
		r = -ENOPROTOOPT;
	if (r < 0) {
		fprintf(stderr,
			"Can't initialize ipvs: %s\n"
			"Are you sure that IP Virtual Server is built in the kernel or as "
			"module?\n",
			xlvs_ipvsadm_error_text(IPVSADM_LIST, r, NULL));
		xlvs_client_close(session.client);
		return 2;
	}
	code = xlvs_ipvsadm_run(&session, argc, argv);
	xlvs_client_close(session.client);
	return fflush(stdout) == 0 ? code : 1;
}
