/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pairs of interfaces that bring packets of the host's own stack to the packet path. Done with
 * ip(8). */
#ifndef XLVS_CLI_VETH_H
#define XLVS_CLI_VETH_H

#include "base/error.h"

/* Run ip(8) on these lines, silently without `reterr`. -EIO. */
int xlvs_veth_ip(int family, const char *lines, struct xlvs_error *reterr);

/* Write a setting of an interface: net.ipv4.conf.INTERFACE.NAME. -EIO. */
int xlvs_veth_setting(const char *interface, const char *name, const char *value,
		      struct xlvs_error *reterr);

/* Make a pair, which is down yet. What enters by `near` has its checksums whole and is cut to its
 * size before it crosses, for the packet path has no means to do that; what comes out of `far`
 * passes whatever its source. -EIO, and then a part of it may be there. */
int xlvs_veth_make(const char *near, const char *far, unsigned int mtu_bytes,
		   struct xlvs_error *reterr);
int xlvs_veth_up(const char *near, const char *far, struct xlvs_error *reterr);

#endif
