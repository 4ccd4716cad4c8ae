// SPDX-License-Identifier: GPL-2.0-or-later
/* radius: up when an Access-Request with login and password (RFC 2865, PAP) is accepted. The
 * request is signed (Message-Authenticator, RFC 3579), which newer servers insist on; an answer
 * counts only when it is signed with the secret. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "monitor/check/datagram.h"

enum {
	ACCESS_REQUEST = 1,
	ACCESS_ACCEPT = 2,
	USER_NAME = 1,
	USER_PASSWORD = 2,
	NAS_IP_ADDRESS = 4,
	NAS_PORT = 5,
	MESSAGE_AUTHENTICATOR = 80,
	NAS_IPV6_ADDRESS = 95,
	HEADER_BYTES = 20,
	DIGEST_BYTES = 16,
	PASSWORD_BYTES = 128,
	NAME_BYTES = 253,
};

struct radius {
	struct xlvs_attempt attempt;
	struct xlvs_datagram datagram;
};

static uint8_t *put(uint8_t *end, uint8_t type, const void *value, size_t bytes)
{
	*end++ = type;
	*end++ = (uint8_t)(bytes + 2);
	memcpy(end, value, bytes);
	return end + bytes;
}

/* MD5 of two pieces; false when the system's policy does not allow it. */
static bool digest(const void *a, size_t a_bytes, const void *b, size_t b_bytes, uint8_t *ret)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context && EVP_DigestInit_ex(context, EVP_md5(), NULL) &&
		    EVP_DigestUpdate(context, a, a_bytes) &&
		    EVP_DigestUpdate(context, b, b_bytes) && EVP_DigestFinal_ex(context, ret, NULL);

	EVP_MD_CTX_free(context);
	return good;
}

/* RFC 2865 5.2: each block is hidden with a digest of the secret and the block before. */
static bool put_password(uint8_t **end, const struct xlvs_check_spec *spec,
			 const uint8_t *authenticator)
{
	size_t length = strlen(spec->password), at, i;
	uint8_t hidden[PASSWORD_BYTES] = {0}, mask[DIGEST_BYTES];
	size_t bytes =
		length ? (length + DIGEST_BYTES - 1) / DIGEST_BYTES * DIGEST_BYTES : DIGEST_BYTES;

	memcpy(hidden, spec->password, length);
	for (at = 0; at < bytes; at += DIGEST_BYTES) {
		if (!digest(spec->secret, strlen(spec->secret),
			    at ? hidden + at - DIGEST_BYTES : authenticator, DIGEST_BYTES, mask))
			return false;
		for (i = 0; i < DIGEST_BYTES; i++)
			hidden[at + i] ^= mask[i];
	}
	*end = put(*end, USER_PASSWORD, hidden, bytes);
	return true;
}

static uint8_t *put_nas(uint8_t *end, uv_udp_t *udp)
{
	union xlvs_check_address local = {0};
	uint8_t port[4] = {0};
	int bytes = sizeof(local);

	uv_udp_getsockname(udp, &local.any, &bytes);
	if (local.any.sa_family == AF_INET)
		end = put(end, NAS_IP_ADDRESS, &local.v4.sin_addr, sizeof(local.v4.sin_addr));
	else
		end = put(end, NAS_IPV6_ADDRESS, &local.v6.sin6_addr, sizeof(local.v6.sin6_addr));
	return put(end, NAS_PORT, port, sizeof(port));
}

static bool write_request(struct radius *radius)
{
	const struct xlvs_check_spec *spec = &radius->attempt.check->spec;
	uint8_t *packet = (uint8_t *)radius->datagram.question, *authenticator = packet + 4;
	uint8_t *end = packet + HEADER_BYTES, *signature, zero[DIGEST_BYTES] = {0};
	unsigned int bytes = DIGEST_BYTES;

	packet[0] = ACCESS_REQUEST;
	if (getrandom(packet + 1, 1, 0) < 0 || getrandom(authenticator, DIGEST_BYTES, 0) < 0)
		return false;
	signature = end + 2;
	end = put(end, MESSAGE_AUTHENTICATOR, zero, sizeof(zero));
	end = put(end, USER_NAME, spec->login, strlen(spec->login));
	if (!put_password(&end, spec, authenticator))
		return false;
	end = put_nas(end, &radius->datagram.udp);
	radius->datagram.question_bytes = (size_t)(end - packet);
	packet[2] = (uint8_t)(radius->datagram.question_bytes >> 8);
	packet[3] = (uint8_t)radius->datagram.question_bytes;
	return HMAC(EVP_md5(), spec->secret, (int)strlen(spec->secret), packet,
		    radius->datagram.question_bytes, signature, &bytes);
}

/* RFC 2865 3: the answer's authenticator is a digest over the answer with the request's in its
 * place, and the secret. */
static bool is_signed(const struct radius *radius, const char *bytes, size_t length)
{
	const char *secret = radius->attempt.check->spec.secret;
	uint8_t packet[XLVS_DATAGRAM_BYTES], expected[DIGEST_BYTES];

	memcpy(packet, bytes, length);
	memcpy(packet + 4, radius->datagram.question + 4, DIGEST_BYTES);
	return digest(packet, length, secret, strlen(secret), expected) &&
	       !memcmp(expected, bytes + 4, DIGEST_BYTES);
}

static void received(struct xlvs_datagram *datagram, const char *bytes, size_t length)
{
	struct radius *radius = (struct radius *)datagram->attempt;
	const uint8_t *packet = (const uint8_t *)bytes;
	size_t claimed = length < HEADER_BYTES ? 0 : (size_t)(packet[2] << 8 | packet[3]);

	/* RFC 2865 3: what is not an answer to this request is dropped in silence. */
	if (claimed < HEADER_BYTES || claimed > length || claimed > XLVS_DATAGRAM_BYTES ||
	    bytes[1] != datagram->question[1])
		return;
	if (!is_signed(radius, bytes, claimed))
		xlvs_attempt_down(&radius->attempt, "answer is not signed with our secret");
	else if (packet[0] == ACCESS_ACCEPT)
		xlvs_attempt_up(&radius->attempt, "access accepted");
	else
		xlvs_attempt_down(&radius->attempt, "access not accepted (code %u)", packet[0]);
}

static void start(struct xlvs_attempt *attempt)
{
	struct radius *radius = (struct radius *)attempt;

	radius->datagram.received = received;
	if (!xlvs_datagram_open(&radius->datagram, attempt))
		return;
	if (write_request(radius))
		xlvs_datagram_ask(&radius->datagram);
	else
		xlvs_attempt_unknown(attempt, "this machine does not allow MD5");
}

static void stop(struct xlvs_attempt *attempt)
{
	xlvs_datagram_close(&((struct radius *)attempt)->datagram);
}

static int validate(const struct xlvs_check_spec *spec, struct xlvs_error *reterr)
{
	if (!*spec->login || strlen(spec->login) > NAME_BYTES ||
	    strlen(spec->password) > PASSWORD_BYTES)
		return xlvs_refuse(
			reterr, UV_EINVAL,
			"radius needs a login of at most %d and a passwd of at most %d bytes",
			NAME_BYTES, PASSWORD_BYTES);
	return 0;
}

const struct xlvs_checker xlvs_checker_radius = {
	.bytes = sizeof(struct radius),
	.start = start,
	.stop = stop,
	.validate = validate,
};
