// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/ipvsadm_run.h"

#include <string.h>

static struct xlvs_request make_request(const struct ipvsadm_command *command)
{
	static const struct {
		uint8_t number;
		uint32_t given;
	} commands[IPVSADM_VERBS] = {
		[IPVSADM_ADD_SERVICE] = {IPVS_CMD_NEW_SERVICE, XLVS_GIVEN_SERVICE_FULL},
		[IPVSADM_EDIT_SERVICE] = {IPVS_CMD_SET_SERVICE, XLVS_GIVEN_SERVICE_FULL},
		[IPVSADM_DELETE_SERVICE] = {IPVS_CMD_DEL_SERVICE, XLVS_GIVEN_SERVICE_KEY},
		[IPVSADM_FLUSH] = {IPVS_CMD_FLUSH, 0},
		[IPVSADM_ADD_SERVER] = {IPVS_CMD_NEW_DEST,
					XLVS_GIVEN_SERVICE_KEY | XLVS_GIVEN_DEST_FULL},
		[IPVSADM_EDIT_SERVER] = {IPVS_CMD_SET_DEST,
					 XLVS_GIVEN_SERVICE_KEY | XLVS_GIVEN_DEST_FULL},
		[IPVSADM_DELETE_SERVER] = {IPVS_CMD_DEL_DEST,
					   XLVS_GIVEN_SERVICE_KEY | XLVS_GIVEN_DEST_KEY},
		[IPVSADM_SET] = {IPVS_CMD_SET_CONFIG, 0},
		[IPVSADM_START_DAEMON] = {IPVS_CMD_NEW_DAEMON, XLVS_GIVEN_SYNC},
		[IPVSADM_STOP_DAEMON] = {IPVS_CMD_DEL_DAEMON, XLVS_GIVEN_SYNC},
		[IPVSADM_ZERO] = {IPVS_CMD_ZERO, 0},
		[IPVSADM_ADD_LADDR] = {XLVS_CMD_NEW_LADDR,
				       XLVS_GIVEN_SERVICE_KEY | XLVS_GIVEN_LOCAL},
		[IPVSADM_DELETE_LADDR] = {XLVS_CMD_DEL_LADDR,
					  XLVS_GIVEN_SERVICE_KEY | XLVS_GIVEN_LOCAL},
	};
	bool is_ours = command->verb >= IPVSADM_ADD_LADDR;
	struct xlvs_request request = {
		.family = is_ours ? XLVS_FAMILY_XLVS : XLVS_FAMILY_IPVS,
		.command = commands[command->verb].number,
		.given = commands[command->verb].given,
		.service = command->service,
		.dest = command->dest,
		.timeouts = command->timeouts,
		.sync = command->sync,
		.local = command->local,
	};

	if (command->verb == IPVSADM_ZERO && xlvs_ipvsadm_has(command, IPVSADM_SERVICE))
		request.given = XLVS_GIVEN_SERVICE_KEY;
	return request;
}

/* Print what a director said against a command, and note how it ended. */
static enum ipvsadm_outcome finish_change(struct ipvsadm_session *session, enum ipvsadm_verb verb,
					  int code, const struct xlvs_error *said)
{
	if (code < 0)
		fprintf(session->err, "%s\n", xlvs_ipvsadm_error_text(verb, code, said));
	return xlvs_ipvsadm_finish(session, code < 0 ? IPVSADM_FAILED : IPVSADM_DONE);
}

static enum ipvsadm_outcome lose(struct ipvsadm_session *session, enum ipvsadm_verb verb, int code)
{
	finish_change(session, verb, code, NULL);
	return xlvs_ipvsadm_finish(session, IPVSADM_LOST);
}

static enum ipvsadm_outcome collect_one(struct ipvsadm_session *session)
{
	unsigned int n = xlvs_client_pending(session->client);
	enum ipvsadm_verb verb = session->ahead[0];
	struct xlvs_error said = {{0}};
	int code = 0;
	int r;

	r = xlvs_client_collect(session->client, &code, &said);
	if (r < 0)
		return lose(session, verb, r);
	memmove(session->ahead, session->ahead + 1, (n - 1) * sizeof(session->ahead[0]));
	finish_change(session, verb, code, &said);
	return IPVSADM_DONE;
}

enum ipvsadm_outcome xlvs_ipvsadm_collect(struct ipvsadm_session *session)
{
	enum ipvsadm_outcome outcome = IPVSADM_DONE;

	while (outcome == IPVSADM_DONE && xlvs_client_pending(session->client))
		outcome = collect_one(session);
	return outcome;
}

static enum ipvsadm_outcome send_ahead(struct ipvsadm_session *session,
				       const struct xlvs_request *request, enum ipvsadm_verb verb)
{
	enum ipvsadm_outcome outcome = IPVSADM_DONE;
	bool is_full = xlvs_client_pending(session->client) == XLVS_CLIENT_WINDOW;
	int r;

	/* Half at a time, so that neither side is woken for every single command. */
	while (is_full && outcome == IPVSADM_DONE &&
	       xlvs_client_pending(session->client) > XLVS_CLIENT_WINDOW / 2)
		outcome = collect_one(session);
	if (outcome != IPVSADM_DONE)
		return outcome;
	r = xlvs_client_send(session->client, request);
	if (r < 0)
		return lose(session, verb, r);
	session->ahead[xlvs_client_pending(session->client) - 1] = verb;
	return IPVSADM_DONE;
}

enum ipvsadm_outcome xlvs_ipvsadm_change(struct ipvsadm_session *session,
					 const struct ipvsadm_command *command)
{
	struct xlvs_request request = make_request(command);
	struct xlvs_error said = {{0}};
	int code;

	if (session->is_restore)
		return send_ahead(session, &request, command->verb);
	code = xlvs_client_call(session->client, &request, &said);
	return finish_change(session, command->verb, code, &said);
}
