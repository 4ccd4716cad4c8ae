// SPDX-License-Identifier: GPL-2.0-or-later
#include "control/connect.h"

#include "control/ipvs_abi.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool is_trusted(int fd)
{
	struct ucred credentials;
	socklen_t bytes = sizeof(credentials);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) == 0 &&
	       (credentials.uid == 0 || credentials.uid == geteuid());
}

int xlvs_control_connect(int fd, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t bytes;

	if (!name)
		name = XLVS_CONTROL_SOCKET;
	bytes = strlen(name);
	if (bytes > sizeof(address.sun_path) - 1)
		return -ENAMETOOLONG;
	memcpy(address.sun_path + 1, name, bytes);
	bytes += offsetof(struct sockaddr_un, sun_path) + 1;
	if (connect(fd, (struct sockaddr *)&address, (socklen_t)bytes) < 0)
		return -errno;
	return is_trusted(fd) ? 0 : -ECONNREFUSED;
}
