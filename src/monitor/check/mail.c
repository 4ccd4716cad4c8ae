// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/check/mail.h"

#include <stdio.h>
#include <string.h>

/* The first line a server says. */
static size_t receive_line(char *bytes, size_t size, size_t count, void *context)
{
	struct xlvs_mail *mail = context;

	if (!*mail->greeting)
		snprintf(mail->greeting, sizeof(mail->greeting), "%.*s", (int)(size * count),
			 bytes);
	return size * count;
}

/* libcurl would say goodbye itself when it closes a connection it has finished with, and wait for
 * the answer without returning to the loop. CURLOPT_CONNECT_ONLY leaves that to us. */
static void done(struct xlvs_curl_transfer *transfer, CURLcode code)
{
	struct xlvs_mail *mail = (struct xlvs_mail *)transfer->attempt;
	size_t sent;

	if (code) {
		xlvs_curl_failed(transfer, code);
		return;
	}
	curl_easy_send(transfer->easy, mail->farewell, strlen(mail->farewell), &sent);
	xlvs_attempt_up(&mail->attempt, "%s", mail->greeting);
}

void xlvs_mail_start(struct xlvs_attempt *attempt, const char *scheme, const char *path,
		     const char *farewell)
{
	const struct xlvs_check_spec *spec = &attempt->check->spec;
	bool smtp = spec->service == XLVS_SERVICE_smtp || spec->service == XLVS_SERVICE_submission;
	struct xlvs_mail *mail = (struct xlvs_mail *)attempt;
	struct xlvs_curl_transfer *transfer = &mail->transfer;

	if (xlvs_curl_connect(transfer, attempt, scheme, path)) {
		xlvs_attempt_failed(attempt, "start", UV_ENOMEM);
		return;
	}
	mail->farewell = farewell;
	transfer->done = done;
	curl_easy_setopt(transfer->easy, CURLOPT_HEADERFUNCTION, receive_line);
	curl_easy_setopt(transfer->easy, CURLOPT_HEADERDATA, mail);
	xlvs_curl_verify(transfer, true);
	if (*spec->login && !smtp) {
		curl_easy_setopt(transfer->easy, CURLOPT_USERNAME, spec->login);
		curl_easy_setopt(transfer->easy, CURLOPT_PASSWORD, spec->password);
	}
	xlvs_curl_go(transfer);
}

void xlvs_mail_stop(struct xlvs_attempt *attempt)
{
	xlvs_curl_close(&((struct xlvs_mail *)attempt)->transfer);
}
