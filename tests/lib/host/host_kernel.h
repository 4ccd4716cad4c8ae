/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel is to packet-path sources compiled for the host: their constants, time, CPUs,
 * frames and routes. Threads may be CPUs. */
#ifndef XLVS_TESTS_HOST_KERNEL_H
#define XLVS_TESTS_HOST_KERNEL_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/config.h"

enum host_route {
	HOST_HEADROOM = 256, /* before a frame, for tunnel headers */
	HOST_MTU_BYTES = 1500,
	HOST_ROUTE_IFINDEX = 9, /* where the routing table sends everything */
};

extern uint64_t host_jiffies; /* stands still unless moved */
extern _Thread_local uint32_t host_cpu; /* below HOST_CPUS */
extern _Thread_local uint32_t host_redirected; /* the interface last named by bpf_redirect() */

/* To be called before any of those sources runs. */
void host_set_constants(const struct xlvs_constants *constants);

/* The callback that was set last, as when its time has come. */
void host_fire_timer(void);

/* Memory with addresses of 32 bits, as frames have in a struct xdp_md. Never freed; NULL when
 * there is none. */
void *host_low_memory(size_t bytes);

/* For a frame of `bytes` bytes at `data`, in low memory with HOST_HEADROOM before it. */
struct xdp_md host_xdp(const void *data, size_t bytes, uint32_t ifindex);

#endif
