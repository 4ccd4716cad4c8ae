// SPDX-License-Identifier: GPL-2.0-or-later
/* The calls that open files, in the program's place for them. The kernel is asked first: what it
 * has is what the program gets. */
#undef _FILE_OFFSET_BITS /* or open would be another name for open64 */

#include "preload/next.h"
#include "preload/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Parts of the interface that headers declare only for checked builds. */
XLVS_EXPORT int __open_2(const char *path, int flags);
XLVS_EXPORT int __open64_2(const char *path, int flags);
XLVS_EXPORT int __openat_2(int folder, const char *path, int flags);
XLVS_EXPORT int __openat64_2(int folder, const char *path, int flags);

/* What the kernel answered, or the director's file in the place of one that is not there. */
static int or_ours(int fd, const char *path, int flags)
{
	int ours;

	if (fd >= 0 || errno != ENOENT || !path || !xlvs_proc_is_ours(path))
		return fd;
	ours = xlvs_proc_open(path, flags);
	if (ours < 0)
		errno = -ours;
	return ours < 0 ? -1 : ours;
}

static mode_t take_mode(int flags, va_list arguments)
{
	return flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name)                                                               \
	XLVS_EXPORT int name(const char *path, int flags, ...)                   \
	{                                                                        \
		va_list arguments;                                               \
		mode_t mode;                                                     \
                                                                                 \
		va_start(arguments, flags);                                      \
		mode = take_mode(flags, arguments);                              \
		va_end(arguments);                                               \
		return or_ours(XLVS_NEXT(name)(path, flags, mode), path, flags); \
	}

#define OPENAT(name)                                                                     \
	XLVS_EXPORT int name(int folder, const char *path, int flags, ...)               \
	{                                                                                \
		va_list arguments;                                                       \
		mode_t mode;                                                             \
                                                                                         \
		va_start(arguments, flags);                                              \
		mode = take_mode(flags, arguments);                                      \
		va_end(arguments);                                                       \
		return or_ours(XLVS_NEXT(name)(folder, path, flags, mode), path, flags); \
	}

#define FOPEN(name)                                                                  \
	XLVS_EXPORT FILE *name(const char *path, const char *mode)                   \
	{                                                                            \
		FILE *stream = XLVS_NEXT(name)(path, mode);                          \
		int fd, flags = strchr(mode, 'e') ? O_RDONLY | O_CLOEXEC : O_RDONLY; \
                                                                                     \
		if (stream || *mode != 'r' || strchr(mode, '+'))                     \
			return stream;                                               \
		fd = or_ours(-1, path, flags);                                       \
		if (fd < 0)                                                          \
			return NULL;                                                 \
		stream = fdopen(fd, mode);                                           \
		if (!stream)                                                         \
			close(fd);                                                   \
		return stream;                                                       \
	}

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
FOPEN(fopen)
FOPEN(fopen64)

XLVS_EXPORT int __open_2(const char *path, int flags)
{
	return or_ours(XLVS_NEXT(__open_2)(path, flags), path, flags);
}

XLVS_EXPORT int __open64_2(const char *path, int flags)
{
	return or_ours(XLVS_NEXT(__open64_2)(path, flags), path, flags);
}

XLVS_EXPORT int __openat_2(int folder, const char *path, int flags)
{
	return or_ours(XLVS_NEXT(__openat_2)(folder, path, flags), path, flags);
}

XLVS_EXPORT int __openat64_2(int folder, const char *path, int flags)
{
	return or_ours(XLVS_NEXT(__openat64_2)(folder, path, flags), path, flags);
}
