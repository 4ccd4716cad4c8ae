// SPDX-License-Identifier: GPL-2.0-or-later
#include "realserver/decap.h"

#include "base/cleanup.h"
#include "decap.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <string.h>

#define PROGRAM_NAME "xlvs_rs_decap"

enum {
	MAPS_MAX = 8, /* of a program */
};

/* An interface's programs as the kernel lists them. */
struct attachment {
	enum xlvs_rs_attached mode;
	__u32 id; /* 0: no program */
};

static int query(int ifindex, struct attachment *ret)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);
	int r = bpf_xdp_query(ifindex, 0, &opts);

	if (r)
		return r;
	ret->mode = opts.skb_prog_id ? XLVS_RS_GENERIC : XLVS_RS_NATIVE;
	ret->id = opts.skb_prog_id ? opts.skb_prog_id : opts.drv_prog_id;
	if (opts.hw_prog_id)
		ret->id = opts.hw_prog_id;
	return 0;
}

/* A descriptor of the program with this id if it is ours, else -ENOENT. */
static int open_ours(__u32 id)
{
	XLVS_AUTO_CLOSE int fd = id ? bpf_prog_get_fd_by_id(id) : -1;
	struct bpf_prog_info info = {};
	__u32 bytes = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &bytes) ||
	    strcmp(info.name, PROGRAM_NAME) != 0)
		return -ENOENT;
	return xlvs_take_fd(&fd);
}

enum xlvs_rs_attached xlvs_rs_decap_attached(int ifindex)
{
	struct attachment found = {};
	XLVS_AUTO_CLOSE int fd = query(ifindex, &found) ? -1 : open_ours(found.id);

	return fd < 0 ? XLVS_RS_NOT_ATTACHED : found.mode;
}

static void start_closed(struct xlvs_rs_decap *decap)
{
	*decap = (struct xlvs_rs_decap){-1, -1, -1, -1, -1};
}

void xlvs_rs_decap_close(struct xlvs_rs_decap *decap)
{
	xlvs_close_fd(&decap->program_fd);
	xlvs_close_fd(&decap->vips_fd);
	xlvs_close_fd(&decap->sources_fd);
	xlvs_close_fd(&decap->locals_fd);
	xlvs_close_fd(&decap->counts_fd);
}

/* Keep the map if it is one of those we know by name and size. */
static void keep_map(struct xlvs_rs_decap *decap, __u32 id)
{
	const struct {
		const char *name;
		__u32 key_bytes, value_bytes;
		int *slot;
	} known[] = {
		{"xlvs_rs_vips", sizeof(struct xlvs_rs_address), 4, &decap->vips_fd},
		{"xlvs_rs_sources", sizeof(struct xlvs_rs_source), 4, &decap->sources_fd},
		{"xlvs_rs_locals", sizeof(struct xlvs_rs_address), 4, &decap->locals_fd},
		{"xlvs_rs_counts", 4, 8, &decap->counts_fd},
	};
	XLVS_AUTO_CLOSE int fd = bpf_map_get_fd_by_id(id);
	struct bpf_map_info info = {};
	__u32 bytes = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &bytes))
		return;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(info.name, known[i].name) && info.key_size == known[i].key_bytes &&
		    info.value_size == known[i].value_bytes)
			*known[i].slot = xlvs_take_fd(&fd);
}

static int open_maps(struct xlvs_rs_decap *decap, struct xlvs_error *reterr)
{
	__u32 ids[MAPS_MAX] = {};
	struct bpf_prog_info info = {.nr_map_ids = MAPS_MAX, .map_ids = (uintptr_t)ids};
	__u32 bytes = sizeof(info);

	if (bpf_obj_get_info_by_fd(decap->program_fd, &info, &bytes))
		return xlvs_refuse(reterr, -errno, "the decapsulation program: %s",
				   strerror(errno));
	for (__u32 i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++)
		keep_map(decap, ids[i]);
	if (decap->vips_fd < 0 || decap->sources_fd < 0 || decap->locals_fd < 0 ||
	    decap->counts_fd < 0)
		return xlvs_refuse(reterr, -EPROTO,
				   "the decapsulation program is that of another version of xlvs: "
				   "delete the tun VIPs and add them again");
	return 0;
}

int xlvs_rs_decap_find(const struct xlvs_rs_host *host, struct xlvs_rs_decap *ret,
		       struct xlvs_error *reterr)
{
	XLVS_AUTO_FREE struct xlvs_rs_interface *interfaces = NULL;
	struct attachment found = {};
	struct xlvs_rs_decap decap;
	size_t n;
	int r;

	start_closed(&decap);
	r = xlvs_rs_host_interfaces(host, &interfaces, &n);
	if (r)
		return r;
	for (size_t i = 0; i < n && decap.program_fd < 0; i++)
		if (!query(interfaces[i].ifindex, &found))
			decap.program_fd = open_ours(found.id);
	if (decap.program_fd < 0)
		return -ENOENT;
	r = open_maps(&decap, reterr);
	if (r) {
		xlvs_rs_decap_close(&decap);
		return r;
	}
	*ret = decap;
	return 0;
}

/* Descriptors of our own: the skeleton closes its own. */
static int copy_fds(const struct decap_bpf *skeleton, struct xlvs_rs_decap *decap)
{
	const struct {
		int from;
		int *to;
	} copies[] = {
		{bpf_program__fd(skeleton->progs.xlvs_rs_decap), &decap->program_fd},
		{bpf_map__fd(skeleton->maps.xlvs_rs_vips), &decap->vips_fd},
		{bpf_map__fd(skeleton->maps.xlvs_rs_sources), &decap->sources_fd},
		{bpf_map__fd(skeleton->maps.xlvs_rs_locals), &decap->locals_fd},
		{bpf_map__fd(skeleton->maps.xlvs_rs_counts), &decap->counts_fd},
	};

	for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
		*copies[i].to = fcntl(copies[i].from, F_DUPFD_CLOEXEC, 0);
		if (*copies[i].to < 0)
			return -errno;
	}
	return 0;
}

int xlvs_rs_decap_load(struct xlvs_rs_decap *ret, struct xlvs_error *reterr)
{
	struct decap_bpf *skeleton = decap_bpf__open_and_load();
	struct xlvs_rs_decap decap;
	int r = skeleton ? 0 : -errno;

	start_closed(&decap);
	if (skeleton)
		r = copy_fds(skeleton, &decap);
	decap_bpf__destroy(skeleton);
	if (r) {
		xlvs_rs_decap_close(&decap);
		return xlvs_refuse(reterr, r, "the decapsulation program cannot be loaded: %s",
				   strerror(-r));
	}
	*ret = decap;
	return 0;
}

int xlvs_rs_decap_attach(const struct xlvs_rs_decap *decap,
			 const struct xlvs_rs_interface *interface, struct xlvs_error *reterr)
{
	struct attachment found = {};
	int r = query(interface->ifindex, &found);

	if (!r && found.id) {
		XLVS_AUTO_CLOSE int fd = open_ours(found.id);

		if (fd >= 0)
			return 0;
		r = -EBUSY;
	} else if (!r) {
		r = bpf_xdp_attach(interface->ifindex, decap->program_fd,
				   XDP_FLAGS_UPDATE_IF_NOEXIST | XDP_FLAGS_DRV_MODE, NULL);
		if (r)
			r = bpf_xdp_attach(interface->ifindex, decap->program_fd,
					   XDP_FLAGS_UPDATE_IF_NOEXIST | XDP_FLAGS_SKB_MODE, NULL);
	}
	if (r == -EBUSY || r == -EEXIST)
		return xlvs_refuse(reterr, -EBUSY, "%s has another XDP program (id %u)",
				   interface->name, found.id);
	if (r)
		return xlvs_refuse(reterr, r, "%s takes no XDP program: %s", interface->name,
				   strerror(-r));
	return 0;
}

int xlvs_rs_decap_detach(const struct xlvs_rs_interface *interface, struct xlvs_error *reterr)
{
	enum xlvs_rs_attached mode = xlvs_rs_decap_attached(interface->ifindex);
	int r = 0;

	if (mode != XLVS_RS_NOT_ATTACHED)
		r = bpf_xdp_detach(interface->ifindex,
				   mode == XLVS_RS_NATIVE ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE,
				   NULL);
	if (r)
		return xlvs_refuse(reterr, r, "the program cannot be taken from %s: %s",
				   interface->name, strerror(-r));
	return 0;
}

static struct xlvs_rs_address key_of(const struct in6_addr *address)
{
	struct xlvs_rs_address key;

	memcpy(&key, address, sizeof(key));
	return key;
}

static __u32 accept_of(const struct xlvs_rs_vip *vip)
{
	return (vip->n_directors ? XLVS_RS_ACCEPT_LISTED : XLVS_RS_ACCEPT_ANY) |
	       (__u32)vip->gue_port << XLVS_RS_ACCEPT_PORT_SHIFT;
}

int xlvs_rs_decap_accept(const struct xlvs_rs_decap *decap, const struct xlvs_rs_vip *vip,
			 struct xlvs_error *reterr)
{
	struct xlvs_rs_source source = {.vip = key_of(&vip->address)};
	__u32 accept = accept_of(vip), yes = 1;
	char text[INET6_ADDRSTRLEN];
	int r = 0;

	for (size_t i = 0; i < vip->n_directors && !r; i++) {
		source.director = key_of(&vip->directors[i]);
		r = bpf_map_update_elem(decap->sources_fd, &source, &yes, BPF_ANY);
	}
	if (!r)
		r = bpf_map_update_elem(decap->vips_fd, &source.vip, &accept, BPF_ANY);
	if (!r)
		return 0;
	xlvs_rs_decap_refuse(decap, vip);
	return xlvs_refuse(reterr, r, "the decapsulation program cannot take %s: %s",
			   xlvs_rs_address_text(&vip->address, text), strerror(-r));
}

void xlvs_rs_decap_refuse(const struct xlvs_rs_decap *decap, const struct xlvs_rs_vip *vip)
{
	struct xlvs_rs_source source = {.vip = key_of(&vip->address)};

	bpf_map_delete_elem(decap->vips_fd, &source.vip);
	for (size_t i = 0; i < vip->n_directors; i++) {
		source.director = key_of(&vip->directors[i]);
		bpf_map_delete_elem(decap->sources_fd, &source);
	}
}

bool xlvs_rs_decap_accepts(const struct xlvs_rs_decap *decap, const struct xlvs_rs_vip *vip)
{
	struct xlvs_rs_source source = {.vip = key_of(&vip->address)};
	__u32 value;

	if (bpf_map_lookup_elem(decap->vips_fd, &source.vip, &value) || value != accept_of(vip))
		return false;
	for (size_t i = 0; i < vip->n_directors; i++) {
		source.director = key_of(&vip->directors[i]);
		if (bpf_map_lookup_elem(decap->sources_fd, &source, &value))
			return false;
	}
	return true;
}

static bool is_among(const struct xlvs_rs_address *key, const struct in6_addr *addresses, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!memcmp(key, &addresses[i], sizeof(*key)))
			return true;
	return false;
}

int xlvs_rs_decap_set_locals(const struct xlvs_rs_decap *decap, const struct in6_addr *addresses,
			     size_t n_addresses, struct xlvs_error *reterr)
{
	struct xlvs_rs_address key, next;
	__u32 yes = 1;
	bool more;
	int r = 0;

	for (size_t i = 0; i < n_addresses && !r; i++) {
		key = key_of(&addresses[i]);
		r = bpf_map_update_elem(decap->locals_fd, &key, &yes, BPF_ANY);
	}
	if (r)
		return xlvs_refuse(reterr, r,
				   "the decapsulation program cannot take %zu addresses: %s",
				   n_addresses, strerror(-r));
	more = !bpf_map_get_next_key(decap->locals_fd, NULL, &next);
	while (more) {
		key = next;
		more = !bpf_map_get_next_key(decap->locals_fd, &key, &next);
		if (!is_among(&key, addresses, n_addresses))
			bpf_map_delete_elem(decap->locals_fd, &key);
	}
	return 0;
}

bool xlvs_rs_decap_has_local(const struct xlvs_rs_decap *decap, const struct in6_addr *address)
{
	struct xlvs_rs_address key = key_of(address);
	__u32 value;

	return !bpf_map_lookup_elem(decap->locals_fd, &key, &value);
}

int xlvs_rs_decap_counts(const struct xlvs_rs_decap *decap, uint64_t ret[XLVS_RS_COUNTS_END])
{
	int cpus = libbpf_num_possible_cpus();
	XLVS_AUTO_FREE __u64 *values = cpus > 0 ? calloc((size_t)cpus, sizeof(*values)) : NULL;

	if (!values)
		return -ENOMEM;
	for (__u32 i = 0; i < XLVS_RS_COUNTS_END; i++) {
		ret[i] = 0;
		if (bpf_map_lookup_elem(decap->counts_fd, &i, values))
			return -errno;
		for (int cpu = 0; cpu < cpus; cpu++)
			ret[i] += values[cpu];
	}
	return 0;
}
