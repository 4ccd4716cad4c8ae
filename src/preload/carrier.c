// SPDX-License-Identifier: GPL-2.0-or-later
#include "preload/carrier.h"

#include "base/cleanup.h"
#include "preload/beside.h"
#include "preload/epoll.h"
#include "preload/message.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>

enum {
	CARRIED_MAX = 256, /* at the same time */
	KERNEL_FD_MIN = 100, /* out of the way of the program's own numbers */
};

enum place {
	AT_KERNEL,
	AT_DIRECTOR,
	AT_REFUSAL, /* or at silence */
};

/* Free while `cookie` is 0. */
struct xlvs_carried {
	uint64_t cookie; /* of the socket that is behind the descriptor now */
	int home; /* the descriptor it was made for */
	int fd; /* where it was last seen */
	enum place place;
	int kernel_fd;
	uint64_t kernel_cookie; /* the program may have closed the number without asking */
	pid_t owner;
	bool is_waiting;
	struct nlmsghdr request; /* the last one, while is_waiting */
};

static struct xlvs_carried table[CARRIED_MAX];
static unsigned int n_used; /* of the table, from its front */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* A child of a program with threads may inherit the lock as another thread held it. */
static void unlock_in_child(void)
{
	pthread_mutex_init(&lock, NULL);
}

__attribute__((constructor)) static void prepare_for_fork(void)
{
	pthread_atfork(NULL, NULL, unlock_in_child);
}

/* 0 for what is no socket. */
static uint64_t socket_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t bytes = sizeof(cookie);
	int saved = errno;

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &bytes) < 0)
		cookie = 0;
	errno = saved;
	return cookie;
}

static void set_cookie(struct xlvs_carried *carried, uint64_t cookie)
{
	__atomic_store_n(&carried->cookie, cookie, __ATOMIC_RELEASE);
}

struct xlvs_carried *xlvs_carrier_find(int fd)
{
	unsigned int n = __atomic_load_n(&n_used, __ATOMIC_ACQUIRE);
	uint64_t cookie = n ? socket_cookie(fd) : 0;

	for (unsigned int i = 0; cookie && i < n; i++)
		if (__atomic_load_n(&table[i].cookie, __ATOMIC_ACQUIRE) == cookie) {
			__atomic_store_n(&table[i].fd, fd, __ATOMIC_RELAXED);
			return &table[i];
		}
	return NULL;
}

bool xlvs_carrier_is_away(const struct xlvs_carried *carried)
{
	return __atomic_load_n(&carried->place, __ATOMIC_ACQUIRE) != AT_KERNEL;
}

int xlvs_carrier_kernel_fd(const struct xlvs_carried *carried)
{
	int fd = carried->kernel_fd;

	return fd >= 0 && socket_cookie(fd) == carried->kernel_cookie ? fd : -1;
}

static void drop_kernel_fd(struct xlvs_carried *carried)
{
	int fd = xlvs_carrier_kernel_fd(carried);

	carried->kernel_fd = -1;
	if (fd >= 0)
		close(fd);
}

/* An entry is given again when the socket it stood for is behind its descriptor no more. */
static struct xlvs_carried *take_entry(void)
{
	struct xlvs_carried *entry = NULL;

	for (unsigned int i = 0; !entry && i < n_used; i++)
		if (!table[i].cookie || socket_cookie(table[i].fd) != table[i].cookie)
			entry = &table[i];
	if (!entry && n_used < CARRIED_MAX) {
		entry = &table[n_used];
		entry->kernel_fd = -1;
		__atomic_store_n(&n_used, n_used + 1, __ATOMIC_RELEASE);
	}
	if (entry) {
		set_cookie(entry, 0);
		drop_kernel_fd(entry);
	}
	return entry;
}

static void copy_timeout(int fd, int with, int name)
{
	struct timeval timeout;
	socklen_t bytes = sizeof(timeout);

	if (getsockopt(fd, SOL_SOCKET, name, &timeout, &bytes) == 0)
		setsockopt(with, SOL_SOCKET, name, &timeout, bytes);
}

/* Put `with` behind the descriptor, whose own properties and places in epoll sets stay. */
static int replace(struct xlvs_carried *carried, int fd, int with, enum place place)
{
	int status = fcntl(fd, F_GETFL), own = fcntl(fd, F_GETFD);
	uint64_t old = carried->cookie;
	struct xlvs_epoll epoll;
	int r = 0;

	if (status < 0 || own < 0)
		return -errno;
	fcntl(with, F_SETFL, status & (O_NONBLOCK | O_ASYNC));
	copy_timeout(fd, with, SO_RCVTIMEO);
	copy_timeout(fd, with, SO_SNDTIMEO);
	xlvs_epoll_lift(fd, &epoll);
	set_cookie(carried, socket_cookie(with));
	if (dup3(with, fd, own & FD_CLOEXEC ? O_CLOEXEC : 0) < 0) {
		r = -errno;
		set_cookie(carried, old);
	} else {
		__atomic_store_n(&carried->place, place, __ATOMIC_RELEASE);
	}
	xlvs_epoll_put(fd, &epoll);
	return r;
}

/* What stands in for the director may have been made in another namespace than the program's own
 * socket was. */
static int to_director(struct xlvs_carried *carried, int fd)
{
	int kernel_fd = xlvs_carrier_kernel_fd(carried);
	XLVS_AUTO_CLOSE int connection = xlvs_beside_connect(kernel_fd < 0 ? fd : kernel_fd);

	if (connection < 0)
		return connection;
	carried->is_waiting = false;
	return replace(carried, fd, connection, AT_DIRECTOR);
}

/* One end of a pair whose other end has written its only message and is gone. */
static int to_refusal(struct xlvs_carried *carried, int fd, const struct nlmsghdr *request)
{
	struct xlvs_message_error refusal;
	int pair[2], r = 0;

	xlvs_message_refuse(request, -EBUSY, &refusal);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	if (send(pair[1], &refusal, sizeof(refusal), MSG_NOSIGNAL) < 0)
		r = -errno;
	close(pair[1]);
	if (r == 0)
		r = replace(carried, fd, pair[0], AT_REFUSAL);
	close(pair[0]);
	if (r == 0)
		carried->is_waiting = false;
	return r;
}

/* A socket nobody can send to: as quiet as a netlink socket that has asked for nothing. */
static int to_silence(struct xlvs_carried *carried, int fd)
{
	XLVS_AUTO_CLOSE int quiet = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return quiet < 0 ? -errno : replace(carried, fd, quiet, AT_REFUSAL);
}

static bool is_generic_netlink(int fd)
{
	int domain = 0, protocol = 0;
	socklen_t bytes = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &bytes) == 0 &&
	       domain == AF_NETLINK && protocol == NETLINK_GENERIC;
}

static int keep_aside(int fd)
{
	int kept = fcntl(fd, F_DUPFD_CLOEXEC, KERNEL_FD_MIN);

	if (kept < 0 && errno == EINVAL) /* RLIMIT_NOFILE is that low */
		kept = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return kept < 0 ? -errno : kept;
}

static int adopt(int fd, struct xlvs_carried **ret_carried)
{
	XLVS_AUTO_CLOSE int connection = xlvs_beside_connect(fd);
	struct xlvs_carried *entry;
	int r;

	if (connection < 0)
		return connection;
	entry = take_entry();
	if (!entry)
		return -ENOBUFS;
	r = keep_aside(fd);
	if (r < 0)
		return r;
	entry->kernel_fd = r;
	entry->kernel_cookie = socket_cookie(fd);
	entry->home = entry->fd = fd;
	entry->owner = getpid();
	entry->is_waiting = false;
	r = replace(entry, fd, connection, AT_DIRECTOR);
	if (r < 0) {
		set_cookie(entry, 0);
		drop_kernel_fd(entry);
		return r;
	}
	*ret_carried = entry;
	return 0;
}

int xlvs_carrier_adopt(int fd, struct xlvs_carried **ret_carried)
{
	int r;

	if (!is_generic_netlink(fd))
		return -ENOTSOCK;
	pthread_mutex_lock(&lock);
	r = adopt(fd, ret_carried);
	pthread_mutex_unlock(&lock);
	return r;
}

int xlvs_carrier_to_director(struct xlvs_carried *carried, int fd)
{
	int r;

	pthread_mutex_lock(&lock);
	r = to_director(carried, fd);
	pthread_mutex_unlock(&lock);
	return r;
}

int xlvs_carrier_to_kernel(struct xlvs_carried *carried, int fd)
{
	int kernel_fd, r = -ENOTCONN;

	pthread_mutex_lock(&lock);
	kernel_fd = xlvs_carrier_kernel_fd(carried);
	if (kernel_fd >= 0)
		r = replace(carried, fd, kernel_fd, AT_KERNEL);
	pthread_mutex_unlock(&lock);
	return r;
}

int xlvs_carrier_to_refusal(struct xlvs_carried *carried, int fd, const struct nlmsghdr *request)
{
	int r;

	pthread_mutex_lock(&lock);
	r = to_refusal(carried, fd, request);
	pthread_mutex_unlock(&lock);
	return r;
}

int xlvs_carrier_mend(struct xlvs_carried *carried, int fd)
{
	int r;

	pthread_mutex_lock(&lock);
	if (carried->is_waiting)
		r = to_refusal(carried, fd, &carried->request);
	else if ((r = to_director(carried, fd)) < 0)
		r = to_silence(carried, fd);
	pthread_mutex_unlock(&lock);
	return r;
}

void xlvs_carrier_note_request(struct xlvs_carried *carried, const struct nlmsghdr *request)
{
	carried->request = *request;
	__atomic_store_n(&carried->is_waiting, true, __ATOMIC_RELEASE);
}

void xlvs_carrier_note_answer(struct xlvs_carried *carried, const void *data, size_t bytes)
{
	if (__atomic_load_n(&carried->is_waiting, __ATOMIC_ACQUIRE) &&
	    xlvs_message_is_end(&carried->request, data, bytes))
		carried->is_waiting = false;
}

/* What a child of vfork() closes is still open in its parent, whose memory it uses. */
void xlvs_carrier_forget(int fd)
{
	struct xlvs_carried *carried = xlvs_carrier_find(fd);
	int kernel_fd = carried ? xlvs_carrier_kernel_fd(carried) : -1;

	if (kernel_fd < 0 || fd != carried->home)
		return;
	if (carried->owner == getpid())
		carried->kernel_fd = -1;
	close(kernel_fd);
}
