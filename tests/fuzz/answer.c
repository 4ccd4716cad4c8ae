// SPDX-License-Identifier: GPL-2.0-or-later
/* The client's decoder of answers on arbitrary bytes: nothing is read beyond the message, and what
 * points into it stays inside. */
#include "control/answer.h"
#include "base/error.h"
#include "control/ipvs_abi.h"

#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void read_records(const struct nlmsghdr *message)
{
	union {
		struct xlvs_service_info service;
		struct xlvs_dest_info dest;
		struct xlvs_timeouts timeouts;
		struct xlvs_director_info info;
		struct xlvs_sync_spec sync;
	} answer;

	if (xlvs_answer_service(message, &answer.service) == 0 &&
	    (!memchr(answer.service.spec.scheduler, 0, XLVS_SCHEDULER_NAME_BYTES) ||
	     !memchr(answer.service.spec.pe, 0, XLVS_PE_NAME_BYTES)))
		abort();
	xlvs_answer_dest(message, &answer.dest);
	xlvs_answer_config(message, &answer.timeouts);
	xlvs_answer_info(message, &answer.info);
	if (xlvs_answer_sync(message, &answer.sync) == 0 &&
	    !memchr(answer.sync.interface, 0, XLVS_INTERFACE_NAME_BYTES))
		abort();
}

static void read_arrays(const struct nlmsghdr *message, size_t bytes)
{
	const struct xlvs_conn_entry *entries;
	const struct xlvs_conn_pe *pe;
	const char *piece;
	size_t n;

	if (xlvs_answer_json(message, &piece) == 0 && strlen(piece) > bytes)
		abort();
	if (xlvs_answer_conns(message, &entries, &n, &pe) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (strlen(entries[i].state) >= XLVS_CONN_STATE_BYTES)
			abort();
	if (pe && (strlen(pe->name) >= sizeof(pe->name) || strlen(pe->data) >= sizeof(pe->data)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	enum xlvs_answer_kind kind;
	struct xlvs_error error;
	void *copy;
	int code;

	if (!bytes || bytes > XLVS_DATAGRAM_MAX_BYTES)
		return 0;
	copy = malloc(bytes);
	if (!copy)
		return 0;
	memcpy(copy, data, bytes);
	if (xlvs_answer_kind(copy, bytes, &kind, &code, &error) == 0) {
		if (kind == XLVS_ANSWER_END && (code > 0 || !memchr(error.text, 0, 256)))
			abort();
		if (kind == XLVS_ANSWER_DATA) {
			read_records(copy);
			read_arrays(copy, bytes);
		}
	}
	free(copy);
	return 0;
}
