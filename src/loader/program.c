// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/program.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <string.h>

#include "base/cleanup.h"

int xlvs_program_maps(int program_fd, struct xlvs_program_maps *ret_maps)
{
	struct xlvs_program_maps maps;
	struct bpf_prog_info info = {
		.nr_map_ids = XLVS_PROGRAM_MAPS_MAX,
		.map_ids = (uintptr_t)maps.ids,
	};
	uint32_t length = sizeof(info);

	if (bpf_obj_get_info_by_fd(program_fd, &info, &length))
		return -errno;
	if (info.nr_map_ids > XLVS_PROGRAM_MAPS_MAX)
		return -E2BIG;
	maps.n = info.nr_map_ids;
	*ret_maps = maps;
	return 0;
}

int xlvs_program_map(int program_fd, const char *name)
{
	struct xlvs_program_maps maps = {};
	int r = xlvs_program_maps(program_fd, &maps);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < maps.n; i++) {
		XLVS_AUTO_CLOSE int fd = bpf_map_get_fd_by_id(maps.ids[i]);
		struct bpf_map_info info = {};
		uint32_t length = sizeof(info);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &length) &&
		    !strcmp(info.name, name))
			return xlvs_take_fd(&fd);
	}
	return -ENOENT;
}

bool xlvs_program_holds(uint32_t program_id, uint32_t map_id)
{
	XLVS_AUTO_CLOSE int fd = bpf_prog_get_fd_by_id(program_id);
	struct xlvs_program_maps maps = {};

	if (fd < 0 || xlvs_program_maps(fd, &maps))
		return false;
	for (uint32_t i = 0; i < maps.n; i++) {
		if (maps.ids[i] == map_id)
			return true;
	}
	return false;
}

uint32_t xlvs_map_id(int map_fd)
{
	struct bpf_map_info info = {};
	uint32_t length = sizeof(info);

	return bpf_obj_get_info_by_fd(map_fd, &info, &length) ? 0 : info.id;
}
