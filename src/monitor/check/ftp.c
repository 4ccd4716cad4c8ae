// SPDX-License-Identifier: GPL-2.0-or-later
/* ftp: logs in (anonymously unless told otherwise) and fetches `request`; up when `receive` is
 * found in the file. Nothing requested but the default "/" and nothing to be received: the login
 * counts.
 *
 * libcurl's FTP is not used: it waits for the end of a transfer and for the answer to QUIT without
 * returning to the loop, so that one slow server would hold up every check. The data connection
 * goes to the server that is checked, whatever address its answer names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/check/login.h"
#include "monitor/check/stream.h"

enum step {
	GREETING,
	USER,
	PASS,
	CWD,
	TYPE,
	PASSIVE,
	FETCH,
	TRANSFER,
};

struct ftp {
	struct xlvs_attempt attempt;
	struct xlvs_stream control, data;
	enum step step;
	bool told; /* that the transfer is complete */
};

static void command(struct ftp *ftp, enum step step, const char *word, const char *argument)
{
	char line[XLVS_LOGIN_BYTES + 16];
	int length =
		snprintf(line, sizeof(line), "%s%s%s\r\n", word, *argument ? " " : "", argument);

	ftp->step = step;
	xlvs_stream_send(&ftp->control, line, (size_t)length);
}

static void quit(struct ftp *ftp)
{
	xlvs_stream_send(&ftp->control, "QUIT\r\n", 6);
}

static bool fetches(const struct xlvs_check_spec *spec)
{
	return *spec->receive || (*spec->request && strcmp(spec->request, "/"));
}

/* "227 ... (h1,h2,h3,h4,p1,p2)", "229 ... (|||port|)"; 0 when it is neither. */
static uint16_t passive_port(const char *line)
{
	unsigned int skipped[4], high, low;
	const char *bracket = strchr(line, '(');

	if (!strncmp(line, "229", 3) && bracket && sscanf(bracket, "(|||%5u|)", &low) == 1)
		return (uint16_t)low;
	bracket = bracket ? bracket + 1 : line + strcspn(line, " ") + 1;
	if (!strncmp(line, "227", 3) &&
	    sscanf(bracket, "%3u,%3u,%3u,%3u,%3u,%3u", &skipped[0], &skipped[1], &skipped[2],
		   &skipped[3], &high, &low) == 6)
		return (uint16_t)(high << 8 | low);
	return 0;
}

/* The file is here and the server has said that it is whole (or we have read enough of it). */
static void judge(struct ftp *ftp)
{
	bool enough = ftp->data.answer_bytes >= XLVS_CHECK_ANSWER_BYTES;

	if (!ftp->data.ended || (!ftp->told && !enough))
		return;
	quit(ftp);
	xlvs_attempt_search(&ftp->attempt, ftp->data.answer ? ftp->data.answer : "",
			    ftp->data.answer_bytes);
}

static void data_received(struct xlvs_stream *stream)
{
	judge((struct ftp *)stream->attempt);
}

static void data_connected(struct xlvs_stream *stream)
{
	command((struct ftp *)stream->attempt, FETCH, "RETR", stream->attempt->check->spec.request);
}

static void open_data(struct ftp *ftp, const char *line)
{
	union xlvs_check_address address = ftp->attempt.check->spec.real;
	uint16_t port = passive_port(line);

	if (!port) {
		xlvs_attempt_down(&ftp->attempt, "%s", line);
		return;
	}
	if (address.any.sa_family == AF_INET)
		address.v4.sin_port = htons(port);
	else
		address.v6.sin6_port = htons(port);
	ftp->data.connected = data_connected;
	ftp->data.received = data_received;
	xlvs_stream_open(&ftp->data, &ftp->attempt, &address);
}

static void logged_in(struct ftp *ftp, const char *line)
{
	if (fetches(&ftp->attempt.check->spec)) {
		command(ftp, CWD, "CWD", "/");
		return;
	}
	quit(ftp);
	xlvs_attempt_up(&ftp->attempt, "%s", line);
}

static void give_password(struct ftp *ftp)
{
	const struct xlvs_check_spec *spec = &ftp->attempt.check->spec;
	char password[XLVS_LOGIN_BYTES];

	snprintf(password, sizeof(password), "%s", spec->password);
	if (!*spec->login && !*password)
		xlvs_login_or_host("", password);
	command(ftp, PASS, "PASS", password);
}

/* A whole reply: its code and last line. */
static void reply(struct ftp *ftp, int code, const char *line)
{
	const struct xlvs_check_spec *spec = &ftp->attempt.check->spec;
	bool good = code / 100 == 2;

	if (ftp->step == GREETING && code == 220)
		command(ftp, USER, "USER", *spec->login ? spec->login : "anonymous");
	else if (ftp->step == USER && code == 331)
		give_password(ftp);
	else if ((ftp->step == USER || ftp->step == PASS) && good)
		logged_in(ftp, line);
	else if (ftp->step == CWD) /* wherever that leads, the file decides */
		command(ftp, TYPE, "TYPE", "I");
	else if (ftp->step == TYPE && good)
		command(ftp, PASSIVE, spec->real.any.sa_family == AF_INET ? "PASV" : "EPSV", "");
	else if (ftp->step == PASSIVE && good)
		open_data(ftp, line);
	else if (ftp->step == FETCH && code / 100 == 1)
		ftp->step = TRANSFER;
	else if ((ftp->step == FETCH || ftp->step == TRANSFER) && good)
		ftp->told = true;
	else
		xlvs_attempt_down(&ftp->attempt, "%s", line);
	if (ftp->told)
		judge(ftp);
}

/* RFC 959 4.2: lines follow until one with the same code and a blank. "NNN text" ends a reply. */
static bool ends_reply(const char *line)
{
	return strspn(line, "0123456789") == 3 && (line[3] == ' ' || !line[3]);
}

static void received(struct xlvs_stream *stream)
{
	struct ftp *ftp = (struct ftp *)stream->attempt;
	char line[XLVS_CHECK_TEXT_BYTES], *newline;

	while (stream->answer_bytes && !xlvs_attempt_over(&ftp->attempt) &&
	       (newline = memchr(stream->answer, '\n', stream->answer_bytes))) {
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(stream->answer, "\r\n"),
			 stream->answer);
		xlvs_stream_consume(stream, (size_t)(newline - stream->answer) + 1);
		if (ends_reply(line))
			reply(ftp, atoi(line), line);
	}
	if (stream->ended)
		xlvs_attempt_down(&ftp->attempt, "closed before the answer was complete");
}

static void start(struct xlvs_attempt *attempt)
{
	struct ftp *ftp = (struct ftp *)attempt;

	ftp->control.received = received;
	xlvs_stream_open(&ftp->control, attempt, &attempt->check->spec.real);
}

static void stop(struct xlvs_attempt *attempt)
{
	struct ftp *ftp = (struct ftp *)attempt;

	xlvs_stream_close(&ftp->data);
	xlvs_stream_close(&ftp->control);
}

const struct xlvs_checker xlvs_checker_ftp = {
	.bytes = sizeof(struct ftp),
	.start = start,
	.stop = stop,
	.validate = xlvs_login_validate,
};
