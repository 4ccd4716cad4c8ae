// SPDX-License-Identifier: GPL-2.0-or-later
/* pgsql: connects to `database` and is up when `request` answers with at least one row. */
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "monitor/check/curl.h"
#include "monitor/check/socket.h"
#include "monitor/check/sql.h"
#include "monitor/check/watch.h"

struct pgsql {
	struct xlvs_attempt attempt;
	struct xlvs_watch *watch;
	PGconn *connection;
	bool asked;
	bool sending; /* some of the question has still to be sent */
};

static void fail(struct pgsql *pgsql)
{
	xlvs_attempt_blame(&pgsql->attempt, PQerrorMessage(pgsql->connection));
}

static void wait_for(struct pgsql *pgsql, int events)
{
	xlvs_watch_set(&pgsql->watch, &pgsql->attempt, PQsocket(pgsql->connection), events);
}

static void judge(struct pgsql *pgsql, const PGresult *result)
{
	if (!result || (PQresultStatus(result) != PGRES_SINGLE_TUPLE &&
			PQresultStatus(result) != PGRES_TUPLES_OK))
		fail(pgsql);
	else if (PQntuples(result) < 1)
		xlvs_attempt_down(&pgsql->attempt, "request answers with no row");
	else
		xlvs_attempt_up(&pgsql->attempt, "request answers with a row");
}

/* The first row is enough: one at a time, an answer of any length takes little memory. */
static void read_answer(struct pgsql *pgsql)
{
	PGresult *result;

	if (!PQconsumeInput(pgsql->connection)) {
		fail(pgsql);
		return;
	}
	if (PQisBusy(pgsql->connection)) {
		wait_for(pgsql, UV_READABLE);
		return;
	}
	result = PQgetResult(pgsql->connection);
	judge(pgsql, result);
	PQclear(result);
}

static void send_question(struct pgsql *pgsql)
{
	int left = PQflush(pgsql->connection);

	pgsql->sending = left > 0;
	if (left < 0)
		fail(pgsql);
	else
		wait_for(pgsql, left ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

static void ask(struct pgsql *pgsql)
{
	pgsql->asked = true;
	PQsetnonblocking(pgsql->connection, 1);
	if (!PQsendQuery(pgsql->connection, xlvs_sql_request(&pgsql->attempt.check->spec)) ||
	    !PQsetSingleRowMode(pgsql->connection))
		fail(pgsql);
	else
		send_question(pgsql);
}

static void connect_further(struct pgsql *pgsql)
{
	PostgresPollingStatusType status;

	/* libpq may close its socket and open another under the same number. */
	xlvs_watch_pause(pgsql->watch);
	xlvs_socket_mark(pgsql->attempt.check->spec.mark);
	status = PQconnectPoll(pgsql->connection);
	xlvs_socket_mark(0);
	if (status == PGRES_POLLING_READING)
		wait_for(pgsql, UV_READABLE);
	else if (status == PGRES_POLLING_WRITING)
		wait_for(pgsql, UV_WRITABLE);
	else if (status == PGRES_POLLING_OK)
		ask(pgsql);
	else
		fail(pgsql);
}

static void ready(struct xlvs_watch *watch, int events)
{
	struct pgsql *pgsql = (struct pgsql *)watch->attempt;

	if (!pgsql->asked)
		connect_further(pgsql);
	else if (pgsql->sending && events & UV_WRITABLE)
		send_question(pgsql);
	else
		read_answer(pgsql);
}

static const char *ssl_mode(enum xlvs_check_verify verify)
{
	if (verify == XLVS_VERIFY_NAME)
		return "verify-full";
	return verify == XLVS_VERIFY_CHAIN ? "verify-ca" : "prefer";
}

static void start(struct xlvs_attempt *attempt)
{
	struct pgsql *pgsql = (struct pgsql *)attempt;
	const struct xlvs_check_spec *spec = &attempt->check->spec;
	char address[INET6_ADDRSTRLEN], port[8];
	const char *const names[] = {
		"hostaddr", "port",	  "host",    "user",	    "password",
		"dbname",   "gssencmode", "sslmode", "sslrootcert", "application_name",
		NULL};
	const char *const values[] = {address,
				      port,
				      spec->virtualhost,
				      spec->login,
				      spec->password,
				      spec->database,
				      "disable",
				      ssl_mode(spec->verify),
				      xlvs_sql_ca(spec),
				      "xlvs-ldirectord",
				      NULL};

	xlvs_sql_address(spec, address);
	snprintf(port, sizeof(port), "%u", xlvs_curl_port(&spec->real));
	xlvs_socket_mark(spec->mark);
	pgsql->connection = PQconnectStartParams(names, values, 0);
	xlvs_socket_mark(0);
	if (!pgsql->connection)
		xlvs_attempt_failed(attempt, "start", UV_ENOMEM);
	else if (PQstatus(pgsql->connection) == CONNECTION_BAD)
		fail(pgsql);
	else
		wait_for(pgsql, UV_WRITABLE);
}

static void stop(struct xlvs_attempt *attempt)
{
	struct pgsql *pgsql = (struct pgsql *)attempt;

	xlvs_watch_close(&pgsql->watch);
	PQfinish(pgsql->connection);
	pgsql->connection = NULL;
}

const struct xlvs_checker xlvs_checker_pgsql = {
	.bytes = sizeof(struct pgsql),
	.start = start,
	.stop = stop,
	.validate = xlvs_sql_validate,
	.ready = ready,
};
