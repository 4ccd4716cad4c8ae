// SPDX-License-Identifier: GPL-2.0-or-later
/* What the preload library reads of a program's bytes: nothing is read beyond them, and a socket
 * option that was understood makes a request that can be sent and is understood the same. */
#include "control/request.h"
#include "preload/legacy.h"
#include "preload/message.h"

#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void read_messages(const char *data, size_t bytes)
{
	const struct nlmsghdr request = {.nlmsg_seq = 1, .nlmsg_flags = NLM_F_ACK};

	xlvs_message_is_end(&request, data, bytes);
	while (bytes) {
		size_t length = xlvs_message_length(data, bytes);

		if (!length || length > bytes)
			abort();
		xlvs_message_kind(data, bytes);
		data += length;
		bytes -= length;
	}
}

static void read_option(int option, const void *argument, size_t bytes)
{
	struct xlvs_request request, again;
	struct nl_msg *message;

	if (xlvs_legacy_request(option, argument, bytes, &request) < 0)
		return;
	if (xlvs_request_encode(&request, &message) < 0)
		abort();
	if (xlvs_request_decode(nlmsg_hdr(message), nlmsg_hdr(message)->nlmsg_len, &again) == 0 &&
	    (memcmp(&again.service, &request.service, sizeof(again.service)) != 0 ||
	     memcmp(&again.dest, &request.dest, sizeof(again.dest)) != 0))
		abort();
	nlmsg_free(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	char *copy = malloc(bytes ? bytes : 1);

	if (!copy)
		return 0;
	memcpy(copy, data, bytes);
	read_messages(copy, bytes);
	if (bytes)
		read_option(IP_VS_BASE_CTL + data[0] % 17, copy + 1, bytes - 1);
	free(copy);
	return 0;
}
