// SPDX-License-Identifier: GPL-2.0-or-later
#include "loader/maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "abi/config.h"
#include "base/cleanup.h"
#include "datapath/xlvs.skel.h"
#include "loader/complaint.h"
#include "loader/program.h"
#include "loader/state.h"

static const char *const names[] = {
#define NAME(symbol, name) [XLVS_MEMORY_##symbol] = (name),
	XLVS_MEMORIES(NAME)
#undef NAME
};

static void set_sizes(struct xlvs_loader *loader, const struct xlvs_sizes *sizes)
{
	bpf_map__set_max_entries(loader->skeleton->maps.xlvs_conns, sizes->conns);
	bpf_map__set_max_entries(loader->skeleton->maps.xlvs_controls, sizes->conns);
	bpf_map__set_max_entries(loader->skeleton->maps.xlvs_pe_data,
				 sizes->conns / XLVS_PE_SHARE + 1);
	bpf_map__set_max_entries(loader->skeleton->maps.xlvs_traffic, sizes->traffic);
	bpf_map__set_max_entries(loader->skeleton->maps.xlvs_reasons, sizes->reasons);
}

int xlvs_maps_create(struct xlvs_loader *loader, const struct xlvs_sizes *sizes,
		     struct xlvs_error *reterr)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);

	set_sizes(loader, sizes);
	loader->private_fd =
		bpf_map_create(BPF_MAP_TYPE_ARRAY, names[XLVS_MEMORY_PRIVATE], sizeof(uint32_t),
			       XLVS_PRIVATE_ELEMENT_BYTES, XLVS_PRIVATE_ELEMENTS, &options);
	if (loader->private_fd < 0)
		return xlvs_complaint_refuse(reterr, loader->private_fd, "cannot make a map");
	return 0;
}

static int refuse_shape(const char *name, struct xlvs_error *reterr)
{
	return xlvs_refuse(
		reterr, -EPROTONOSUPPORT,
		"the running packet path's map %s is not as this xlvsd has it: stop that "
		"director with the xlvsd that started it",
		name);
}

static bool has_shape(const struct bpf_map *map, int fd, bool any_size)
{
	struct bpf_map_info info = {};
	uint32_t length = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &length) && info.type == bpf_map__type(map) &&
	       info.key_size == bpf_map__key_size(map) &&
	       info.value_size == bpf_map__value_size(map) &&
	       (any_size || info.max_entries == bpf_map__max_entries(map));
}

static int reuse(const struct xlvs_loader *loader, struct bpf_map *map, int program_fd,
		 struct xlvs_error *reterr)
{
	XLVS_AUTO_CLOSE int fd = xlvs_program_map(program_fd, bpf_map__name(map));
	bool any_size = map == loader->skeleton->maps.xlvs_conns ||
			map == loader->skeleton->maps.xlvs_controls ||
			map == loader->skeleton->maps.xlvs_pe_data;

	if (fd < 0 || !has_shape(map, fd, any_size))
		return refuse_shape(bpf_map__name(map), reterr);
	return bpf_map__reuse_fd(map, fd);
}

static int reuse_private(struct xlvs_loader *loader, int program_fd, struct xlvs_error *reterr)
{
	struct bpf_map_info info = {};
	uint32_t length = sizeof(info);

	loader->private_fd = xlvs_program_map(program_fd, names[XLVS_MEMORY_PRIVATE]);
	if (loader->private_fd < 0 || bpf_obj_get_info_by_fd(loader->private_fd, &info, &length) ||
	    info.value_size != XLVS_PRIVATE_ELEMENT_BYTES ||
	    info.max_entries != XLVS_PRIVATE_ELEMENTS)
		return refuse_shape(names[XLVS_MEMORY_PRIVATE], reterr);
	return 0;
}

int xlvs_maps_reuse(struct xlvs_loader *loader, int program_fd, struct xlvs_error *reterr)
{
	uint32_t n_cpus = (uint32_t)libbpf_num_possible_cpus();
	struct xlvs_sizes sizes;
	struct bpf_map *map;
	int r = xlvs_settings_sizes(1, n_cpus, &sizes, reterr);

	if (r < 0)
		return r;
	set_sizes(loader, &sizes);
	bpf_object__for_each_map(map, loader->skeleton->obj)
	{
		/* Other variables are the program's own. */
		if (bpf_map__is_internal(map) && map != loader->skeleton->maps.data_runtime)
			continue;
		r = reuse(loader, map, program_fd, reterr);
		if (r < 0)
			return r;
	}
	return reuse_private(loader, program_fd, reterr);
}

static int map_memory(struct xlvs_memory *memory, int fd)
{
	struct bpf_map_info info = {};
	uint32_t length = sizeof(info);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t bytes;
	void *base;

	if (bpf_obj_get_info_by_fd(fd, &info, &length))
		return -errno;
	bytes = info.max_entries * (((size_t)info.value_size + 7) / 8 * 8);
	base = mmap(NULL, (bytes + page - 1) / page * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    0);
	if (base == MAP_FAILED)
		return -errno;
	*memory = (struct xlvs_memory){.base = base, .bytes = bytes};
	return 0;
}

int xlvs_maps_open(struct xlvs_loader *loader, struct xlvs_error *reterr)
{
	int program_fd = bpf_program__fd(loader->skeleton->progs.xlvs_main);
	struct bpf_map *map;
	int r = bpf_prog_bind_map(program_fd, loader->private_fd, NULL);

	bpf_object__for_each_map(map, loader->skeleton->obj)
	{
		if (r == 0)
			r = bpf_prog_bind_map(program_fd, bpf_map__fd(map), NULL);
	}
	for (int i = 0; r == 0 && i < XLVS_MEMORIES_END; i++) {
		int fd = i == XLVS_MEMORY_PRIVATE
				 ? loader->private_fd
				 : bpf_object__find_map_fd_by_name(loader->skeleton->obj, names[i]);

		r = map_memory(&loader->memories[i], fd);
	}
	return r < 0 ? xlvs_complaint_refuse(reterr, r, "cannot open the maps") : 0;
}

void xlvs_maps_close(struct xlvs_loader *loader)
{
	for (int i = 0; i < XLVS_MEMORIES_END; i++) {
		if (loader->memories[i].base)
			munmap(loader->memories[i].base, loader->memories[i].bytes);
	}
	if (loader->private_fd >= 0)
		close(loader->private_fd);
}
