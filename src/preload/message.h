/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a program's netlink messages are about, as far as it matters who shall have them.
 *
 * Pure functions over bytes the program gave or is given; nothing is read beyond `bytes`. */
#ifndef XLVS_PRELOAD_MESSAGE_H
#define XLVS_PRELOAD_MESSAGE_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>

enum xlvs_message_kind {
	XLVS_MESSAGE_FOREIGN, /* the kernel's */
	XLVS_MESSAGE_RESOLVE, /* asks for the number of the family "IPVS" */
	XLVS_MESSAGE_IPVS, /* of that family, as the director numbers it */
};

/* The message at the front of `data`, of which the first 64 bytes are enough; whatever is not
 * understood is foreign. */
enum xlvs_message_kind xlvs_message_kind(const void *data, size_t bytes);

/* How many bytes the message at the front of `data` takes, its padding included; all of them when
 * no other message follows. */
size_t xlvs_message_length(const void *data, size_t bytes);

/* Whether `data` holds the last of what answers `request`: an ack, an error, the end of a dump, or,
 * where no ack was asked for, the one message. */
bool xlvs_message_is_end(const struct nlmsghdr *request, const void *data, size_t bytes);

struct xlvs_message_error {
	struct nlmsghdr header;
	struct nlmsgerr error;
};

/* The answer that refuses `request` with `code`, a negative errno. */
void xlvs_message_refuse(const struct nlmsghdr *request, int code,
			 struct xlvs_message_error *ret_error);

#endif
