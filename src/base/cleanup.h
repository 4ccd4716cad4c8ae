/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scope-bound release of what a function acquired. A file descriptor starts at -1, a pointer at
 * NULL; ownership leaves the scope by xlvs_take_fd() or xlvs_take_ptr(). */
#ifndef XLVS_BASE_CLEANUP_H
#define XLVS_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define XLVS_CLEANUP(function) __attribute__((cleanup(function)))
#define XLVS_AUTO_FREE	       XLVS_CLEANUP(xlvs_free_pointer)
#define XLVS_AUTO_CLOSE	       XLVS_CLEANUP(xlvs_close_fd)
#define XLVS_AUTO_FCLOSE       XLVS_CLEANUP(xlvs_close_file)

static inline void xlvs_free_pointer(void *pointer)
{
	free(*(void **)pointer);
}

static inline void xlvs_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void xlvs_close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline int xlvs_take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define xlvs_take_ptr(pointer)                           \
	({                                               \
		__typeof__(pointer) *slot_ = &(pointer); \
		__typeof__(pointer) taken_ = *slot_;     \
		*slot_ = NULL;                           \
		taken_;                                  \
	})

#endif
