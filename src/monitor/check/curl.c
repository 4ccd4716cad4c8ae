// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/check/curl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "monitor/check/engine.h"
#include "monitor/check/socket.h"

enum {
	/* Easy handles kept for the next checks. */
	SPARES = 64,
	EVENTS = 128, /* looked at in one turn */
	BUFFER_BYTES = 4096,
	PATIENCE_MS = 24 * 3600 * 1000, /* the attempt's own limit comes long before */
};

#define NOWHERE "192.0.2.0:9"

struct xlvs_curl {
	struct xlvs_check_engine *engine;
	CURLM *multi;
	int epoll; /* all of libcurl's sockets, for one handle of the loop's */
	uv_poll_t poll;
	uv_timer_t timer;
	struct curl_slist *nowhere; /* where libcurl thinks every connection goes */
	CURL *spares[SPARES];
	unsigned int spare_count;
	unsigned int handles;
};

static void finished(struct xlvs_curl *curl)
{
	struct xlvs_curl_transfer *transfer;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(curl->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		transfer->done(transfer, message->data.result);
	}
}

static void act(struct xlvs_curl *curl, curl_socket_t fd, int events)
{
	int running;

	curl_multi_socket_action(curl->multi, fd, events, &running);
	finished(curl);
}

static void timer_fired(uv_timer_t *timer)
{
	act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long timeout_ms, void *context)
{
	struct xlvs_curl *curl = context;

	(void)multi;
	if (timeout_ms < 0)
		uv_timer_stop(&curl->timer);
	else
		uv_timer_start(&curl->timer, timer_fired, (uint64_t)timeout_ms, 0);
	return 0;
}

static void poll_fired(uv_poll_t *poll, int status, int events)
{
	struct xlvs_curl *curl = poll->data;
	struct epoll_event ready[EVENTS];
	int i, count, flags;

	(void)status;
	(void)events;
	count = epoll_wait(curl->epoll, ready, EVENTS, 0);
	for (i = 0; i < count; i++) {
		flags = 0;
		if (ready[i].events & EPOLLIN)
			flags |= CURL_CSELECT_IN;
		if (ready[i].events & EPOLLOUT)
			flags |= CURL_CSELECT_OUT;
		if (ready[i].events & (EPOLLERR | EPOLLHUP))
			flags |= CURL_CSELECT_ERR;
		/* One that was closed in this turn, its number perhaps given to another: no harm.
		 */
		act(curl, ready[i].data.fd, flags);
	}
}

static int set_watch(CURL *easy, curl_socket_t fd, int what, void *context, void *watched)
{
	struct xlvs_curl *curl = context;
	struct epoll_event wanted = {.data.fd = fd};
	int operation = watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(curl->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		wanted.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		wanted.events |= EPOLLOUT;
	curl_multi_assign(curl->multi, fd, curl);
	return epoll_ctl(curl->epoll, operation, fd, &wanted) ? -1 : 0;
}

static void discard(struct xlvs_curl *curl)
{
	curl_multi_cleanup(curl->multi);
	curl_slist_free_all(curl->nowhere);
	if (curl->epoll >= 0)
		close(curl->epoll);
	free(curl);
}

static void set_callbacks(struct xlvs_curl *curl)
{
	curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION, set_watch);
	curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl);
	curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl);
}

static struct xlvs_curl *new_curl(struct xlvs_check_engine *engine)
{
	struct xlvs_curl *curl;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return NULL;
	curl = calloc(1, sizeof(*curl));
	if (!curl)
		return NULL;
	curl->engine = engine;
	curl->multi = curl_multi_init();
	curl->nowhere = curl_slist_append(NULL, "::" NOWHERE);
	curl->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!curl->multi || !curl->nowhere || curl->epoll < 0 ||
	    uv_poll_init(engine->loop, &curl->poll, curl->epoll)) {
		discard(curl);
		return NULL;
	}
	set_callbacks(curl);
	uv_timer_init(engine->loop, &curl->timer);
	curl->timer.data = curl->poll.data = curl;
	uv_poll_start(&curl->poll, UV_READABLE, poll_fired);
	/* Transfers keep the loop running by their attempts. */
	uv_unref((uv_handle_t *)&curl->poll);
	uv_unref((uv_handle_t *)&curl->timer);
	curl->handles = 2;
	xlvs_engine_hold(engine);
	return curl;
}

static void closed(uv_handle_t *handle)
{
	struct xlvs_curl *curl = handle->data;
	struct xlvs_check_engine *engine = curl->engine;

	if (--curl->handles)
		return;
	discard(curl);
	xlvs_engine_release(engine);
}

void xlvs_curl_free(struct xlvs_curl *curl)
{
	if (!curl)
		return;
	while (curl->spare_count)
		curl_easy_cleanup(curl->spares[--curl->spare_count]);
	uv_close((uv_handle_t *)&curl->timer, closed);
	uv_close((uv_handle_t *)&curl->poll, closed);
}

void xlvs_curl_host(const union xlvs_check_address *address, char *text)
{
	char plain[INET6_ADDRSTRLEN];

	if (address->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &address->v4.sin_addr, text, INET_ADDRSTRLEN);
		return;
	}
	inet_ntop(AF_INET6, &address->v6.sin6_addr, plain, sizeof(plain));
	stpcpy(stpcpy(stpcpy(text, "["), plain), "]");
}

uint16_t xlvs_curl_port(const union xlvs_check_address *address)
{
	return ntohs(address->any.sa_family == AF_INET ? address->v4.sin_port
						       : address->v6.sin6_port);
}

static size_t receive_body(char *bytes, size_t size, size_t count, void *context)
{
	struct xlvs_curl_transfer *transfer = context;
	size_t room, length = size * count;
	char *body;

	if (!transfer->keep)
		return length;
	if (transfer->body_bytes + length > XLVS_CHECK_ANSWER_BYTES)
		length = XLVS_CHECK_ANSWER_BYTES - transfer->body_bytes;
	if (transfer->body_bytes + length > transfer->body_room) {
		room = 2 * transfer->body_room + length;
		body = realloc(transfer->body, room);
		if (!body)
			return 0;
		transfer->body = body;
		transfer->body_room = room;
	}
	memcpy(transfer->body + transfer->body_bytes, bytes, length);
	transfer->body_bytes += length;
	return length;
}

/* libcurl is told one address for all (its tables of names and of connections are searched from end
 * to end when they hold many) and here gets a socket and the address it really connects to. */
static bool is_real(const struct xlvs_curl_transfer *transfer)
{
	const union xlvs_check_address *real = &transfer->attempt->check->spec.real;
	const union xlvs_check_address *target = &transfer->target;

	if (real->any.sa_family != target->any.sa_family)
		return false;
	return real->any.sa_family == AF_INET
		       ? real->v4.sin_addr.s_addr == target->v4.sin_addr.s_addr
		       : IN6_ARE_ADDR_EQUAL(&real->v6.sin6_addr, &target->v6.sin6_addr);
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct xlvs_curl_transfer *transfer = context;
	const union xlvs_check_address *target = &transfer->target;
	int family = target->any.sa_family;
	const int off = 0;
	int fd;

	(void)purpose;
	/* A redirect may lead elsewhere. */
	xlvs_socket_mark(is_real(transfer) ? transfer->attempt->check->spec.mark : 0);
	fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	xlvs_socket_mark(0);
	if (fd < 0) {
		transfer->socket_error = -errno;
		return CURL_SOCKET_BAD;
	}
	/* The request comes at once and acknowledges, too: a packet less. */
	if (transfer->asks_first)
		setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &off, sizeof(off));
	address->family = family;
	address->addrlen = family == AF_INET ? sizeof(target->v4) : sizeof(target->v6);
	memcpy((char *)address + offsetof(struct curl_sockaddr, addr), target, address->addrlen);
	return fd;
}

static void set_common(struct xlvs_curl_transfer *transfer)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_CONNECT_TO, transfer->attempt->engine->curl->nowhere);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, receive_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)PATIENCE_MS);
	/* Numeric addresses: nothing in that cache goes stale, and it is not swept at each check.
	 */
	curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, -1L);
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
}

int xlvs_curl_open(struct xlvs_curl_transfer *transfer, struct xlvs_attempt *attempt)
{
	struct xlvs_check_engine *engine = attempt->engine;
	struct xlvs_curl *curl = engine->curl;

	if (!curl)
		curl = engine->curl = new_curl(engine);
	if (!curl)
		return -ENOMEM;
	transfer->easy = curl->spare_count ? curl->spares[--curl->spare_count] : curl_easy_init();
	if (!transfer->easy)
		return -ENOMEM;
	transfer->attempt = attempt;
	transfer->target = attempt->check->spec.real;
	set_common(transfer);
	return 0;
}

void xlvs_curl_proxy(struct xlvs_curl_transfer *transfer)
{
	curl_easy_setopt(transfer->easy, CURLOPT_PROXY, "http://" NOWHERE);
	curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_TO, NULL);
}

int xlvs_curl_header(struct xlvs_curl_transfer *transfer, const char *line)
{
	struct curl_slist *longer = curl_slist_append(transfer->headers, line);

	if (!longer)
		return -ENOMEM;
	transfer->headers = longer;
	return 0;
}

int xlvs_curl_connect(struct xlvs_curl_transfer *transfer, struct xlvs_attempt *attempt,
		      const char *scheme, const char *path)
{
	const struct xlvs_check_spec *spec = &attempt->check->spec;
	char address[XLVS_CURL_HOST_BYTES], url[512];
	const char *host = *spec->virtualhost ? spec->virtualhost : address;

	xlvs_curl_host(&spec->real, address);
	snprintf(url, sizeof(url), "%s://%s:%u/%s", scheme, host, xlvs_curl_port(&spec->real),
		 path);
	if (xlvs_curl_open(transfer, attempt))
		return -ENOMEM;
	curl_easy_setopt(transfer->easy, CURLOPT_URL, url);
	curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(transfer->easy, CURLOPT_FORBID_REUSE, 0L);
	return 0;
}

void xlvs_curl_verify(struct xlvs_curl_transfer *transfer, bool chain)
{
	const struct xlvs_check_spec *spec = &transfer->attempt->check->spec;
	enum xlvs_check_verify verify = spec->verify;

	if (verify == XLVS_VERIFY_DEFAULT)
		verify = chain ? XLVS_VERIFY_CHAIN : XLVS_VERIFY_NONE;
	curl_easy_setopt(transfer->easy, CURLOPT_SSL_VERIFYPEER,
			 verify >= XLVS_VERIFY_CHAIN ? 1L : 0L);
	curl_easy_setopt(transfer->easy, CURLOPT_SSL_VERIFYHOST,
			 verify >= XLVS_VERIFY_NAME ? 2L : 0L);
	if (spec->ca_file)
		curl_easy_setopt(transfer->easy, CURLOPT_CAINFO, spec->ca_file);
}

void xlvs_curl_go(struct xlvs_curl_transfer *transfer)
{
	if (transfer->headers)
		curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
	if (curl_multi_add_handle(transfer->attempt->engine->curl->multi, transfer->easy))
		xlvs_attempt_failed(transfer->attempt, "start", UV_ENOMEM);
	else
		transfer->added = true;
}

void xlvs_curl_close(struct xlvs_curl_transfer *transfer)
{
	struct xlvs_curl *curl = transfer->attempt ? transfer->attempt->engine->curl : NULL;

	if (transfer->added)
		curl_multi_remove_handle(curl->multi, transfer->easy);
	if (transfer->easy && curl->spare_count < SPARES) {
		curl_easy_reset(transfer->easy);
		curl->spares[curl->spare_count++] = transfer->easy;
	} else {
		curl_easy_cleanup(transfer->easy);
	}
	curl_slist_free_all(transfer->headers);
	free(transfer->body);
	memset(transfer, 0, sizeof(*transfer));
}

void xlvs_curl_failed(struct xlvs_curl_transfer *transfer, CURLcode code)
{
	long os_error = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &os_error);
	if (transfer->socket_error)
		xlvs_attempt_failed(transfer->attempt, "connect", transfer->socket_error);
	else if (code == CURLE_OUT_OF_MEMORY)
		xlvs_attempt_failed(transfer->attempt, "transfer", UV_ENOMEM);
	else if (code == CURLE_COULDNT_CONNECT && os_error)
		xlvs_attempt_failed(transfer->attempt, "connect", -(int)os_error);
	else
		xlvs_attempt_down(transfer->attempt, "%s",
				  *transfer->error ? transfer->error : curl_easy_strerror(code));
}
