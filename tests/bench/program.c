// SPDX-License-Identifier: GPL-2.0-or-later
#include "program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void prepare(struct bpf_object *object, const char *name, __u32 entries)
{
	struct bpf_program *prog;
	struct bpf_map *map;

	bpf_object__for_each_program(prog, object)
		bpf_program__set_autoload(prog, !strcmp(bpf_program__name(prog), name));
	bpf_object__for_each_map(map, object)
	{
		enum bpf_map_type type = bpf_map__type(map);

		if (entries && (type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LRU_HASH))
			bpf_map__set_max_entries(map, entries);
	}
}

static int load(struct program *program, const char *file, const char *name, __u32 entries)
{
	struct bpf_program *prog;
	int r;

	program->object = bpf_object__open_file(file, NULL);
	if (!program->object)
		return -errno;
	prepare(program->object, name, entries);
	prog = bpf_object__find_program_by_name(program->object, name);
	r = prog ? bpf_object__load(program->object) : -ENOENT;
	if (r < 0) {
		bench_program_close(program);
		return r;
	}
	program->fd = bpf_program__fd(prog);
	return 0;
}

int bench_program_open(struct program *program, const char *spec, __u32 entries)
{
	const char *colon = strrchr(spec, ':');
	char file[256];

	*program = (struct program){.fd = -1};
	if (!colon || (size_t)(colon - spec) >= sizeof(file))
		return -EINVAL;
	if (!strncmp(spec, "id:", 3))
		program->fd = bpf_prog_get_fd_by_id(strtoul(spec + 3, NULL, 10));
	else if (!strncmp(spec, "pin:", 4))
		program->fd = bpf_obj_get(spec + 4);
	else {
		memcpy(file, spec, colon - spec);
		file[colon - spec] = '\0';
		return load(program, file, colon + 1, entries);
	}
	return program->fd < 0 ? -errno : 0;
}

void bench_program_close(struct program *program)
{
	if (program->object)
		bpf_object__close(program->object);
	else if (program->fd >= 0)
		close(program->fd);
	*program = (struct program){.fd = -1};
}
