/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeping a descriptor in the program's epoll sets while another file is put in its place: the
 * kernel registers files, the program knows descriptors only. */
#ifndef XLVS_PRELOAD_EPOLL_H
#define XLVS_PRELOAD_EPOLL_H

#include <stddef.h>
#include <stdint.h>

enum {
	XLVS_EPOLL_MAX = 16,
};

/* The sets a descriptor was taken out of, and what for. */
struct xlvs_epoll {
	size_t n;
	struct {
		int set;
		uint32_t events;
		uint64_t data;
	} places[XLVS_EPOLL_MAX];
};

/* Take the file behind `fd` out of every epoll set of the process, XLVS_EPOLL_MAX of them at the
 * most, and put whichever file is behind it then back in. */
void xlvs_epoll_lift(int fd, struct xlvs_epoll *ret_epoll);
void xlvs_epoll_put(int fd, const struct xlvs_epoll *epoll);

#endif
