// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loads an object file as the loader would and prints, for each program, how many instructions the
 * kernel's verifier went through:  PROGRAM INSTRUCTIONS. When the kernel refuses, libbpf says why
 * on stderr.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/config.h"
#include "abi/limits.h"

enum {
	EXIT_USAGE = 2,
	CONN_GROUPS = 1 << 16,
};

/* What the loader fixes before loading: the verifier removes the code that constants rule out. */
static void set_constants(struct bpf_object *object)
{
	struct xlvs_constants constants = {
		.seed = {1, 2, 3, 4, 5, 6},
		.conn_groups = CONN_GROUPS,
		.ticks_per_sec = 250,
	};
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		if (strstr(bpf_map__name(map), ".rodata") &&
		    bpf_map__value_size(map) == sizeof(constants))
			bpf_map__set_initial_value(map, &constants, sizeof(constants));
		if (!strcmp(bpf_map__name(map), "xlvs_conns"))
			bpf_map__set_max_entries(map, CONN_GROUPS * XLVS_CONN_GROUP);
	}
}

static int report(struct bpf_object *object)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, object)
	{
		struct bpf_prog_info info = {};
		__u32 size_bytes = sizeof(info);
		int r = bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &size_bytes);

		if (r < 0)
			return r;
		printf("%s %u\n", bpf_program__name(prog), info.verified_insns);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: verifier OBJECT\n");
		return EXIT_USAGE;
	}
	object = bpf_object__open_file(argv[1], NULL);
	if (!object) {
		fprintf(stderr, "verifier: %s: %s\n", argv[1], strerror(errno));
		return EXIT_FAILURE;
	}
	set_constants(object);
	r = bpf_object__load(object);
	if (r == 0)
		r = report(object);
	if (r < 0)
		fprintf(stderr, "verifier: %s: %s\n", argv[1], strerror(-r));
	bpf_object__close(object);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
