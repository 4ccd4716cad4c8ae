/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in for libbpf's <bpf/bpf_helpers.h> where packet-path sources are compiled for the host:
 * the folder above this one comes first among the include directories. Only what those sources
 * use; helpers that reach maps are in host_maps.c. */
#ifndef XLVS_TESTS_HOST_BPF_HELPERS_H
#define XLVS_TESTS_HOST_BPF_HELPERS_H

#include <linux/types.h>

#define SEC(name)
#define __uint(name, value)  int(*name)[value]
#define __type(name, value)  __typeof__(value) *name
#define __array(name, value) __typeof__(value) *name[]

#define __noinline __attribute__((noinline))
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

void *bpf_map_lookup_elem(void *map, const void *key);

long bpf_loop(__u32 n_loops, void *callback, void *context, __u64 flags);

#endif
