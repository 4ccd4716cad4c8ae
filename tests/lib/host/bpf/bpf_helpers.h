/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in for libbpf's <bpf/bpf_helpers.h> where packet-path sources are compiled for the host:
 * the folder above this one comes first among the include directories. Only what those sources
 * use; helpers that reach maps are in host_maps.c, the others in host_kernel.c. */
#ifndef XLVS_TESTS_HOST_BPF_HELPERS_H
#define XLVS_TESTS_HOST_BPF_HELPERS_H

#include <linux/bpf.h>
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
long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags);
long bpf_map_delete_elem(void *map, const void *key);

__u32 bpf_get_smp_processor_id(void);
__u64 bpf_jiffies64(void);
__u32 bpf_get_prandom_u32(void);
long bpf_loop(__u32 n_loops, void *callback, void *context, __u64 flags);

long bpf_timer_init(struct bpf_timer *timer, void *map, __u64 flags);
long bpf_timer_cancel(struct bpf_timer *timer);
long bpf_timer_set_callback(struct bpf_timer *timer, void *callback);
long bpf_timer_start(struct bpf_timer *timer, __u64 ns, __u64 flags);

void *bpf_ringbuf_reserve(void *ringbuf, __u64 bytes, __u64 flags);
void bpf_ringbuf_submit(void *data, __u64 flags);

long bpf_fib_lookup(void *ctx, struct bpf_fib_lookup *params, int bytes, __u32 flags);
long bpf_redirect(__u32 ifindex, __u64 flags);
long bpf_xdp_adjust_head(struct xdp_md *ctx, int delta);
long bpf_xdp_adjust_tail(struct xdp_md *ctx, int delta);
long bpf_xdp_load_bytes(struct xdp_md *ctx, __u32 offset, void *bytes, __u32 n_bytes);
long bpf_xdp_store_bytes(struct xdp_md *ctx, __u32 offset, void *bytes, __u32 n_bytes);

#endif
