// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/pins.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"

#define RUN_DIRECTORY "/run/xlvs"
#define PIN_DIRECTORY RUN_DIRECTORY "/bpf"

/* A device map with the loopback in it: the kernel takes the entry out when the network namespace
 * goes, and nothing else does. */
#define PIN_ALIVE   "alive"
#define PIN_CLOCK   "clock"
#define PIN_PROGRAM "program"

enum {
	PATH_BYTES = 512,
	LOOPBACK_IFINDEX = 1,
};

static int netns_cookie(uint64_t *ret_cookie)
{
	XLVS_AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(*ret_cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, ret_cookie, &length))
		return -errno;
	return 0;
}

/* Daemons of several network namespaces start at once. The lock ends with the fd. */
static int lock(void)
{
	int fd = open(RUN_DIRECTORY "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0)
		flock(fd, LOCK_EX);
	return fd;
}

static bool is_mounted(void)
{
	struct statfs fs;

	return !statfs(PIN_DIRECTORY, &fs) && fs.f_type == BPF_FS_MAGIC;
}

static void pin_path(const char *directory, const char *name, char ret_path[static PATH_BYTES])
{
	snprintf(ret_path, PATH_BYTES, "%s/%s", directory, name);
}

static bool is_alive(const char *directory)
{
	XLVS_AUTO_CLOSE int fd = -1;
	char path[PATH_BYTES];
	uint32_t zero = 0, ifindex;

	pin_path(directory, PIN_ALIVE, path);
	fd = bpf_obj_get(path);
	return fd >= 0 && !bpf_map_lookup_elem(fd, &zero, &ifindex);
}

static void remove_directory(const char *directory)
{
	char path[PATH_BYTES];
	struct dirent *entry;
	DIR *dir = opendir(directory);

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		pin_path(directory, entry->d_name, path);
		unlink(path);
	}
	closedir(dir);
	rmdir(directory);
}

static void sweep(void)
{
	char path[PATH_BYTES];
	struct dirent *entry;
	DIR *dir = opendir(PIN_DIRECTORY);

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		pin_path(PIN_DIRECTORY, entry->d_name, path);
		if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && !is_alive(path))
			remove_directory(path);
	}
	closedir(dir);
}

int xlvs_pins_open(struct xlvs_pins *pins)
{
	XLVS_AUTO_CLOSE int locked = -1;
	struct xlvs_pins opened = {};
	int r;

	r = netns_cookie(&opened.netns_cookie);
	if (r < 0)
		return r;
	mkdir(RUN_DIRECTORY, 0755);
	locked = lock();
	if (locked >= 0) {
		mkdir(PIN_DIRECTORY, 0700);
		if (is_mounted() || !mount("bpf", PIN_DIRECTORY, "bpf", 0, "mode=0700")) {
			snprintf(opened.directory, sizeof(opened.directory),
				 PIN_DIRECTORY "/%" PRIu64, opened.netns_cookie);
			sweep();
		}
	}
	*pins = opened;
	return 0;
}

int xlvs_pins_program(const struct xlvs_pins *pins)
{
	char path[PATH_BYTES];
	int fd;

	if (!pins->directory[0])
		return -ENOENT;
	pin_path(pins->directory, PIN_PROGRAM, path);
	fd = bpf_obj_get(path);
	return fd < 0 ? -ENOENT : fd;
}

static int pin_over(const char *directory, const char *name, int fd)
{
	char path[PATH_BYTES], new_path[PATH_BYTES];

	pin_path(directory, name, path);
	pin_path(directory, "new", new_path);
	unlink(new_path);
	if (bpf_obj_pin(fd, new_path) || rename(new_path, path))
		return -errno;
	return 0;
}

static int pin_alive(const char *directory)
{
	XLVS_AUTO_CLOSE int fd = -1;
	uint32_t zero = 0, ifindex = LOOPBACK_IFINDEX;

	if (is_alive(directory))
		return 0;
	fd = bpf_map_create(BPF_MAP_TYPE_DEVMAP, "xlvs_alive", sizeof(zero), sizeof(ifindex), 1,
			    NULL);
	if (fd < 0 || bpf_map_update_elem(fd, &zero, &ifindex, BPF_ANY))
		return -errno;
	return pin_over(directory, PIN_ALIVE, fd);
}

int xlvs_pins_put(const struct xlvs_pins *pins, int program_fd, int clock_fd)
{
	XLVS_AUTO_CLOSE int locked = -1;
	int r;

	if (!pins->directory[0])
		return -ENOENT;
	locked = lock();
	if (locked < 0)
		return -errno;
	if (mkdir(pins->directory, 0700) && errno != EEXIST)
		return -errno;
	r = pin_alive(pins->directory);
	if (r == 0)
		r = pin_over(pins->directory, PIN_CLOCK, clock_fd);
	if (r == 0)
		r = pin_over(pins->directory, PIN_PROGRAM, program_fd);
	return r;
}

void xlvs_pins_remove(const struct xlvs_pins *pins)
{
	if (pins->directory[0])
		remove_directory(pins->directory);
}
