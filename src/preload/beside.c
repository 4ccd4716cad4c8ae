// SPDX-License-Identifier: GPL-2.0-or-later
#include "preload/beside.h"

#include "base/cleanup.h"
#include "control/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static uint64_t netns_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t bytes = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &bytes) == 0 ? cookie : 0;
}

static int make_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

/* A socket in the namespace of `fd`, by way of entering it for a moment. A program whose thread
 * would have to stay there is better ended. */
static int make_socket_there(int fd)
{
	XLVS_AUTO_CLOSE int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	XLVS_AUTO_CLOSE int there = ioctl(fd, SIOCGSKNS);
	int made;

	if (home < 0 || there < 0 || setns(there, CLONE_NEWNET) < 0)
		return -errno;
	made = make_socket();
	if (setns(home, CLONE_NEWNET) < 0)
		abort();
	return made;
}

int xlvs_beside_connect(int fd)
{
	XLVS_AUTO_CLOSE int made = make_socket();
	int r;

	if (made < 0)
		return made;
	if (netns_cookie(made) != netns_cookie(fd)) {
		close(made);
		made = make_socket_there(fd);
		if (made < 0)
			return made;
	}
	r = xlvs_control_connect(made, NULL);
	return r < 0 ? r : xlvs_take_fd(&made);
}
