/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reaching the director of a network namespace. */
#ifndef XLVS_CONTROL_CONNECT_H
#define XLVS_CONTROL_CONNECT_H

/* Connect a unix SOCK_SEQPACKET socket to the director of the namespace in which the socket was
 * made (`name` NULL: "@xlvs"). -ECONNREFUSED when there is none, or when who listens there is
 * neither root nor the caller's own user: an abstract name is anybody's to take. */
int xlvs_control_connect(int fd, const char *name);

#endif
