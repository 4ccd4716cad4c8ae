// SPDX-License-Identifier: GPL-2.0-or-later
/* Packets enter by the near end. At the far end, where they arrive, a program finishes them
 * (datapath/detour.bpf.c); what that sends back comes out of the near end, where the packet path
 * runs in generic mode, from which a packet can leave by any interface. */
#include "loader/detour.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "abi/config.h"
#include "abi/detour.h"
#include "base/cleanup.h"
#include "datapath/xlvs.skel.h"
#include "loader/complaint.h"
#include "loader/loader.h"
#include "loader/state.h"

#define NEAR XLVS_DETOUR_NAME "0"
#define FAR  XLVS_DETOUR_NAME "1"

static void prepare(struct rtnl_link *link, const char *name)
{
	rtnl_link_set_name(link, name);
	rtnl_link_set_mtu(link, XLVS_DETOUR_MTU_BYTES);
	rtnl_link_set_flags(link, IFF_NOARP);
}

/* Nobody talks to it but the packet path. */
static void write_setting(const char *name, const char *family, const char *setting,
			  const char *value)
{
	XLVS_AUTO_FCLOSE FILE *file = NULL;
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/%s/%s/%s", family, name, setting);
	file = fopen(path, "we");
	if (file)
		fputs(value, file);
}

static int make_pair(struct nl_sock *sock)
{
	struct rtnl_link *near = rtnl_link_veth_alloc();
	struct rtnl_link *far = near ? rtnl_link_veth_get_peer(near) : NULL;
	int r = -NLE_NOMEM;

	if (far) {
		prepare(near, NEAR);
		prepare(far, FAR);
		r = rtnl_link_add(sock, near, NLM_F_CREATE | NLM_F_EXCL);
		rtnl_link_put(far);
	}
	rtnl_link_put(near);
	return r;
}

static int set_up(struct nl_sock *sock, const char *name)
{
	struct rtnl_link *wanted = rtnl_link_alloc(), *change = rtnl_link_alloc();
	int r = -NLE_NOMEM;

	write_setting(name, "ipv6/conf", "addr_gen_mode", "1");
	write_setting(name, "ipv4/conf", "rp_filter", "0");
	if (wanted && change) {
		rtnl_link_set_ifindex(wanted, (int)if_nametoindex(name));
		rtnl_link_set_flags(change, IFF_UP | IFF_NOARP);
		r = rtnl_link_change(sock, wanted, change, 0);
	}
	rtnl_link_put(wanted);
	rtnl_link_put(change);
	return r;
}

/* No end of a checksum and no large packet is left to who is behind the far end, and packets are
 * not merged there. */
static int switch_off_offloads(const char *name)
{
	static const uint32_t commands[] = {ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGRO};
	XLVS_AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct ethtool_value value = {.cmd = commands[i]};
		struct ifreq request = {.ifr_data = (char *)&value};

		snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
		/* Native XDP at the other end takes one of them away altogether. */
		if (fd < 0 || (ioctl(fd, SIOCETHTOOL, &request) && errno != EOPNOTSUPP))
			return -errno;
	}
	return 0;
}

/* Also after a restart: the programs are always those this daemon was built with. */
static int attach_far(const struct xlvs_loader *loader, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = 1, .priority = 1, .flags = BPF_TC_F_REPLACE,
		    .prog_fd = bpf_program__fd(loader->skeleton->progs.xlvs_detour));
	int r = bpf_xdp_attach((int)ifindex, bpf_program__fd(loader->skeleton->progs.xlvs_let_in),
			       XDP_FLAGS_DRV_MODE, NULL);

	if (r == 0)
		r = switch_off_offloads(FAR);
	if (r == 0)
		r = bpf_tc_hook_create(&hook);
	return r == 0 || r == -EEXIST ? bpf_tc_attach(&hook, &options) : r;
}

static int make(void)
{
	struct nl_sock *sock = nl_socket_alloc();
	int r = sock ? nl_connect(sock, NETLINK_ROUTE) : -NLE_NOMEM;

	if (r == 0)
		r = make_pair(sock);
	if (r == 0)
		r = set_up(sock, FAR);
	if (r == 0)
		r = set_up(sock, NEAR);
	nl_socket_free(sock);
	return r == 0 ? 0 : r == -NLE_PERM ? -EPERM : -EOPNOTSUPP;
}

int xlvs_loader_open_detour(struct xlvs_loader *loader, struct xlvs_error *reterr)
{
	uint32_t near;
	bool native;
	int r = 0;

	xlvs_complaint_listen();
	if (!if_nametoindex(NEAR))
		r = make();
	near = if_nametoindex(NEAR);
	if (r == 0)
		r = switch_off_offloads(NEAR);
	if (r == 0)
		r = attach_far(loader, if_nametoindex(FAR));
	if (r < 0)
		return xlvs_complaint_refuse(reterr, r, "no detour for fragments");
	r = xlvs_loader_attach(loader, near, XLVS_MODE_GENERIC, &native, reterr);
	if (r == 0)
		__atomic_store_n(&loader->maps.runtime->detour_ifindex, near, __ATOMIC_RELEASE);
	return r;
}

int xlvs_loader_set_detour(struct xlvs_loader *loader, uint32_t ifindex, bool by_detour)
{
	const struct bpf_map *map = loader->skeleton->maps.xlvs_by_detour;
	uint32_t yes = 1;
	int r;

	if (by_detour)
		return bpf_map__update_elem(map, &ifindex, sizeof(ifindex), &yes, sizeof(yes), 0);
	r = bpf_map__delete_elem(map, &ifindex, sizeof(ifindex), 0);
	return r == -ENOENT ? 0 : r;
}

void xlvs_detour_remove(struct xlvs_loader *loader)
{
	struct nl_sock *sock = nl_socket_alloc();
	struct rtnl_link *near = rtnl_link_alloc();

	__atomic_store_n(&loader->maps.runtime->detour_ifindex, 0, __ATOMIC_RELEASE);
	if (sock && near && nl_connect(sock, NETLINK_ROUTE) == 0) {
		rtnl_link_set_name(near, NEAR);
		rtnl_link_delete(sock, near);
	}
	rtnl_link_put(near);
	nl_socket_free(sock);
}
