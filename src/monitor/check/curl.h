/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libcurl on the engine's loop: transfers of many checks through one multi handle.
 *
 * A transfer belongs to an attempt. Whatever its URL says, it has a connection of its own to the
 * real server (nothing is looked up, so libcurl starts no thread) and ignores the environment's
 * proxies. */
#ifndef XLVS_MONITOR_CHECK_CURL_H
#define XLVS_MONITOR_CHECK_CURL_H

#include <curl/curl.h>

#include "monitor/check/checker.h"

struct xlvs_curl;

struct xlvs_curl_transfer {
	struct xlvs_attempt *attempt;
	void (*done)(struct xlvs_curl_transfer *transfer, CURLcode code);
	CURL *easy; /* NULL: none */
	bool added;
	bool keep; /* the body, for searching */
	bool asks_first; /* the server says nothing before it is asked */
	union xlvs_check_address target; /* where it connects to */
	int socket_error; /* when there was no socket to connect with */
	struct curl_slist *headers;
	char *body;
	size_t body_bytes, body_room;
	char error[CURL_ERROR_SIZE];
};

/* An easy handle with what all checks have in common; the body goes to `body`, as far as it is
 * kept. The caller adds its options and goes. 0, or -ENOMEM. */
int xlvs_curl_open(struct xlvs_curl_transfer *transfer, struct xlvs_attempt *attempt);
/* The real server is a proxy. */
void xlvs_curl_proxy(struct xlvs_curl_transfer *transfer);
/* Open it for a connection only, which stays open until it is closed and is used by
 * curl_easy_send() and curl_easy_recv(). The virtual host is the name in a TLS handshake. */
int xlvs_curl_connect(struct xlvs_curl_transfer *transfer, struct xlvs_attempt *attempt,
		      const char *scheme, const char *path);
/* One more header of the request. 0, or -ENOMEM. */
int xlvs_curl_header(struct xlvs_curl_transfer *transfer, const char *line);
/* Verification as the check wants it; `chain` is the service's default. */
void xlvs_curl_verify(struct xlvs_curl_transfer *transfer, bool chain);
void xlvs_curl_go(struct xlvs_curl_transfer *transfer);
void xlvs_curl_close(struct xlvs_curl_transfer *transfer);
/* What went wrong, as the attempt's result. */
void xlvs_curl_failed(struct xlvs_curl_transfer *transfer, CURLcode code);

/* An address as it stands in a URL; `text` holds XLVS_CURL_HOST_BYTES. */
enum {
	XLVS_CURL_HOST_BYTES = INET6_ADDRSTRLEN + 2
};
void xlvs_curl_host(const union xlvs_check_address *address, char *text);
uint16_t xlvs_curl_port(const union xlvs_check_address *address);

/* NULL is fine. */
void xlvs_curl_free(struct xlvs_curl *curl);

#endif
