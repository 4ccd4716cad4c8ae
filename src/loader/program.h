/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A loaded program and the maps it holds, as the kernel tells of them: the way from an interface
 * to the maps of the packet path that runs there. */
#ifndef XLVS_LOADER_PROGRAM_H
#define XLVS_LOADER_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

enum {
	XLVS_PROGRAM_MAPS_MAX = 64
};

struct xlvs_program_maps {
	uint32_t ids[XLVS_PROGRAM_MAPS_MAX];
	uint32_t n;
};

int xlvs_program_maps(int program_fd, struct xlvs_program_maps *ret_maps);

/* An fd of the map of that name which the program holds, -ENOENT. */
int xlvs_program_map(int program_fd, const char *name);

/* Whether a program holds a map, both by their ids. */
bool xlvs_program_holds(uint32_t program_id, uint32_t map_id);

uint32_t xlvs_map_id(int map_fd);

#endif
