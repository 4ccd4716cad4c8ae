// SPDX-License-Identifier: GPL-2.0-or-later
/* http, https and http_proxy: up when the last answer is 2xx and its body matches `receive`.
 *
 * A redirect to the virtual host, or to the real server's address, is followed on the real server
 * that gave it: by name it would lead to the virtual service, that is to any server which is up.
 * One that leads elsewhere is followed there. Its name is looked up as the system does that, which
 * is a library call that waits: on one of the few threads libuv keeps for such calls. */
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
	bool elsewhere; /* a redirect has led away from the real server */
	char *url; /* of a redirect */
	uint16_t port;
	uv_getaddrinfo_t lookup;
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

static int set_headers(struct http *http, const struct xlvs_check_spec *spec)
{
	bool own_host = http->elsewhere || spec->service == XLVS_SERVICE_http_proxy ||
			(!*spec->virtualhost && absolute(spec));
	struct xlvs_curl_transfer *transfer = &http->transfer;
	char line[HOST_BYTES + 8], host[HOST_BYTES];
	int err = 0;

	if (!own_host) {
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

static void set_port(union xlvs_check_address *address, uint16_t port)
{
	if (address->any.sa_family == AF_INET)
		address->v4.sin_port = htons(port);
	else
		address->v6.sin6_port = htons(port);
}

static void ask(struct http *http, const char *url, const union xlvs_check_address *target)
{
	const struct xlvs_check_spec *spec = &http->attempt.check->spec;
	struct xlvs_curl_transfer *transfer = &http->transfer;

	if (xlvs_curl_open(transfer, &http->attempt) || set_headers(http, spec)) {
		xlvs_attempt_failed(&http->attempt, "start", UV_ENOMEM);
		return;
	}
	transfer->target = *target;
	if (spec->service == XLVS_SERVICE_http_proxy)
		xlvs_curl_proxy(transfer);
	transfer->done = transfer_done;
	transfer->asks_first = true;
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

struct place {
	char host[HOST_BYTES];
	uint16_t port;
	bool ours; /* the real server */
};

/* Where a URL leads; false when it is none. */
static bool place_of(const struct xlvs_check_spec *spec, const char *url, struct place *place)
{
	char own_name[HOST_BYTES], address[XLVS_CURL_HOST_BYTES];
	char *host = NULL, *port = NULL, *scheme = NULL, *named_port = NULL;
	CURLU *parts = curl_url();
	bool good = parts && !curl_url_set(parts, CURLUPART_URL, url, 0) &&
		    !curl_url_get(parts, CURLUPART_HOST, &host, 0) &&
		    !curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) &&
		    !curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
	bool usual = good && curl_url_get(parts, CURLUPART_PORT, &named_port, 0) == CURLUE_NO_PORT;

	if (good) {
		host_of(spec, own_name);
		xlvs_curl_host(&spec->real, address);
		snprintf(place->host, sizeof(place->host), "%s", host);
		place->port = (uint16_t)strtoul(port, NULL, 10);
		place->ours = !strcasecmp(host, own_name) || !strcasecmp(host, address);
		/* The service's usual port is, on the real server, the one that is checked. */
		if (place->ours && usual && !strcmp(scheme, is_https(spec) ? "https" : "http"))
			place->port = xlvs_curl_port(&spec->real);
	}
	curl_free(host);
	curl_free(port);
	curl_free(named_port);
	curl_free(scheme);
	curl_url_cleanup(parts);
	return good;
}

static void looked_up(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
	struct http *http = lookup->data;
	union xlvs_check_address target = {0};

	if (xlvs_attempt_over(&http->attempt)) {
		status = UV_ECANCELED;
	} else if (status || found->ai_addrlen > sizeof(target)) {
		xlvs_attempt_down(&http->attempt, "redirected to %s: %s", http->url,
				  status ? uv_strerror(status) : "no address");
	} else {
		memcpy(&target, found->ai_addr, found->ai_addrlen);
		set_port(&target, http->port);
		ask(http, http->url, &target);
	}
	uv_freeaddrinfo(found);
	xlvs_attempt_release(&http->attempt);
}

static void look_up(struct http *http, struct place *place)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	char *host = place->host;
	int err;

	if (*host == '[') {
		host++;
		host[strcspn(host, "]")] = '\0';
	}
	http->elsewhere = true;
	http->port = place->port;
	http->lookup.data = http;
	err = uv_getaddrinfo(http->attempt.engine->loop, &http->lookup, looked_up, host, NULL,
			     &hints);
	if (err)
		xlvs_attempt_failed(&http->attempt, "redirect", err);
	else
		xlvs_attempt_hold(&http->attempt);
}

/* True when the answer was a redirect that is followed. */
static bool redirected(struct http *http)
{
	const struct xlvs_check_spec *spec = &http->attempt.check->spec;
	union xlvs_check_address target = spec->real;
	char *location = NULL;
	struct place place;

	curl_easy_getinfo(http->transfer.easy, CURLINFO_REDIRECT_URL, &location);
	if (!location || http->redirects == REDIRECTS || !place_of(spec, location, &place))
		return false;
	free(http->url);
	http->url = strdup(location);
	if (!http->url)
		return false;
	http->redirects++;
	xlvs_curl_close(&http->transfer);
	if (spec->service == XLVS_SERVICE_http_proxy) {
		ask(http, http->url, &target);
	} else if (place.ours) {
		http->elsewhere = false;
		set_port(&target, place.port);
		ask(http, http->url, &target);
	} else {
		look_up(http, &place);
	}
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
	ask((struct http *)attempt, url, &spec->real);
}

static void stop(struct xlvs_attempt *attempt)
{
	struct http *http = (struct http *)attempt;

	xlvs_curl_close(&http->transfer);
	free(http->url);
	http->url = NULL;
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
