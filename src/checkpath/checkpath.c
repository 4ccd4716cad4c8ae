// SPDX-License-Identifier: GPL-2.0-or-later
#include "checkpath/checkpath.h"

#include "base/cleanup.h"
#include "checkpath.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* What tells our filters from others on an interface. */
enum {
	HANDLE = 0x786c,
	PRIORITY = 0x786c,
};

struct xlvs_checkpath {
	struct checkpath_bpf *skeleton;
};

/* Interfaces that have the qdisc already are complained of otherwise. */
static int say_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

int xlvs_checkpath_open(struct xlvs_checkpath **ret_path, struct xlvs_error *reterr)
{
	struct xlvs_checkpath *path = calloc(1, sizeof(*path));
	int r;

	if (!path)
		return xlvs_refuse(reterr, -ENOMEM, "out of memory");
	libbpf_set_print(say_nothing);
	path->skeleton = checkpath_bpf__open_and_load();
	if (!path->skeleton) {
		r = -errno;
		free(path);
		return xlvs_refuse(reterr, r, "cannot load what carries checks to the VIP: %s",
				   strerror(-r));
	}
	*ret_path = path;
	return 0;
}

static bool is_ethernet(int fd, const char *name)
{
	struct ifreq request = {};

	memcpy(request.ifr_name, name, strnlen(name, sizeof(request.ifr_name) - 1));
	return ioctl(fd, SIOCGIFHWADDR, &request) == 0 &&
	       request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
}

/* Calls for both edges of every Ethernet interface; one that goes meanwhile is no matter.
 * `ret_name` has room for IF_NAMESIZE: the interface that failed. */
static int each_edge(const struct xlvs_checkpath *path,
		     int (*act)(const struct bpf_tc_hook *hook, int program_fd), char *ret_name)
{
	const struct bpf_program *programs[] = {path->skeleton->progs.xlvs_check_in,
						path->skeleton->progs.xlvs_check_out};
	const enum bpf_tc_attach_point points[] = {BPF_TC_INGRESS, BPF_TC_EGRESS};
	XLVS_AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct if_nameindex *interfaces = if_nameindex();
	int r = interfaces && fd >= 0 ? 0 : -errno;

	strcpy(ret_name, "any interface");
	for (size_t i = 0; r == 0 && interfaces[i].if_index; i++) {
		LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)interfaces[i].if_index);

		for (int k = 0; r == 0 && k < 2 && is_ethernet(fd, interfaces[i].if_name); k++) {
			hook.attach_point = points[k];
			r = act(&hook, bpf_program__fd(programs[k]));
			if (r == -ENODEV)
				r = 0;
		}
		if (r < 0)
			strcpy(ret_name, interfaces[i].if_name);
	}
	if (interfaces)
		if_freenameindex(interfaces);
	return r;
}

static int attach(const struct bpf_tc_hook *hook, int program_fd)
{
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = HANDLE, .priority = PRIORITY,
		    .prog_fd = program_fd, .flags = BPF_TC_F_REPLACE);
	struct bpf_tc_hook place = *hook;
	int r = bpf_tc_hook_create(&place);

	return r == 0 || r == -EEXIST ? bpf_tc_attach(&place, &options) : r;
}

/* The qdisc stays: others may have filters in it by now. */
static int detach(const struct bpf_tc_hook *hook, int program_fd)
{
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = HANDLE, .priority = PRIORITY);

	(void)program_fd;
	bpf_tc_detach(hook, &options);
	return 0;
}

int xlvs_checkpath_attach(struct xlvs_checkpath *path, struct xlvs_error *reterr)
{
	char name[IF_NAMESIZE];
	int r = each_edge(path, attach, name);

	if (r < 0)
		return xlvs_refuse(reterr, r,
				   "cannot attach what carries checks to the VIP to %s: "
				   "%s",
				   name, strerror(-r));
	return 0;
}

void xlvs_checkpath_set(struct xlvs_checkpath *path, unsigned int index,
			const struct xlvs_check_way *way)
{
	if (bpf_map_update_elem(bpf_map__fd(path->skeleton->maps.xlvs_check_ways), &index, way,
				BPF_ANY))
		abort(); /* an element of an array is always there */
}

void xlvs_checkpath_close(struct xlvs_checkpath *path)
{
	char name[IF_NAMESIZE];

	if (!path)
		return;
	each_edge(path, detach, name);
	checkpath_bpf__destroy(path->skeleton);
	free(path);
}
