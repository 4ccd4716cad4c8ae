// SPDX-License-Identifier: GPL-2.0-or-later
/* Socket options, in the program's place for them: those of IPVS, on IPv4 sockets, are the
 * director's to answer; those of a netlink socket that is carried are kept with the socket itself.
 */
#include "base/cleanup.h"
#include "control/client.h"
#include "preload/beside.h"
#include "preload/carrier.h"
#include "preload/legacy.h"
#include "preload/next.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

static bool is_of_ipvs(int fd, int level, int option)
{
	int domain = 0;
	socklen_t bytes = sizeof(domain);

	return level == IPPROTO_IP && option >= IP_VS_BASE_CTL && option <= IP_VS_SO_SET_MAX &&
	       XLVS_NEXT(getsockopt)(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) == 0 &&
	       domain == AF_INET;
}

/* The director of the namespace the socket is of; NULL: there is none, and the kernel answers. */
static struct xlvs_client *reach(int fd)
{
	XLVS_AUTO_CLOSE int connection = xlvs_beside_connect(fd);
	struct xlvs_client *client = NULL;

	if (connection >= 0 && xlvs_client_new(connection, &client) == 0)
		xlvs_take_fd(&connection);
	return client;
}

static int set(struct xlvs_client *client, int option, const void *value, socklen_t bytes)
{
	struct xlvs_request request;
	int r;

	if (!value && bytes)
		return -EFAULT;
	r = xlvs_legacy_request(option, value, bytes, &request);
	return r < 0 ? r : xlvs_client_call(client, &request, NULL);
}

XLVS_EXPORT int setsockopt(int fd, int level, int option, const void *value, socklen_t bytes)
{
	struct xlvs_carried *carried;
	struct xlvs_client *client;
	int kernel_fd, r;

	if (level == SOL_NETLINK && (carried = xlvs_carrier_find(fd))) {
		kernel_fd = xlvs_carrier_kernel_fd(carried);
		return XLVS_NEXT(setsockopt)(kernel_fd < 0 ? fd : kernel_fd, level, option, value,
					     bytes);
	}
	client = is_of_ipvs(fd, level, option) ? reach(fd) : NULL;
	if (!client)
		return XLVS_NEXT(setsockopt)(fd, level, option, value, bytes);
	r = set(client, option, value, bytes);
	xlvs_client_close(client);
	if (r < 0)
		errno = -r;
	return r < 0 ? -1 : 0;
}

static int get(struct xlvs_client *client, int option, void *value, socklen_t *length)
{
	size_t bytes;
	int r;

	if (!value || !length)
		return -EFAULT;
	bytes = *length;
	r = xlvs_legacy_get(client, option, value, &bytes);
	*length = (socklen_t)bytes;
	return r;
}

static bool asks_for_netlink(int level, int option)
{
	return level == SOL_NETLINK ||
	       (level == SOL_SOCKET &&
		(option == SO_DOMAIN || option == SO_PROTOCOL || option == SO_TYPE));
}

XLVS_EXPORT int getsockopt(int fd, int level, int option, void *restrict value,
			   socklen_t *restrict length)
{
	struct xlvs_carried *carried;
	struct xlvs_client *client;
	int kernel_fd, r;

	if (asks_for_netlink(level, option) && (carried = xlvs_carrier_find(fd))) {
		kernel_fd = xlvs_carrier_kernel_fd(carried);
		return XLVS_NEXT(getsockopt)(kernel_fd < 0 ? fd : kernel_fd, level, option, value,
					     length);
	}
	client = is_of_ipvs(fd, level, option) ? reach(fd) : NULL;
	if (!client)
		return XLVS_NEXT(getsockopt)(fd, level, option, value, length);
	r = get(client, option, value, length);
	xlvs_client_close(client);
	if (r < 0)
		errno = -r;
	return r < 0 ? -1 : 0;
}
