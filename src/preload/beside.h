/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection to the director of the network namespace another socket belongs to. */
#ifndef XLVS_PRELOAD_BESIDE_H
#define XLVS_PRELOAD_BESIDE_H

/* A socket keeps the namespace it was made in, whatever its user has entered since: keepalived
 * makes its IPVS socket in the namespace net_namespace_ipvs names and then goes home.
 *
 * Returns a connected unix SOCK_SEQPACKET socket, close-on-exec, or -errno: -ECONNREFUSED where
 * there is no director. */
int xlvs_beside_connect(int fd);

#endif
