/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A loaded driver program with one program under test behind it. Owns the driver's maps and
 * program; the program under test stays the caller's. Runs are timed in the CPU time of the calling
 * thread, which must be pinned: wall time would count the neighbours, and in an emulated guest that
 * counts instructions one nanosecond is one instruction.
 */
#ifndef XLVS_BENCH_DRIVE_H
#define XLVS_BENCH_DRIVE_H

#include "traffic.h"

struct driver_bpf;

struct drive {
	struct driver_bpf *bpf;
	int ifindex; /* where frames arrive: 0 says nothing about it */
	__u32 touch;
};

struct drive_frame {
	unsigned char data[256];
	__u32 length_bytes;
	__u32 action;
};

/*
 * Loads a driver and puts the program `target_fd` behind it; -1: one that returns XDP_TX at once,
 * whose runs are what is subtracted.
 */
int bench_drive_open(struct drive *drive, int target_fd);

void bench_drive_close(struct drive *drive);

/* The driver's list of learned flows, DRIVER_LEARNED_MAX of them, to be filled by the caller. */
struct driver_flow *bench_drive_learned(struct drive *drive);

/* Sets the traffic of the next runs, beginning with its first flow. */
void bench_drive_traffic(struct drive *drive, const struct traffic *traffic);

/* Runs `packets` repetitions; how long they took all together, and what the last one returned. */
int bench_drive_run(struct drive *drive, __u32 packets, __u64 *ret_ns, __u32 *ret_action);

/* Runs once and hands out the frame as the program under test left it. */
int bench_drive_once(struct drive *drive, struct drive_frame *ret_frame);

/* Sends `packets` live frames out of the interface `ifindex`, in batches of 64; how long that took.
 */
int bench_drive_live(struct drive *drive, int ifindex, __u32 packets, __u64 *ret_ns);

#endif
