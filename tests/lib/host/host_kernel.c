// SPDX-License-Identifier: GPL-2.0-or-later
#include "host_kernel.h"

#include <bpf/bpf_helpers.h>
#include <string.h>
#include <sys/mman.h>

struct xlvs_constants xlvs_constants; /* const where the packet path declares it */
uint64_t host_jiffies;
_Thread_local uint32_t host_cpu;
_Thread_local uint32_t host_redirected;

static int (*timer_callback)(void *map, __u32 *key, struct bpf_timer *timer);
static struct bpf_timer *timer_set;

void host_set_constants(const struct xlvs_constants *constants)
{
	xlvs_constants = *constants;
}

__u32 bpf_get_smp_processor_id(void)
{
	return host_cpu;
}

__u64 bpf_jiffies64(void)
{
	return __atomic_load_n(&host_jiffies, __ATOMIC_RELAXED);
}

__u32 bpf_get_prandom_u32(void)
{
	static _Thread_local __u32 x = 1;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

long bpf_loop(__u32 n_loops, void *callback, void *context, __u64 flags)
{
	long (*step)(__u32 i, void *context);
	__u32 i;

	(void)flags;
	memcpy(&step, &callback, sizeof(step));
	for (i = 0; i < n_loops; i++) {
		if (step(i, context))
			return i + 1;
	}
	return i;
}

long bpf_timer_init(struct bpf_timer *timer, void *map, __u64 flags)
{
	(void)map;
	(void)flags;
	timer_set = timer;
	return 0;
}

long bpf_timer_cancel(struct bpf_timer *timer)
{
	(void)timer;
	return 0;
}

long bpf_timer_set_callback(struct bpf_timer *timer, void *callback)
{
	(void)timer;
	memcpy(&timer_callback, &callback, sizeof(timer_callback));
	return 0;
}

long bpf_timer_start(struct bpf_timer *timer, __u64 ns, __u64 flags)
{
	(void)timer;
	(void)ns;
	(void)flags;
	return 0;
}

void host_fire_timer(void)
{
	__u32 key = 0;

	timer_callback(NULL, &key, timer_set);
}

/* Nobody reads the ring: it is full. */
void *bpf_ringbuf_reserve(void *ringbuf, __u64 bytes, __u64 flags)
{
	(void)ringbuf;
	(void)bytes;
	(void)flags;
	return NULL;
}

void bpf_ringbuf_submit(void *data, __u64 flags)
{
	(void)data;
	(void)flags;
}

long bpf_fib_lookup(void *ctx, struct bpf_fib_lookup *params, int bytes, __u32 flags)
{
	static const __u8 mac[6] = {2, 0, 0, 0, 0x99, 9};

	(void)ctx;
	(void)bytes;
	(void)flags;
	params->ifindex = HOST_ROUTE_IFINDEX;
	params->mtu_result = HOST_MTU_BYTES;
	memcpy(params->dmac, mac, sizeof(mac));
	memcpy(params->smac, mac, sizeof(mac));
	return BPF_FIB_LKUP_RET_SUCCESS;
}

long bpf_redirect(__u32 ifindex, __u64 flags)
{
	(void)flags;
	host_redirected = ifindex;
	return XDP_REDIRECT;
}

long bpf_xdp_adjust_head(struct xdp_md *ctx, int delta)
{
	if (delta < -(int)HOST_HEADROOM)
		return -1;
	ctx->data += (__u32)delta;
	return 0;
}

long bpf_xdp_adjust_tail(struct xdp_md *ctx, int delta)
{
	if (delta > 0)
		return -1;
	ctx->data_end += (__u32)delta;
	return 0;
}

long bpf_xdp_load_bytes(struct xdp_md *ctx, __u32 offset, void *bytes, __u32 n_bytes)
{
	if (offset + n_bytes > ctx->data_end - ctx->data)
		return -1;
	memcpy(bytes, (const void *)(uintptr_t)(ctx->data + offset), n_bytes);
	return 0;
}

long bpf_xdp_store_bytes(struct xdp_md *ctx, __u32 offset, void *bytes, __u32 n_bytes)
{
	if (offset + n_bytes > ctx->data_end - ctx->data)
		return -1;
	memcpy((void *)(uintptr_t)(ctx->data + offset), bytes, n_bytes);
	return 0;
}

void *host_low_memory(size_t bytes)
{
	static uintptr_t next = 0x10000000;
	void *memory = mmap((void *)next, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	next = (next + bytes + 0xffff) & ~(uintptr_t)0xffff;
	return memory;
}

struct xdp_md host_xdp(const void *data, size_t bytes, uint32_t ifindex)
{
	return (struct xdp_md){
		.data = (__u32)(uintptr_t)data,
		.data_end = (__u32)((uintptr_t)data + bytes),
		.ingress_ifindex = ifindex,
	};
}
