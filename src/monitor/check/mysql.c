// SPDX-License-Identifier: GPL-2.0-or-later
/* mysql: connects to `database` and is up when `request` answers with at least one row. */
#include <mysql.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/check/curl.h"
#include "monitor/check/socket.h"
#include "monitor/check/sql.h"
#include "monitor/check/watch.h"

enum {
	/* An answer of more rows is not read to its end. */
	ROWS = 100,
};

struct mysql {
	struct xlvs_attempt attempt;
	struct xlvs_watch *watch;
	MYSQL *connection;
	MYSQL_RES *result;
	/* Takes an operation further that has to wait: called with what it waited for. */
	void (*resume)(struct mysql *mysql, int waited_for);
	unsigned int rows;
	bool clean; /* no answer is under way: the connection can be closed with a goodbye */
	char address[INET6_ADDRSTRLEN];
};

static void fail(struct mysql *mysql)
{
	xlvs_attempt_blame(&mysql->attempt, mysql_error(mysql->connection));
}

/* True when the operation waits; else it has ended. */
static bool waits(struct mysql *mysql, int status, void (*resume)(struct mysql *, int))
{
	int events = 0;

	mysql->resume = resume;
	if (!status)
		return false;
	if (status & MYSQL_WAIT_READ)
		events |= UV_READABLE;
	if (status & MYSQL_WAIT_WRITE)
		events |= UV_WRITABLE;
	if (status & MYSQL_WAIT_EXCEPT)
		events |= UV_PRIORITIZED;
	xlvs_watch_set(&mysql->watch, &mysql->attempt, mysql_get_socket(mysql->connection), events);
	return true;
}

static void fetched(struct mysql *mysql, int status, MYSQL_ROW row);

static void fetch_further(struct mysql *mysql, int waited_for)
{
	MYSQL_ROW row = NULL;
	int status = mysql_fetch_row_cont(&row, mysql->result, waited_for);

	fetched(mysql, status, row);
}

static void fetched(struct mysql *mysql, int status, MYSQL_ROW row)
{
	while (!waits(mysql, status, fetch_further)) {
		if (row && ++mysql->rows < ROWS) {
			status = mysql_fetch_row_start(&row, mysql->result);
			continue;
		}
		mysql->clean = !row;
		if (mysql->rows)
			xlvs_attempt_up(&mysql->attempt, "request answers with a row");
		else if (mysql_errno(mysql->connection))
			fail(mysql);
		else
			xlvs_attempt_down(&mysql->attempt, "request answers with no row");
		return;
	}
}

static void answered(struct mysql *mysql, int error)
{
	MYSQL_ROW row = NULL;
	int status;

	mysql->clean = true;
	if (error) {
		fail(mysql);
		return;
	}
	mysql->result = mysql_use_result(mysql->connection);
	if (!mysql->result) {
		xlvs_attempt_down(&mysql->attempt, "request answers with no row");
		return;
	}
	mysql->clean = false;
	status = mysql_fetch_row_start(&row, mysql->result);
	fetched(mysql, status, row);
}

static void ask_further(struct mysql *mysql, int waited_for)
{
	int error = 0;

	if (!waits(mysql, mysql_real_query_cont(&error, mysql->connection, waited_for),
		   ask_further))
		answered(mysql, error);
}

static void ask(struct mysql *mysql)
{
	const char *request = xlvs_sql_request(&mysql->attempt.check->spec);
	int error = 0;

	if (!waits(mysql,
		   mysql_real_query_start(&error, mysql->connection, request, strlen(request)),
		   ask_further))
		answered(mysql, error);
}

static void connected(struct mysql *mysql, const MYSQL *connection)
{
	if (connection)
		ask(mysql);
	else
		fail(mysql);
}

static void connect_further(struct mysql *mysql, int waited_for)
{
	MYSQL *connection = NULL;

	if (!waits(mysql, mysql_real_connect_cont(&connection, mysql->connection, waited_for),
		   connect_further))
		connected(mysql, connection);
}

static void ready(struct xlvs_watch *watch, int events)
{
	struct mysql *mysql = (struct mysql *)watch->attempt;
	int happened = 0;

	if (events & UV_READABLE)
		happened |= MYSQL_WAIT_READ;
	if (events & UV_WRITABLE)
		happened |= MYSQL_WAIT_WRITE;
	if (events & UV_PRIORITIZED)
		happened |= MYSQL_WAIT_EXCEPT;
	xlvs_watch_pause(watch);
	mysql->resume(mysql, happened);
}

static void set_options(MYSQL *connection, const struct xlvs_check_spec *spec)
{
	my_bool yes = 1;

	mysql_options(connection, MYSQL_OPT_NONBLOCK, NULL);
	if (spec->verify != XLVS_VERIFY_CHAIN && spec->verify != XLVS_VERIFY_NAME)
		return;
	mysql_options(connection, MYSQL_OPT_SSL_ENFORCE, &yes);
	mysql_options(connection, MYSQL_OPT_SSL_CA, xlvs_sql_ca(spec));
	if (spec->verify == XLVS_VERIFY_NAME)
		mysql_options(connection, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
}

static void start(struct xlvs_attempt *attempt)
{
	const struct xlvs_check_spec *spec = &attempt->check->spec;
	const char *database = *spec->database ? spec->database : NULL;
	struct mysql *mysql = (struct mysql *)attempt;
	MYSQL *connection = NULL;
	int status;

	mysql->connection = mysql_init(NULL);
	if (!mysql->connection) {
		xlvs_attempt_failed(attempt, "start", UV_ENOMEM);
		return;
	}
	set_options(mysql->connection, spec);
	xlvs_sql_address(spec, mysql->address);
	xlvs_socket_mark(spec->mark);
	status = mysql_real_connect_start(&connection, mysql->connection, mysql->address,
					  spec->login, spec->password, database,
					  xlvs_curl_port(&spec->real), NULL, 0);
	xlvs_socket_mark(0);
	if (!waits(mysql, status, connect_further))
		connected(mysql, connection);
}

/* The library says goodbye and reads what is left of an answer, waiting for a server that may not
 * take or give it: put in the socket's place one that has ended. */
static void cut(int fd)
{
	int ends[2];

	if (fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return;
	close(ends[1]);
	dup2(ends[0], fd);
	close(ends[0]);
}

static void stop(struct xlvs_attempt *attempt)
{
	struct mysql *mysql = (struct mysql *)attempt;

	xlvs_watch_close(&mysql->watch);
	if (!mysql->connection)
		return;
	if (!mysql->clean)
		cut(mysql_get_socket(mysql->connection));
	mysql_free_result(mysql->result);
	mysql_close(mysql->connection);
}

const struct xlvs_checker xlvs_checker_mysql = {
	.bytes = sizeof(struct mysql),
	.start = start,
	.stop = stop,
	.validate = xlvs_sql_validate,
	.ready = ready,
};
