/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the director tells of itself as JSON documents, for `xlvs status` and `xlvs drops`. Names in
 * them are ABI: new ones may come, none changes its meaning. */
#ifndef XLVS_DAEMON_STATUS_H
#define XLVS_DAEMON_STATUS_H

#include "daemon/director.h"

/* The caller frees *ret_document. -ENOMEM. */
int xlvs_status_document(const struct xlvs_director *director, char **ret_document);
int xlvs_drops_document(const struct xlvs_loader *loader, char **ret_document);

#endif
