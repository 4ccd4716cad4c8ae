// SPDX-License-Identifier: GPL-2.0-or-later
/* This socket() stands in the place of the C library's, for the whole program: the clients of
 * PostgreSQL and MariaDB open a socket and connect it in one go, so that nobody could mark it in
 * between. */
#include "monitor/check/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What leaves room in a packet of 1500 bytes for the outer header of a tunnel, of IPv6 even. */
#define SEGMENT_BYTES 1400

static _Thread_local uint32_t next_mark;

void xlvs_socket_mark(uint32_t mark)
{
	next_mark = mark;
}

int xlvs_socket_set_mark(int fd, uint32_t mark)
{
	const int segment_bytes = SEGMENT_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)))
		return -errno;
	/* A datagram's socket does not know this. */
	setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment_bytes, sizeof(segment_bytes));
	return 0;
}

int socket(int family, int type, int protocol)
{
	int fd = (int)syscall(SYS_socket, family, type, protocol);
	int r;

	if (fd < 0 || !next_mark || (family != AF_INET && family != AF_INET6))
		return fd;
	r = xlvs_socket_set_mark(fd, next_mark);
	if (r == 0)
		return fd;
	close(fd);
	errno = -r;
	return -1;
}
