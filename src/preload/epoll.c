// SPDX-License-Identifier: GPL-2.0-or-later
/* /proc/self/fdinfo of an epoll descriptor lists what is registered, one line each:
 *
 *	tfd:        7 events:       19 data:                7  pos:0 ino:9d5a sdev:8
 */
#include "preload/epoll.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#define EPOLL_LINK "anon_inode:[eventpoll]"

static bool is_epoll(int directory, const char *name)
{
	char target[sizeof(EPOLL_LINK)];

	return readlinkat(directory, name, target, sizeof(target)) == sizeof(EPOLL_LINK) - 1 &&
	       !memcmp(target, EPOLL_LINK, sizeof(EPOLL_LINK) - 1);
}

static void lift_from(int set, int fd, ino_t inode, struct xlvs_epoll *epoll)
{
	char path[64], line[256];
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", set);
	info = fopen(path, "re");
	while (info && epoll->n < XLVS_EPOLL_MAX && fgets(line, sizeof(line), info)) {
		uint64_t data, its_inode;
		uint32_t events;
		int its_fd;

		if (sscanf(line,
			   "tfd: %d events: %" SCNx32 " data: %" SCNx64 " pos:%*s ino:%" SCNx64,
			   &its_fd, &events, &data, &its_inode) != 4 ||
		    its_fd != fd || its_inode != inode)
			continue;
		epoll->places[epoll->n].set = set;
		epoll->places[epoll->n].events = events;
		epoll->places[epoll->n++].data = data;
		epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL);
	}
	if (info)
		fclose(info);
}

void xlvs_epoll_lift(int fd, struct xlvs_epoll *ret_epoll)
{
	DIR *directory = opendir("/proc/self/fd");
	struct dirent *entry;
	struct stat file;

	ret_epoll->n = 0;
	if (directory && fstat(fd, &file) == 0)
		while ((entry = readdir(directory)))
			if (isdigit((unsigned char)entry->d_name[0]) &&
			    is_epoll(dirfd(directory), entry->d_name))
				lift_from(atoi(entry->d_name), fd, file.st_ino, ret_epoll);
	if (directory)
		closedir(directory);
}

void xlvs_epoll_put(int fd, const struct xlvs_epoll *epoll)
{
	for (size_t i = 0; i < epoll->n; i++) {
		struct epoll_event event = {
			.events = epoll->places[i].events,
			.data.u64 = epoll->places[i].data,
		};

		epoll_ctl(epoll->places[i].set, EPOLL_CTL_ADD, fd, &event);
	}
}
