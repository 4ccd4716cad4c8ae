/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The function of the same name behind this library: libc's, or that of another preloaded one.
 *
 * Looked up when it is first needed, which may be before this library's constructors have run. */
#ifndef XLVS_PRELOAD_NEXT_H
#define XLVS_PRELOAD_NEXT_H

#include <dlfcn.h>

#define XLVS_NEXT(name)                                                                 \
	({                                                                              \
		static __typeof__(&(name)) next_;                                       \
		__typeof__(&(name)) found_ = __atomic_load_n(&next_, __ATOMIC_RELAXED); \
		if (!found_) {                                                          \
			*(void **)&found_ = dlsym(RTLD_NEXT, #name);                    \
			__atomic_store_n(&next_, found_, __ATOMIC_RELAXED);             \
		}                                                                       \
		found_;                                                                 \
	})

/* What this library puts in the place of the program's own calls. */
#define XLVS_EXPORT __attribute__((visibility("default")))

#endif
