// SPDX-License-Identifier: GPL-2.0-or-later
/* The calls that look whether a file is there, in the program's place for them: scripts ask before
 * they read. The kernel is asked first. */
#undef _FILE_OFFSET_BITS /* or stat would be another name for stat64 */

#include "preload/next.h"
#include "preload/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether the director's file stands in for one that the kernel answered is not there. */
static bool is_ours(int answer, const char *path)
{
	return answer < 0 && errno == ENOENT && path && xlvs_proc_is_there(path);
}

/* Everybody may read it, nobody anything else. */
static int may(int mode)
{
	if (!(mode & (W_OK | X_OK)))
		return 0;
	errno = EACCES;
	return -1;
}

#define ACCESS(name)                                               \
	XLVS_EXPORT int name(const char *path, int mode)           \
	{                                                          \
		int answer = XLVS_NEXT(name)(path, mode);          \
                                                                   \
		return is_ours(answer, path) ? may(mode) : answer; \
	}

/* As /proc has its files: without a size. */
#define STAT(name, type)                                                          \
	XLVS_EXPORT int name(const char *path, struct type *found)                \
	{                                                                         \
		int answer = XLVS_NEXT(name)(path, found);                        \
                                                                                  \
		if (!is_ours(answer, path))                                       \
			return answer;                                            \
		*found = (struct type){.st_mode = S_IFREG | 0444, .st_nlink = 1}; \
		return 0;                                                         \
	}

#define STATAT(name, type)                                                                \
	XLVS_EXPORT int name(int folder, const char *path, struct type *found, int flags) \
	{                                                                                 \
		int answer = XLVS_NEXT(name)(folder, path, found, flags);                 \
                                                                                          \
		if (!is_ours(answer, path))                                               \
			return answer;                                                    \
		*found = (struct type){.st_mode = S_IFREG | 0444, .st_nlink = 1};         \
		return 0;                                                                 \
	}

ACCESS(access)
ACCESS(eaccess)
ACCESS(euidaccess)
STAT(stat, stat)
STAT(stat64, stat64)
STAT(lstat, stat)
STAT(lstat64, stat64)
STATAT(fstatat, stat)
STATAT(fstatat64, stat64)

XLVS_EXPORT int faccessat(int folder, const char *path, int mode, int flags)
{
	int answer = XLVS_NEXT(faccessat)(folder, path, mode, flags);

	return is_ours(answer, path) ? may(mode) : answer;
}

XLVS_EXPORT int statx(int folder, const char *path, int flags, unsigned int mask,
		      struct statx *found)
{
	int answer = XLVS_NEXT(statx)(folder, path, flags, mask, found);

	if (!is_ours(answer, path))
		return answer;
	*found = (struct statx){
		.stx_mask = STATX_BASIC_STATS,
		.stx_mode = S_IFREG | 0444,
		.stx_nlink = 1,
	};
	return 0;
}
