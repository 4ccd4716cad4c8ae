// SPDX-License-Identifier: GPL-2.0-or-later
/* The calls a netlink client makes, in the program's place for them: what concerns IPVS takes the
 * way to the director, everything else is what it would be without this library.
 *
 * A message is looked at before its socket is: programs that do not speak to IPVS pay a comparison
 * of a few bytes, until the first socket is carried. */
#include "preload/carrier.h"
#include "preload/message.h"
#include "preload/next.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Parts of the interface that headers declare only for checked builds. */
XLVS_EXPORT ssize_t __recv_chk(int fd, void *data, size_t bytes, size_t room, int flags);
XLVS_EXPORT ssize_t __recvfrom_chk(int fd, void *data, size_t bytes, size_t room, int flags,
				   struct sockaddr *address, socklen_t *length);

static bool is_gone(int error)
{
	return error == EPIPE || error == ECONNRESET || error == ENOTCONN || error == ECONNREFUSED;
}

/* One netlink message in one datagram; addresses and credentials are netlink's and not sent. */
static ssize_t send_message(struct xlvs_carried *carried, int fd, struct msghdr *message, int flags)
{
	struct nlmsghdr header;
	ssize_t sent;

	if (message->msg_iov[0].iov_len < sizeof(header)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(&header, message->msg_iov[0].iov_base, sizeof(header));
	flags |= MSG_NOSIGNAL;
	sent = -1;
	errno = ENOTCONN;
	if (xlvs_carrier_is_away(carried)) /* else it may be another family's number there */
		sent = XLVS_NEXT(sendmsg)(fd, message, flags);
	if (sent < 0 && is_gone(errno) && xlvs_carrier_to_director(carried, fd) == 0)
		sent = XLVS_NEXT(sendmsg)(fd, message, flags);
	if (sent >= 0) {
		xlvs_carrier_note_request(carried, &header);
		return sent;
	}
	if (!is_gone(errno) || xlvs_carrier_to_refusal(carried, fd, &header) < 0)
		return -1;
	sent = 0;
	for (size_t i = 0; i < message->msg_iovlen; i++)
		sent += (ssize_t)message->msg_iov[i].iov_len;
	return sent;
}

/* The director reads one message a datagram, the kernel as many as there are. */
static ssize_t carry(struct xlvs_carried *carried, int fd, const struct msghdr *given, int flags)
{
	struct iovec whole = given->msg_iov[0];
	struct msghdr message = {.msg_iov = given->msg_iov, .msg_iovlen = given->msg_iovlen};
	ssize_t sent = 0;

	if (given->msg_iovlen > 1)
		return send_message(carried, fd, &message, flags);
	while (whole.iov_len) {
		size_t bytes = xlvs_message_length(whole.iov_base, whole.iov_len);
		struct iovec one = {whole.iov_base, bytes};
		ssize_t r;

		message.msg_iov = &one;
		message.msg_iovlen = 1;
		r = send_message(carried, fd, &message, flags);
		if (r < 0)
			return sent ? sent : -1;
		sent += r;
		whole.iov_base = (char *)whole.iov_base + bytes;
		whole.iov_len -= bytes;
	}
	return sent;
}

/* The front of a message is enough; it may be gathered from several buffers. */
static enum xlvs_message_kind kind_of(const struct msghdr *message)
{
	char front[64];
	size_t n = 0;

	if (message->msg_iovlen == 1)
		return xlvs_message_kind(message->msg_iov[0].iov_base, message->msg_iov[0].iov_len);
	for (size_t i = 0; i < message->msg_iovlen && n < sizeof(front); i++) {
		const struct iovec *part = &message->msg_iov[i];
		size_t room = sizeof(front) - n;
		size_t bytes = part->iov_len < room ? part->iov_len : room;

		memcpy(front + n, part->iov_base, bytes);
		n += bytes;
	}
	return xlvs_message_kind(front, n);
}

/* Whom a message is for: the director (true), or whoever is behind the descriptor on return. */
static bool is_for_director(int fd, const struct msghdr *message, struct xlvs_carried **ret_carried)
{
	enum xlvs_message_kind kind = kind_of(message);
	struct xlvs_carried *carried = xlvs_carrier_find(fd);
	int r;

	if (!carried && kind != XLVS_MESSAGE_RESOLVE)
		return false;
	if (!carried)
		r = xlvs_carrier_adopt(fd, &carried);
	else if (kind == XLVS_MESSAGE_FOREIGN)
		r = xlvs_carrier_is_away(carried) ? xlvs_carrier_to_kernel(carried, fd) : 0;
	else
		r = kind == XLVS_MESSAGE_RESOLVE ? xlvs_carrier_to_director(carried, fd) : 0;
	*ret_carried = carried;
	if (kind == XLVS_MESSAGE_RESOLVE && r < 0) {
		/* The kernel says best that there is no such family. */
		if (carried && xlvs_carrier_is_away(carried))
			xlvs_carrier_to_kernel(carried, fd);
		return false;
	}
	return kind != XLVS_MESSAGE_FOREIGN;
}

XLVS_EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	struct xlvs_carried *carried;
	int saved = errno;

	if (message && message->msg_iovlen && message->msg_iov &&
	    is_for_director(fd, message, &carried))
		return carry(carried, fd, message, flags);
	errno = saved;
	return XLVS_NEXT(sendmsg)(fd, message, flags);
}

XLVS_EXPORT ssize_t sendto(int fd, const void *data, size_t bytes, int flags,
			   __CONST_SOCKADDR_ARG address, socklen_t length)
{
	struct iovec whole = {(void *)data, bytes};
	const struct msghdr message = {.msg_iov = &whole, .msg_iovlen = 1};
	struct xlvs_carried *carried;
	int saved = errno;

	if (data && is_for_director(fd, &message, &carried))
		return carry(carried, fd, &message, flags);
	errno = saved;
	return XLVS_NEXT(sendto)(fd, data, bytes, flags, address, length);
}

XLVS_EXPORT ssize_t send(int fd, const void *data, size_t bytes, int flags)
{
	return sendto(fd, data, bytes, flags, NULL, 0);
}

static size_t room_of(const struct msghdr *message)
{
	size_t room = 0;

	for (size_t i = 0; i < message->msg_iovlen; i++)
		room += message->msg_iov[i].iov_len;
	return room;
}

/* Receive until there is something. What looks like an empty datagram is the end of a connection:
 * a netlink message is never empty, but a program may ask for none of its bytes. */
static ssize_t receive(struct xlvs_carried *carried, int fd, struct msghdr *message, int flags)
{
	const struct msghdr given = *message;
	bool may_be_empty = !room_of(message) && !(flags & MSG_TRUNC);
	ssize_t n;

	for (;;) {
		n = XLVS_NEXT(recvmsg)(fd, message, flags);
		if (n > 0 || (n == 0 && may_be_empty) || (n < 0 && !is_gone(errno)))
			break;
		if (xlvs_carrier_mend(carried, fd) < 0) {
			errno = ENOBUFS;
			return -1;
		}
		*message = given;
	}
	if (n > 0 && !(flags & MSG_PEEK)) {
		size_t first = message->msg_iov[0].iov_len;

		xlvs_carrier_note_answer(carried, message->msg_iov[0].iov_base,
					 (size_t)n < first ? (size_t)n : first);
	}
	return n;
}

/* As a message from the kernel is addressed. */
static void tell_sender(void *address, socklen_t *length)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	if (!address || !length)
		return;
	memcpy(address, &kernel, *length < sizeof(kernel) ? *length : sizeof(kernel));
	*length = sizeof(kernel);
}

static struct xlvs_carried *find_away(int fd)
{
	struct xlvs_carried *carried = xlvs_carrier_find(fd);

	return carried && xlvs_carrier_is_away(carried) ? carried : NULL;
}

XLVS_EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	struct xlvs_carried *carried = find_away(fd);
	struct msghdr plain;
	ssize_t n;

	if (!carried || !message)
		return XLVS_NEXT(recvmsg)(fd, message, flags);
	plain = *message;
	plain.msg_name = NULL;
	plain.msg_namelen = 0;
	n = receive(carried, fd, &plain, flags);
	if (n >= 0) {
		tell_sender(message->msg_name, &message->msg_namelen);
		message->msg_controllen = plain.msg_controllen;
		message->msg_flags = plain.msg_flags;
	}
	return n;
}

static ssize_t receive_from(struct xlvs_carried *carried, int fd, struct iovec *whole, int flags)
{
	struct msghdr message = {.msg_iov = whole, .msg_iovlen = 1};

	return receive(carried, fd, &message, flags);
}

XLVS_EXPORT ssize_t recvfrom(int fd, void *data, size_t bytes, int flags, __SOCKADDR_ARG address,
			     socklen_t *length)
{
	struct xlvs_carried *carried = find_away(fd);
	struct iovec whole = {data, bytes};
	ssize_t n;

	if (!carried)
		return XLVS_NEXT(recvfrom)(fd, data, bytes, flags, address, length);
	n = receive_from(carried, fd, &whole, flags);
	if (n >= 0)
		tell_sender(address.__sockaddr__, length);
	return n;
}

XLVS_EXPORT ssize_t recv(int fd, void *data, size_t bytes, int flags)
{
	struct xlvs_carried *carried = find_away(fd);
	struct iovec whole = {data, bytes};

	if (!carried)
		return XLVS_NEXT(recv)(fd, data, bytes, flags);
	return receive_from(carried, fd, &whole, flags);
}

XLVS_EXPORT ssize_t __recv_chk(int fd, void *data, size_t bytes, size_t room, int flags)
{
	struct xlvs_carried *carried = find_away(fd);
	struct iovec whole = {data, bytes};

	if (!carried || bytes > room)
		return XLVS_NEXT(__recv_chk)(fd, data, bytes, room, flags);
	return receive_from(carried, fd, &whole, flags);
}

XLVS_EXPORT ssize_t __recvfrom_chk(int fd, void *data, size_t bytes, size_t room, int flags,
				   struct sockaddr *address, socklen_t *length)
{
	struct xlvs_carried *carried = find_away(fd);
	struct iovec whole = {data, bytes};
	ssize_t n;

	if (!carried || bytes > room)
		return XLVS_NEXT(__recvfrom_chk)(fd, data, bytes, room, flags, address, length);
	n = receive_from(carried, fd, &whole, flags);
	if (n >= 0)
		tell_sender(address, length);
	return n;
}

XLVS_EXPORT int getsockname(int fd, __SOCKADDR_ARG address, socklen_t *length)
{
	struct xlvs_carried *carried = find_away(fd);
	int kernel_fd = carried ? xlvs_carrier_kernel_fd(carried) : -1;

	return XLVS_NEXT(getsockname)(kernel_fd < 0 ? fd : kernel_fd, address, length);
}

XLVS_EXPORT int close(int fd)
{
	int saved = errno;

	xlvs_carrier_forget(fd);
	errno = saved;
	return XLVS_NEXT(close)(fd);
}
