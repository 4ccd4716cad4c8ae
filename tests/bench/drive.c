// SPDX-License-Identifier: GPL-2.0-or-later
#include "drive.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "driver.skel.h"

enum {
	LIVE_BATCH = 64,
	LINE_BYTES = 64,
};

/* One walk through all lines, in an order no prefetcher guesses. */
static int fill_lines(struct driver_bpf *bpf)
{
	size_t size_bytes = (size_t)DRIVER_LINES * LINE_BYTES;
	int fd = bpf_map__fd(bpf->maps.lines);
	char *lines = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (lines == MAP_FAILED)
		return -errno;
	/* Multiplier 1 modulo 4 and odd increment: the generator visits every value once. */
	for (__u32 i = 0; i < DRIVER_LINES; i++) {
		__u32 next = (i * 2741 + 4093) % DRIVER_LINES;

		memcpy(lines + (size_t)i * LINE_BYTES, &next, sizeof(next));
	}
	munmap(lines, size_bytes);
	return 0;
}

/* A tail call needs both programs to agree about fragmented frames. */
static int load(struct drive *drive, int target_fd, bool frags)
{
	struct bpf_program *prog;
	__u32 key = 0;
	int r;

	drive->bpf = driver_bpf__open();
	if (!drive->bpf)
		return -errno;
	bpf_object__for_each_program(prog, drive->bpf->obj) if (frags)
		bpf_program__set_flags(prog, BPF_F_XDP_HAS_FRAGS);

	r = driver_bpf__load(drive->bpf);
	if (r == 0) {
		if (target_fd < 0)
			target_fd = bpf_program__fd(drive->bpf->progs.reflect);
		r = bpf_map_update_elem(bpf_map__fd(drive->bpf->maps.target), &key, &target_fd, 0);
	}
	if (r == 0)
		r = fill_lines(drive->bpf);
	if (r < 0)
		bench_drive_close(drive);
	return r;
}

int bench_drive_open(struct drive *drive, int target_fd)
{
	int r;

	*drive = (struct drive){};
	r = load(drive, target_fd, false);
	if (r == -EINVAL)
		r = load(drive, target_fd, true);
	return r;
}

void bench_drive_close(struct drive *drive)
{
	driver_bpf__destroy(drive->bpf);
	drive->bpf = NULL;
}

struct driver_flow *bench_drive_learned(struct drive *drive)
{
	size_t size_bytes = sizeof(struct driver_flow) * DRIVER_LEARNED_MAX;
	int fd = bpf_map__fd(drive->bpf->maps.learned);
	void *list = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return list == MAP_FAILED ? NULL : list;
}

void bench_drive_traffic(struct drive *drive, const struct traffic *traffic)
{
	struct driver_config *config = &drive->bpf->bss->config;

	bench_traffic_template(traffic, config);
	config->touch = drive->touch;
	drive->bpf->bss->state = (struct driver_state){.random = 88172645463325252ULL};
}

static __u64 thread_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (__u64)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct bpf_program *entry(const struct drive *drive, struct bpf_program *ipv4,
				 struct bpf_program *ipv6)
{
	const struct ether_header *eth = (const void *)drive->bpf->bss->config.frame;

	return eth->ether_type == htons(ETHERTYPE_IP) ? ipv4 : ipv6;
}

static __u32 frame_bytes(const struct drive *drive, const struct bpf_program *prog)
{
	return prog == drive->bpf->progs.drive4 || prog == drive->bpf->progs.generate4
		       ? DRIVER_FRAME4_BYTES
		       : DRIVER_FRAME6_BYTES;
}

static int run(struct drive *drive, struct bpf_program *prog, struct bpf_test_run_opts *options)
{
	__u32 length_bytes = frame_bytes(drive, prog);
	struct xdp_md context = {
		.data_end = length_bytes,
		.ingress_ifindex = drive->ifindex,
	};

	options->sz = sizeof(*options);
	options->data_in = drive->bpf->bss->config.frame;
	options->data_size_in = length_bytes;
	options->ctx_in = &context;
	options->ctx_size_in = sizeof(context);
	return bpf_prog_test_run_opts(bpf_program__fd(prog), options);
}

int bench_drive_run(struct drive *drive, __u32 packets, __u64 *ret_ns, __u32 *ret_action)
{
	struct driver_bpf *bpf = drive->bpf;
	struct bpf_program *prog = entry(drive, bpf->progs.drive4, bpf->progs.drive6);
	struct bpf_test_run_opts options = {.repeat = packets};
	__u64 start_ns = thread_ns();
	int r = run(drive, prog, &options);

	if (r < 0)
		return r;
	*ret_ns = thread_ns() - start_ns;
	*ret_action = options.retval;
	return 0;
}

int bench_drive_once(struct drive *drive, struct drive_frame *ret_frame)
{
	struct driver_bpf *bpf = drive->bpf;
	struct bpf_program *prog = entry(drive, bpf->progs.drive4, bpf->progs.drive6);
	struct bpf_test_run_opts options = {
		.repeat = 1,
		.data_out = ret_frame->data,
		.data_size_out = sizeof(ret_frame->data),
	};
	int r = run(drive, prog, &options);

	if (r < 0)
		return r;
	ret_frame->length_bytes = options.data_size_out;
	ret_frame->action = options.retval;
	return 0;
}

int bench_drive_live(struct drive *drive, int ifindex, __u32 packets, __u64 *ret_ns)
{
	struct driver_bpf *bpf = drive->bpf;
	struct bpf_program *prog = entry(drive, bpf->progs.generate4, bpf->progs.generate6);
	struct bpf_test_run_opts options = {
		.repeat = packets,
		.flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		.batch_size = LIVE_BATCH,
	};
	__u64 start_ns = thread_ns();
	int r;

	bpf->bss->config.ifindex = ifindex;
	r = run(drive, prog, &options);
	if (r < 0)
		return r;
	*ret_ns = thread_ns() - start_ns;
	return 0;
}
