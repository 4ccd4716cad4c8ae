// SPDX-License-Identifier: GPL-2.0-or-later
/* ldap and ldaps: binds (with login and password when both are given, else anonymously), reads the
 * entry named by `request` and is up when there is one whose name matches `receive`.
 *
 * OpenLDAP's library speaks the protocol over a connection that libcurl has opened: by itself it
 * waits for a TLS handshake without returning to the loop. libcurl's own LDAP is not used: it waits
 * for the socket while the answer is already unpacked in the TLS library. */
#include <errno.h>
#include <ldap.h>
#include <openldap.h>
#include <stdio.h>
#include <string.h>

#include "monitor/check/curl.h"
#include "monitor/check/watch.h"

struct ldap {
	struct xlvs_attempt attempt;
	struct xlvs_curl_transfer transfer;
	struct xlvs_watch *watch;
	LDAP *session;
	int message; /* the operation whose answer is awaited */
	bool bound;
	unsigned int entries;
	char *name; /* of the last entry */
};

static int io_setup(Sockbuf_IO_Desc *layer, void *transfer)
{
	layer->sbiod_pvt = transfer;
	return 0;
}

static int io_remove(Sockbuf_IO_Desc *layer)
{
	(void)layer;
	return 0;
}

/* "Is there something to read?" Always try: a read that finds nothing says so. */
static int io_control(Sockbuf_IO_Desc *layer, int option, void *argument)
{
	(void)layer;
	(void)argument;
	return option == LBER_SB_OPT_DATA_READY;
}

static ber_slen_t outcome(CURLcode code, size_t bytes)
{
	if (!code)
		return (ber_slen_t)bytes;
	errno = code == CURLE_AGAIN ? EAGAIN : EPIPE;
	return -1;
}

static ber_slen_t io_read(Sockbuf_IO_Desc *layer, void *bytes, ber_len_t room)
{
	struct xlvs_curl_transfer *transfer = layer->sbiod_pvt;
	size_t length = 0;
	CURLcode code = curl_easy_recv(transfer->easy, bytes, room, &length);

	return outcome(code, length);
}

static ber_slen_t io_write(Sockbuf_IO_Desc *layer, void *bytes, ber_len_t length)
{
	struct xlvs_curl_transfer *transfer = layer->sbiod_pvt;
	size_t sent = 0;
	CURLcode code = curl_easy_send(transfer->easy, bytes, length, &sent);

	return outcome(code, sent);
}

static int io_close(Sockbuf_IO_Desc *layer)
{
	(void)layer;
	return 0;
}

static Sockbuf_IO over_curl = {
	.sbi_setup = io_setup,
	.sbi_remove = io_remove,
	.sbi_ctrl = io_control,
	.sbi_read = io_read,
	.sbi_write = io_write,
	.sbi_close = io_close,
};

static void fail(struct ldap *ldap, const char *what, int code)
{
	xlvs_attempt_down(&ldap->attempt, "%s: %s", what, ldap_err2string(code));
}

static void search(struct ldap *ldap)
{
	const char *request = ldap->attempt.check->spec.request;
	char nothing[] = LDAP_NO_ATTRS, *attributes[] = {nothing, NULL};
	int code = ldap_search_ext(ldap->session, request + (*request == '/'), LDAP_SCOPE_BASE,
				   "(objectClass=*)", attributes, 0, NULL, NULL, NULL, 2,
				   &ldap->message);

	ldap->bound = true;
	if (code)
		fail(ldap, "search", code);
}

static void judge(struct ldap *ldap)
{
	if (ldap->entries == 1)
		xlvs_attempt_search(&ldap->attempt, ldap->name, strlen(ldap->name));
	else
		xlvs_attempt_down(&ldap->attempt, "%u entries instead of one", ldap->entries);
}

static void operation_ended(struct ldap *ldap, LDAPMessage *message)
{
	int code = LDAP_OTHER;

	ldap_parse_result(ldap->session, message, &code, NULL, NULL, NULL, NULL, 0);
	if (code)
		fail(ldap, ldap->bound ? "search" : "bind", code);
	else if (ldap->bound)
		judge(ldap);
	else
		search(ldap);
}

static void message_came(struct ldap *ldap, LDAPMessage *message)
{
	switch (ldap_msgtype(message)) {
	case LDAP_RES_SEARCH_ENTRY:
		ldap_memfree(ldap->name);
		ldap->name = ldap_get_dn(ldap->session, message);
		ldap->entries += ldap->name != NULL;
		break;
	case LDAP_RES_BIND:
	case LDAP_RES_SEARCH_RESULT:
		operation_ended(ldap, message);
		break;
	default:
		break;
	}
	ldap_msgfree(message);
}

static void ready(struct xlvs_watch *watch, int events)
{
	struct ldap *ldap = (struct ldap *)watch->attempt;
	struct timeval now = {0};
	LDAPMessage *message;
	int code = LDAP_SERVER_DOWN, kind = 1;

	(void)events;
	while (kind > 0 && !xlvs_attempt_over(&ldap->attempt)) {
		kind = ldap_result(ldap->session, ldap->message, LDAP_MSG_ONE, &now, &message);
		if (kind > 0)
			message_came(ldap, message);
	}
	if (kind < 0) {
		ldap_get_option(ldap->session, LDAP_OPT_RESULT_CODE, &code);
		fail(ldap, "answer", code);
	}
}

static int open_session(struct ldap *ldap, curl_socket_t fd)
{
	ber_len_t limit = XLVS_CHECK_ANSWER_BYTES;
	int version = LDAP_VERSION3;
	Sockbuf *socket;

	if (ldap_init_fd(fd, LDAP_PROTO_EXT, NULL, &ldap->session) ||
	    ldap_get_option(ldap->session, LDAP_OPT_SOCKBUF, &socket))
		return -ENOMEM;
	ber_sockbuf_ctrl(socket, LBER_SB_OPT_SET_MAX_INCOMING, &limit);
	ldap_set_option(ldap->session, LDAP_OPT_PROTOCOL_VERSION, &version);
	ldap_set_option(ldap->session, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
	return ber_sockbuf_add_io(socket, &over_curl, LBER_SBIOD_LEVEL_TRANSPORT, &ldap->transfer);
}

static void bind_session(struct ldap *ldap)
{
	const struct xlvs_check_spec *spec = &ldap->attempt.check->spec;
	bool named = *spec->login && *spec->password;
	struct berval password = {
		.bv_val = named ? (char *)spec->password : NULL,
		.bv_len = named ? strlen(spec->password) : 0,
	};
	int code = ldap_sasl_bind(ldap->session, named ? spec->login : NULL, LDAP_SASL_SIMPLE,
				  &password, NULL, NULL, &ldap->message);

	if (code)
		fail(ldap, "bind", code);
}

static void connected(struct xlvs_curl_transfer *transfer, CURLcode code)
{
	struct ldap *ldap = (struct ldap *)transfer->attempt;
	curl_socket_t fd = -1;

	if (code) {
		xlvs_curl_failed(transfer, code);
		return;
	}
	curl_easy_getinfo(transfer->easy, CURLINFO_ACTIVESOCKET, &fd);
	if (open_session(ldap, fd)) {
		xlvs_attempt_failed(&ldap->attempt, "start", UV_ENOMEM);
		return;
	}
	bind_session(ldap);
	xlvs_watch_set(&ldap->watch, &ldap->attempt, fd, UV_READABLE);
}

static void start(struct xlvs_attempt *attempt)
{
	struct ldap *ldap = (struct ldap *)attempt;
	bool tls = attempt->check->spec.service == XLVS_SERVICE_ldaps;

	ldap->transfer.done = connected;
	if (xlvs_curl_connect(&ldap->transfer, attempt, tls ? "https" : "http", "")) {
		xlvs_attempt_failed(attempt, "start", UV_ENOMEM);
		return;
	}
	xlvs_curl_verify(&ldap->transfer, false);
	xlvs_curl_go(&ldap->transfer);
}

static void stop(struct xlvs_attempt *attempt)
{
	struct ldap *ldap = (struct ldap *)attempt;

	xlvs_watch_close(&ldap->watch);
	ldap_memfree(ldap->name);
	if (ldap->session)
		ldap_unbind_ext(ldap->session, NULL, NULL);
	xlvs_curl_close(&ldap->transfer);
}

const struct xlvs_checker xlvs_checker_ldap = {
	.bytes = sizeof(struct ldap),
	.start = start,
	.stop = stop,
	.ready = ready,
};
