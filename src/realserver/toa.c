// SPDX-License-Identifier: GPL-2.0-or-later
#include "realserver/toa.h"

#include "base/cleanup.h"
#include "toa.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

enum {
	HOOKS = 3,
	PROGRAMS_MAX = 64, /* that the kernel lets a group have for one hook */
	MAPS_MAX = 8, /* of a program */
	LOOPBACK_IFINDEX = 1, /* in every network namespace */
};

static const struct {
	const char *program;
	enum bpf_attach_type type;
} hooks[HOOKS] = {
	{"xlvs_rs_toa", BPF_CGROUP_SOCK_OPS},
	{"xlvs_rs_peer4", BPF_CGROUP_INET4_GETPEERNAME},
	{"xlvs_rs_peer6", BPF_CGROUP_INET6_GETPEERNAME},
};

/* The root of the control groups, wherever they are mounted, if they are. */
static int open_root(void)
{
	XLVS_AUTO_CLOSE int fs = fsopen("cgroup2", FSOPEN_CLOEXEC);
	XLVS_AUTO_CLOSE int mount = -1;
	int fd;

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -errno;
	mount = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	fd = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A descriptor of our program at the hook, else -ENOENT. */
static int open_program(int root, int hook)
{
	__u32 ids[PROGRAMS_MAX], n = PROGRAMS_MAX;

	if (bpf_prog_query(root, hooks[hook].type, 0, NULL, ids, &n))
		return -ENOENT;
	for (__u32 i = 0; i < n; i++) {
		XLVS_AUTO_CLOSE int fd = bpf_prog_get_fd_by_id(ids[i]);
		struct bpf_prog_info info = {};
		__u32 bytes = sizeof(info);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &bytes) &&
		    !strcmp(info.name, hooks[hook].program))
			return xlvs_take_fd(&fd);
	}
	return -ENOENT;
}

static void detach(int root)
{
	for (int i = 0; i < HOOKS; i++) {
		int fd;

		while ((fd = open_program(root, i)) >= 0) {
			int r = bpf_prog_detach2(fd, root, hooks[i].type);

			close(fd);
			if (r)
				break;
		}
	}
}

/* Keep the map if it is one of those we know by name and size. */
static void keep_map(struct xlvs_rs_toa *toa, __u32 id)
{
	XLVS_AUTO_CLOSE int fd = bpf_map_get_fd_by_id(id);
	struct bpf_map_info info = {};
	__u32 bytes = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &bytes))
		return;
	if (!strcmp(info.name, "xlvs_rs_spaces") && info.value_size == sizeof(struct xlvs_rs_space))
		toa->spaces_fd = xlvs_take_fd(&fd);
	else if (!strcmp(info.name, "xlvs_rs_direct") &&
		 info.key_size == sizeof(struct xlvs_rs_director))
		toa->directors_fd = xlvs_take_fd(&fd);
	else if (!strcmp(info.name, "xlvs_rs_alive"))
		toa->alive_fd = xlvs_take_fd(&fd);
}

void xlvs_rs_toa_close(struct xlvs_rs_toa *toa)
{
	xlvs_close_fd(&toa->spaces_fd);
	xlvs_close_fd(&toa->directors_fd);
	xlvs_close_fd(&toa->alive_fd);
}

static int open_maps(int program_fd, struct xlvs_rs_toa *ret)
{
	struct xlvs_rs_toa toa = {-1, -1, -1};
	__u32 ids[MAPS_MAX] = {};
	struct bpf_prog_info info = {.nr_map_ids = MAPS_MAX, .map_ids = (uintptr_t)ids};
	__u32 bytes = sizeof(info);

	if (bpf_obj_get_info_by_fd(program_fd, &info, &bytes))
		return -errno;
	for (__u32 i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++)
		keep_map(&toa, ids[i]);
	if (toa.spaces_fd < 0 || toa.directors_fd < 0 || toa.alive_fd < 0) {
		xlvs_rs_toa_close(&toa);
		return -EPROTO;
	}
	*ret = toa;
	return 0;
}

static int find(int root, struct xlvs_rs_toa *ret)
{
	XLVS_AUTO_CLOSE int program_fd = open_program(root, 0);

	for (int i = 1; i < HOOKS; i++) {
		XLVS_AUTO_CLOSE int fd = open_program(root, i);

		if (program_fd < 0 || fd < 0)
			return -ENOENT;
	}
	return open_maps(program_fd, ret);
}

int xlvs_rs_toa_find(struct xlvs_rs_toa *ret, struct xlvs_error *reterr)
{
	XLVS_AUTO_CLOSE int root = open_root();

	if (root < 0)
		return xlvs_refuse(reterr, root, "control groups cannot be reached: %s",
				   strerror(-root));
	return find(root, ret);
}

static int attach(int root, const struct toa_bpf *skeleton)
{
	const int fds[HOOKS] = {
		bpf_program__fd(skeleton->progs.xlvs_rs_toa),
		bpf_program__fd(skeleton->progs.xlvs_rs_peer4),
		bpf_program__fd(skeleton->progs.xlvs_rs_peer6),
	};

	/* So that the program leads to this map as well. */
	if (bpf_prog_bind_map(fds[0], bpf_map__fd(skeleton->maps.xlvs_rs_alive), NULL))
		return -errno;
	for (int i = 0; i < HOOKS; i++)
		if (bpf_prog_attach(fds[i], root, hooks[i].type, BPF_F_ALLOW_MULTI))
			return -errno;
	return 0;
}

static int load_and_attach(int root)
{
	struct toa_bpf *skeleton = toa_bpf__open_and_load();
	int r;

	if (!skeleton)
		return -errno;
	r = attach(root, skeleton);
	toa_bpf__destroy(skeleton);
	return r;
}

static int start(int root, struct xlvs_rs_toa *ret, struct xlvs_error *reterr)
{
	int r;

	detach(root); /* what is not whole, or another version's */
	r = load_and_attach(root);
	if (!r)
		r = find(root, ret);
	if (!r)
		return 0;
	detach(root);
	return xlvs_refuse(reterr, r, "the programs for client addresses cannot be started: %s",
			   strerror(-r));
}

static struct xlvs_rs_director key_of(uint64_t netns_cookie, const struct in6_addr *director)
{
	struct xlvs_rs_director key = {.netns_cookie = netns_cookie};

	memcpy(&key.director, director, sizeof(key.director));
	return key;
}

static bool is_named(const struct xlvs_rs_state *state, const struct xlvs_rs_address *director)
{
	for (size_t i = 0; i < state->n_entries; i++) {
		const struct xlvs_rs_vip *vip = &state->entries[i].vip;

		if (vip->method != XLVS_RS_FULLNAT)
			continue;
		for (size_t j = 0; j < vip->n_directors; j++)
			if (!memcmp(director, &vip->directors[j], sizeof(*director)))
				return true;
	}
	return false;
}

/* Drop this namespace's entry unless it is wanted, and those of namespaces that are gone. */
static void forget_spaces(const struct xlvs_rs_toa *toa, uint64_t own, bool wanted)
{
	__u32 ifindex = LOOPBACK_IFINDEX;
	uint64_t key, next;
	bool more;

	if (wanted)
		bpf_map_update_elem(toa->alive_fd, &own, &ifindex, BPF_ANY);
	else
		bpf_map_delete_elem(toa->alive_fd, &own);
	more = !bpf_map_get_next_key(toa->spaces_fd, NULL, &next);
	while (more) {
		key = next;
		more = !bpf_map_get_next_key(toa->spaces_fd, &key, &next);
		if (bpf_map_lookup_elem(toa->alive_fd, &key, &ifindex))
			bpf_map_delete_elem(toa->spaces_fd, &key);
	}
}

/* Drop the directors that none of this namespace's VIPs names, and those of namespaces without an
 * entry. */
static void forget_directors(const struct xlvs_rs_toa *toa, const struct xlvs_rs_state *state)
{
	struct xlvs_rs_space space;
	struct xlvs_rs_director key, next;
	bool more = !bpf_map_get_next_key(toa->directors_fd, NULL, &next);

	while (more) {
		key = next;
		more = !bpf_map_get_next_key(toa->directors_fd, &key, &next);
		if (key.netns_cookie == state->netns_cookie
			    ? !is_named(state, &key.director)
			    : bpf_map_lookup_elem(toa->spaces_fd, &key.netns_cookie, &space))
			bpf_map_delete_elem(toa->directors_fd, &key);
	}
}

/* The VIP's part: its directors, and the space if this is the first one. */
static int believe(const struct xlvs_rs_toa *toa, uint64_t netns_cookie,
		   const struct xlvs_rs_vip *vip)
{
	struct xlvs_rs_space space = {.kind = vip->toa_kind, .kind6 = vip->toa_kind6};
	__u32 yes = 1;
	int r = 0;

	for (size_t i = 0; i < vip->n_directors && !r; i++) {
		struct xlvs_rs_director key = key_of(netns_cookie, &vip->directors[i]);

		r = bpf_map_update_elem(toa->directors_fd, &key, &yes, BPF_ANY);
	}
	if (!r)
		r = bpf_map_update_elem(toa->spaces_fd, &netns_cookie, &space, BPF_NOEXIST);
	return r == -EEXIST ? 0 : r;
}

int xlvs_rs_toa_follow(const struct xlvs_rs_state *state, struct xlvs_error *reterr)
{
	XLVS_AUTO_CLOSE int root = open_root();
	bool wanted = xlvs_rs_state_fullnat(state);
	struct xlvs_rs_toa toa;
	uint64_t any;
	int r;

	if (root < 0)
		return xlvs_refuse(reterr, root, "control groups cannot be reached: %s",
				   strerror(-root));
	r = find(root, &toa);
	if (r && !wanted) {
		detach(root);
		return 0;
	}
	if (r == -ENOENT || r == -EPROTO)
		r = start(root, &toa, reterr);
	if (r)
		return r;
	for (size_t i = 0; i < state->n_entries && !r; i++)
		if (state->entries[i].vip.method == XLVS_RS_FULLNAT)
			r = believe(&toa, state->netns_cookie, &state->entries[i].vip);
	forget_spaces(&toa, state->netns_cookie, wanted);
	forget_directors(&toa, state);
	if (bpf_map_get_next_key(toa.spaces_fd, NULL, &any))
		detach(root);
	xlvs_rs_toa_close(&toa);
	return r ? xlvs_refuse(reterr, r, "the programs for client addresses cannot take it: %s",
			       strerror(-r))
		 : 0;
}

bool xlvs_rs_toa_believes(const struct xlvs_rs_toa *toa, uint64_t netns_cookie,
			  const struct xlvs_rs_vip *vip)
{
	struct xlvs_rs_space space;
	__u32 value;

	if (bpf_map_lookup_elem(toa->spaces_fd, &netns_cookie, &space) ||
	    space.kind != vip->toa_kind || space.kind6 != vip->toa_kind6)
		return false;
	for (size_t i = 0; i < vip->n_directors; i++) {
		struct xlvs_rs_director key = key_of(netns_cookie, &vip->directors[i]);

		if (bpf_map_lookup_elem(toa->directors_fd, &key, &value))
			return false;
	}
	return true;
}

int xlvs_rs_toa_counts(const struct xlvs_rs_toa *toa, uint64_t netns_cookie,
		       uint64_t ret[XLVS_RS_TOA_COUNTS_END])
{
	struct xlvs_rs_space space;

	if (bpf_map_lookup_elem(toa->spaces_fd, &netns_cookie, &space))
		return -errno;
	for (int i = 0; i < XLVS_RS_TOA_COUNTS_END; i++)
		ret[i] = space.counts[i];
	return 0;
}
