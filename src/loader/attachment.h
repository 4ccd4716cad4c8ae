/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which XDP program each interface of this network namespace runs, as rtnetlink tells. */
#ifndef XLVS_LOADER_ATTACHMENT_H
#define XLVS_LOADER_ATTACHMENT_H

#include <stdbool.h>
#include <stdint.h>

struct xlvs_attachment {
	uint32_t ifindex;
	uint32_t program_id; /* 0: none */
	bool native;
};

typedef void xlvs_attachment_visit(void *context, const struct xlvs_attachment *attachment);

/* Call `visit` for each interface. -errno of netlink. */
int xlvs_attachments_walk(xlvs_attachment_visit *visit, void *context);

/* Of one interface. -ENODEV. */
int xlvs_attachment_get(uint32_t ifindex, struct xlvs_attachment *ret_attachment);

#endif
