/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socket options by which IPVS was driven before it had netlink messages: IPv4 only, structures
 * of <linux/ip_vs.h>. Sizes, checks and errors are those of do_ip_vs_set_ctl() and
 * do_ip_vs_get_ctl() in net/netfilter/ipvs/ip_vs_ctl.c of Linux 6.1. */
#ifndef XLVS_PRELOAD_LEGACY_H
#define XLVS_PRELOAD_LEGACY_H

#include "control/request.h"

struct xlvs_client;

/* The request that setsockopt(IPPROTO_IP, `option`, argument) makes. Pure.
 *
 * -EINVAL     no such option, a wrong size, a scheduler's name without an end
 * -EFAULT     (sic) a protocol other than TCP, UDP and SCTP */
int xlvs_legacy_request(int option, const void *argument, size_t bytes,
			struct xlvs_request *ret_request);

/* Answer getsockopt(IPPROTO_IP, `option`): `value` holds *bytes bytes, which may name a service.
 * 0 with *bytes changed where the kernel changes it; -EINVAL, -ESRCH, or what the director says. */
int xlvs_legacy_get(struct xlvs_client *client, int option, void *value, size_t *bytes);

#endif
