/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ICMP and ICMPv6 echo: one raw socket per address family for all checks. */
#ifndef XLVS_MONITOR_CHECK_PING_H
#define XLVS_MONITOR_CHECK_PING_H

struct xlvs_ping;

/* NULL is fine. */
void xlvs_ping_free(struct xlvs_ping *socket);

#endif
