/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The program under test: an XDP program of an object file ("FILE:NAME"), or one that is loaded
 * already
 * ("id:NUMBER", "pin:PATH"). Owns what it loaded.
 */
#ifndef XLVS_BENCH_PROGRAM_H
#define XLVS_BENCH_PROGRAM_H

#include <linux/types.h>

struct bpf_object;

struct program {
	struct bpf_object *object;
	int fd;
};

/*
 * Opens the program `spec`. entries: how many elements the object's hash maps get; 0 leaves them as
 * they are. -EINVAL spec is none of the three forms; -ENOENT no such program; or what loading it
 * said.
 */
int bench_program_open(struct program *program, const char *spec, __u32 entries);

void bench_program_close(struct program *program);

#endif
