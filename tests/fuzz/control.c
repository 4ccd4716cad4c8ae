// SPDX-License-Identifier: GPL-2.0-or-later
/* The control socket's two decoders on arbitrary bytes: nothing is read beyond the datagram, and
 * what was understood as a request is understood the same after being encoded again. */
#include "base/error.h"
#include "control/answer.h"
#include "control/request.h"

#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void read_answers(const struct nlmsghdr *message, size_t bytes)
{
	union {
		struct xlvs_service_info service;
		struct xlvs_dest_info dest;
		struct xlvs_timeouts timeouts;
		struct xlvs_director_info info;
		struct xlvs_sync_spec sync;
	} answer;
	const struct xlvs_conn_entry *entries;
	enum xlvs_answer_kind kind;
	struct xlvs_error error;
	const char *piece;
	size_t n;
	int code;

	if (xlvs_answer_kind(message, bytes, &kind, &code, &error) < 0 || kind != XLVS_ANSWER_DATA)
		return;
	xlvs_answer_service(message, &answer.service);
	xlvs_answer_dest(message, &answer.dest);
	xlvs_answer_config(message, &answer.timeouts);
	xlvs_answer_info(message, &answer.info);
	xlvs_answer_sync(message, &answer.sync);
	if (xlvs_answer_json(message, &piece) == 0 && strlen(piece) > bytes)
		abort();
	xlvs_answer_conns(message, &entries, &n);
}

static void check_round_trip(const struct xlvs_request *request)
{
	struct xlvs_request again;
	struct nl_msg *message;

	if (xlvs_request_encode(request, &message) < 0)
		abort();
	if (xlvs_request_decode(nlmsg_hdr(message), nlmsg_hdr(message)->nlmsg_len, &again) < 0)
		abort();
	if (again.given != request->given || again.dump != request->dump ||
	    memcmp(&again.service, &request->service, sizeof(again.service)) != 0 ||
	    memcmp(&again.dest, &request->dest, sizeof(again.dest)) != 0 ||
	    memcmp(&again.sync, &request->sync, sizeof(again.sync)) != 0 ||
	    memcmp(&again.timeouts, &request->timeouts, sizeof(again.timeouts)) != 0)
		abort();
	nlmsg_free(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct xlvs_request request;
	void *copy;

	if (bytes > XLVS_DATAGRAM_MAX_BYTES)
		return 0;
	copy = malloc(bytes + 1); /* malloc(0) may be NULL */
	if (!copy)
		return 0;
	copy = realloc(copy, bytes ? bytes : 1);
	memcpy(copy, data, bytes);
	if (xlvs_request_decode(copy, bytes, &request) == 0)
		check_round_trip(&request);
	read_answers(copy, bytes);
	free(copy);
	return 0;
}
