/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Health checks that reach a real server as forwarded packets do: to the VIP on that server, for
 * TUN in a tunnel.
 *
 * Owns two programs at the edge of every Ethernet interface of the network namespace
 * (checkpath.bpf.c) and what they are told: how packets with a mark travel. Packets without such a
 * mark are left alone. The programs go with xlvs_checkpath_close(); those of a process that was
 * killed stay, without anything to do, until the next one's take their place. */
#ifndef XLVS_CHECKPATH_H
#define XLVS_CHECKPATH_H

#include "abi/checkpath.h"
#include "base/error.h"

struct xlvs_checkpath;

/* Load the programs. 0, or -errno and why. */
int xlvs_checkpath_open(struct xlvs_checkpath **ret_path, struct xlvs_error *reterr);

/* Attach them to the interfaces there are, again when there may be others. 0, or -errno and why. */
int xlvs_checkpath_attach(struct xlvs_checkpath *path, struct xlvs_error *reterr);

/* How packets with the mark XLVS_CHECK_MARK + `index` travel; `index` is below
 * XLVS_CHECK_WAYS_MAX. */
void xlvs_checkpath_set(struct xlvs_checkpath *path, unsigned int index,
			const struct xlvs_check_way *way);

/* Detach and unload. NULL is allowed. */
void xlvs_checkpath_close(struct xlvs_checkpath *path);

#endif
