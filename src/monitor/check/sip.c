// SPDX-License-Identifier: GPL-2.0-or-later
/* sip: asks OPTIONS (RFC 3261 section 11) and is up when the answer is 200 OK. Over TCP, or UDP for
 * a UDP service. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "monitor/check/curl.h"
#include "monitor/check/datagram.h"
#include "monitor/check/login.h"
#include "monitor/check/stream.h"

struct sip {
	struct xlvs_attempt attempt;
	struct xlvs_stream stream;
	struct xlvs_datagram datagram;
};

static size_t write_request(const struct xlvs_check_spec *spec,
			    const union xlvs_check_address *local, char *request)
{
	bool udp = spec->protocol == IPPROTO_UDP;
	char host[XLVS_CURL_HOST_BYTES], login[XLVS_LOGIN_BYTES];
	uint64_t random[2] = {0};
	int length;

	if (getrandom(random, sizeof(random), 0) < 0)
		random[0] = uv_hrtime();
	xlvs_curl_host(local, host);
	xlvs_login_or_host(spec->login, login);
	length = snprintf(request, XLVS_DATAGRAM_BYTES,
			  "OPTIONS sip:%s SIP/2.0\r\n"
			  "Via: SIP/2.0/%s %s:%u;branch=z9hG4bK%016" PRIx64 "\r\n"
			  "Max-Forwards: 70\r\n"
			  "To: <sip:%s>\r\n"
			  "From: <sip:%s>;tag=%08" PRIx32 "\r\n"
			  "Call-ID: %016" PRIx64 "\r\n"
			  "CSeq: 63104 OPTIONS\r\n"
			  "Contact: <sip:%s>\r\n"
			  "Accept: application/sdp\r\n"
			  "Content-Length: 0\r\n\r\n",
			  login, udp ? "UDP" : "TCP", host, xlvs_curl_port(local), random[0], login,
			  login, (uint32_t)random[1], random[1], login);
	return (size_t)length;
}

/* Where an answer's head ends, 0 when it has not yet. */
static size_t head_bytes(const char *answer, size_t length)
{
	const char *newline = answer;

	while ((newline = memchr(newline, '\n', length - (size_t)(newline - answer)))) {
		size_t next = (size_t)(++newline - answer);

		if (next < length && *newline == '\r')
			next++;
		if (next < length && answer[next] == '\n')
			return next + 1;
	}
	return 0;
}

/* A head is complete, so it has a line. Returns false when the final answer is still to come. */
static bool judge(struct xlvs_attempt *attempt, const char *head)
{
	int length = (int)strcspn(head, "\r\n");

	if (!strncmp(head, "SIP/2.0 1", 9))
		return false;
	if (!strncmp(head, "SIP/2.0 200 OK", 14))
		xlvs_attempt_up(attempt, "%.*s", length, head);
	else
		xlvs_attempt_down(attempt, "%.*s", length, head);
	return true;
}

static void received(struct xlvs_stream *stream)
{
	size_t head;

	while ((head = head_bytes(stream->answer, stream->answer_bytes))) {
		if (judge(stream->attempt, stream->answer))
			return;
		xlvs_stream_consume(stream, head);
	}
	if (stream->ended)
		xlvs_attempt_down(stream->attempt, "closed before the answer was complete");
}

static void received_datagram(struct xlvs_datagram *datagram, const char *bytes, size_t length)
{
	if (head_bytes(bytes, length))
		judge(datagram->attempt, bytes);
	else
		xlvs_attempt_down(datagram->attempt, "answer is not SIP");
}

static void connected(struct xlvs_stream *stream)
{
	union xlvs_check_address local = {0};
	char request[XLVS_DATAGRAM_BYTES];
	int bytes = sizeof(local);

	uv_tcp_getsockname(&stream->tcp, &local.any, &bytes);
	xlvs_stream_send(stream, request,
			 write_request(&stream->attempt->check->spec, &local, request));
}

static void start(struct xlvs_attempt *attempt)
{
	struct sip *sip = (struct sip *)attempt;
	struct xlvs_datagram *datagram = &sip->datagram;
	union xlvs_check_address local = {0};
	int bytes = sizeof(local);

	if (attempt->check->spec.protocol != IPPROTO_UDP) {
		sip->stream.connected = connected;
		sip->stream.received = received;
		xlvs_stream_open(&sip->stream, attempt, &attempt->check->spec.real);
		return;
	}
	datagram->received = received_datagram;
	if (!xlvs_datagram_open(datagram, attempt))
		return;
	uv_udp_getsockname(&datagram->udp, &local.any, &bytes);
	datagram->question_bytes = write_request(&attempt->check->spec, &local, datagram->question);
	xlvs_datagram_ask(datagram);
}

static void stop(struct xlvs_attempt *attempt)
{
	struct sip *sip = (struct sip *)attempt;

	xlvs_stream_close(&sip->stream);
	xlvs_datagram_close(&sip->datagram);
}

const struct xlvs_checker xlvs_checker_sip = {
	.bytes = sizeof(struct sip),
	.start = start,
	.stop = stop,
	.validate = xlvs_login_validate,
};
