// SPDX-License-Identifier: GPL-2.0-or-later
/* The director's decoder of requests on arbitrary bytes: nothing is read beyond the datagram, and
 * what was understood as a request is understood the same after being encoded again. */
#include "control/request.h"

#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

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
	    memcmp(&again.local, &request->local, sizeof(again.local)) != 0 ||
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
	free(copy);
	return 0;
}
