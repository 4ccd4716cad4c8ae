// SPDX-License-Identifier: GPL-2.0-or-later
/* http, https and http_proxy: up when the last answer is 2xx and its body matches `receive`.
 *
 * A redirect is followed on the real server that gave it, as long as it stays on the virtual host:
 * by name it would lead to the virtual service, that is to any server which is up. One that leads
 * away from what is checked counts as what it is, an answer that is not 2xx. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "monitor/check/curl.h"
#include "monitor/check/engine.h"

enum {
	REDIRECTS = 7,
	HOST_BYTES = 256,
	URL_BYTES = 4096,
};

struct http {
	struct xlvs_attempt attempt;
	struct xlvs_curl_transfer transfer;
	unsigned int redirects;
	char status[96]; /* of the last answer: "200 OK" */
};

static bool is_https(const struct xlvs_check_spec *spec)
{
	return spec->service == XLVS_SERVICE_https;
}

/* A request that is a whole URL, without the slash a configuration puts in front; else NULL. */
static const char *absolute(const struct xlvs_check_spec *spec)
{
	const char *request = spec->request + (*spec->request == '/');

	if (!strncasecmp(request, "http://", 7) || !strncasecmp(request, "https://", 8))
		return request;
	return NULL;
}

/* The virtual host without a port, or the real server's address. */
static void host_of(const struct xlvs_check_spec *spec, char *host)
{
	if (*spec->virtualhost)
		snprintf(host, HOST_BYTES, "%.*s", (int)strcspn(spec->virtualhost, ":"),
			 spec->virtualhost);
	else
		xlvs_curl_host(&spec->real, host);
}

/* Appends a path with the bytes escaped that no URL may hold. */
static void append_path(char *url, const char *path)
{
	size_t used = strlen(url);

	for (; *path && used + 4 < URL_BYTES; path++) {
		unsigned char byte = (unsigned char)*path;

		if (byte <= ' ' || byte >= 0x7f || strchr("\"<>", byte))
			used += (size_t)snprintf(url + used, 4, "%%%02X", byte);
		else
			url[used++] = (char)byte;
	}
	url[used] = '\0';
}

static void first_url(const struct xlvs_check_spec *spec, char *url)
{
	char host[HOST_BYTES];

	*url = '\0';
	if (absolute(spec)) {
		append_path(url, absolute(spec));
		return;
	}
	host_of(spec, host);
	snprintf(url, URL_BYTES, "http%s://%s:%u%s", is_https(spec) ? "s" : "", host,
		 xlvs_curl_port(&spec->real), *spec->request == '/' ? "" : "/");
	append_path(url, spec->request);
}

/* "HTTP/1.1 200 OK" begins each answer. */
static size_t receive_header(char *bytes, size_t size, size_t count, void *context)
{
	struct http *http = context;
	size_t length = size * count;
	const char *status;

	if (length > 5 && !memcmp(bytes, "HTTP/", 5)) {
		status = memchr(bytes, ' ', length);
		if (status)
			snprintf(http->status, sizeof(http->status), "%.*s",
				 (int)(bytes + length - status - 1), status + 1);
		http->status[strcspn(http->status, "\r\n")] = '\0';
	}
	return length;
}

static void transfer_done(struct xlvs_curl_transfer *transfer, CURLcode code);

static int set_headers(struct xlvs_curl_transfer *transfer, const struct xlvs_check_spec *spec)
{
	char line[HOST_BYTES + 8], host[HOST_BYTES];
	int err = 0;

	if (spec->service != XLVS_SERVICE_http_proxy && (*spec->virtualhost || !absolute(spec))) {
		host_of(spec, host);
		snprintf(line, sizeof(line), "Host: %s",
			 *spec->virtualhost ? spec->virtualhost : host);
		err = xlvs_curl_header(transfer, line);
	}
	/* Unpack what comes packed, but do not ask for it. */
	curl_easy_setopt(transfer->easy, CURLOPT_ACCEPT_ENCODING, "");
	if (!err)
		err = xlvs_curl_header(transfer, "Accept-Encoding:");
	return err ? err : xlvs_curl_header(transfer, "Connection: close");
}

static void set_target(struct xlvs_curl_transfer *transfer, const struct xlvs_check_spec *spec,
		       uint16_t port)
{
	union xlvs_check_address *target = &transfer->target;

	if (spec->service == XLVS_SERVICE_http_proxy)
		xlvs_curl_proxy(transfer);
	else if (target->any.sa_family == AF_INET)
		target->v4.sin_port = htons(port);
	else
		target->v6.sin6_port = htons(port);
}

static void ask(struct http *http, const char *url, uint16_t port)
{
	const struct xlvs_check_spec *spec = &http->attempt.check->spec;
	struct xlvs_curl_transfer *transfer = &http->transfer;

	if (xlvs_curl_open(transfer, &http->attempt) || set_headers(transfer, spec)) {
		xlvs_attempt_failed(&http->attempt, "start", UV_ENOMEM);
		return;
	}
	set_target(transfer, spec, port);
	transfer->done = transfer_done;
	transfer->keep = http->attempt.check->pattern;
	*http->status = '\0';
	curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
	curl_easy_setopt(transfer->easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(transfer->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(transfer->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(transfer->easy, CURLOPT_USERAGENT, "xlvs-ldirectord/" XLVS_VERSION);
	curl_easy_setopt(transfer->easy, CURLOPT_NOBODY, spec->head ? 1L : 0L);
	curl_easy_setopt(transfer->easy, CURLOPT_HEADERFUNCTION, receive_header);
	curl_easy_setopt(transfer->easy, CURLOPT_HEADERDATA, http);
	xlvs_curl_verify(transfer, true);
	xlvs_curl_go(transfer);
}

/* Where a redirect leads: 0 and the real server's port, or -1 when away from what is checked. */
static int redirect_port(const struct xlvs_check_spec *spec, const char *url, uint16_t *ret_port)
{
	char host[HOST_BYTES], address[XLVS_CURL_HOST_BYTES];
	char *its_host = NULL, *its_port = NULL, *its_scheme = NULL;
	CURLU *parts = curl_url();
	int err = -1;

	if (!parts || curl_url_set(parts, CURLUPART_URL, url, 0) ||
	    curl_url_get(parts, CURLUPART_HOST, &its_host, 0) ||
	    curl_url_get(parts, CURLUPART_SCHEME, &its_scheme, 0))
		goto out;
	host_of(spec, host);
	xlvs_curl_host(&spec->real, address);
	if (strcasecmp(its_host, host) && strcasecmp(its_host, address))
		goto out;
	/* The virtual service's usual port is, on the real server, the one that is checked. */
	if (!strcmp(its_scheme, is_https(spec) ? "https" : "http") &&
	    curl_url_get(parts, CURLUPART_PORT, &its_port, CURLU_NO_DEFAULT_PORT))
		*ret_port = xlvs_curl_port(&spec->real);
	else if (its_port || !curl_url_get(parts, CURLUPART_PORT, &its_port, CURLU_DEFAULT_PORT))
		*ret_port = (uint16_t)strtoul(its_port, NULL, 10);
	else
		goto out;
	err = 0;
out:
	curl_free(its_host);
	curl_free(its_port);
	curl_free(its_scheme);
	curl_url_cleanup(parts);
	return err;
}

/* True when the answer was a redirect that is followed. */
static bool redirected(struct http *http)
{
	const struct xlvs_check_spec *spec = &http->attempt.check->spec;
	char *location = NULL, *url;
	uint16_t port;

	curl_easy_getinfo(http->transfer.easy, CURLINFO_REDIRECT_URL, &location);
	if (!location || http->redirects == REDIRECTS || spec->service == XLVS_SERVICE_http_proxy ||
	    redirect_port(spec, location, &port))
		return false;
	url = strdup(location);
	if (!url)
		return false;
	http->redirects++;
	xlvs_curl_close(&http->transfer);
	ask(http, url, port);
	free(url);
	return true;
}

static void judge(struct http *http)
{
	struct xlvs_curl_transfer *transfer = &http->transfer;
	long code = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &code);
	if (code < 200 || code > 299)
		xlvs_attempt_down(&http->attempt, "%s", http->status);
	else if (http->attempt.check->pattern)
		xlvs_attempt_search(&http->attempt, transfer->body ? transfer->body : "",
				    transfer->body_bytes);
	else
		xlvs_attempt_up(&http->attempt, "%s", http->status);
}

static void transfer_done(struct xlvs_curl_transfer *transfer, CURLcode code)
{
	struct http *http = (struct http *)transfer->attempt;

	/* A body that is longer than what is searched was cut on purpose. */
	if (code == CURLE_WRITE_ERROR && transfer->body_bytes == XLVS_CHECK_ANSWER_BYTES)
		code = CURLE_OK;
	if (code)
		xlvs_curl_failed(transfer, code);
	else if (!redirected(http))
		judge(http);
}

static void start(struct xlvs_attempt *attempt)
{
	const struct xlvs_check_spec *spec = &attempt->check->spec;
	char url[URL_BYTES];

	first_url(spec, url);
	ask((struct http *)attempt, url, xlvs_curl_port(&spec->real));
}

static void stop(struct xlvs_attempt *attempt)
{
	xlvs_curl_close(&((struct http *)attempt)->transfer);
}

static int validate(const struct xlvs_check_spec *spec, struct xlvs_error *reterr)
{
	if (strlen(spec->request) * 3 + HOST_BYTES + 32 > URL_BYTES)
		return xlvs_refuse(reterr, -EINVAL, "request \"%.40s...\" is too long",
				   spec->request);
	if (spec->service == XLVS_SERVICE_http_proxy && !absolute(spec))
		return xlvs_refuse(
			reterr, -EINVAL,
			"http_proxy needs a request that begins with http:// or https://");
	return 0;
}

const struct xlvs_checker xlvs_checker_http = {
	.bytes = sizeof(struct http),
	.start = start,
	.stop = stop,
	.validate = validate,
};
