/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mark (SO_MARK) of sockets that checks open, set before anything is sent by them. */
#ifndef XLVS_MONITOR_CHECK_SOCKET_H
#define XLVS_MONITOR_CHECK_SOCKET_H

#include <stdint.h>

/* Sockets opened from now on carry this mark, whoever opens them in this thread; 0: none. A caller
 * sets it around the call that opens a socket, and back to 0. */
void xlvs_socket_mark(uint32_t mark);

/* Mark one that has not been used yet. 0 or -errno. */
int xlvs_socket_set_mark(int fd, uint32_t mark);

#endif
