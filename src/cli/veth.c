// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/veth.h"

#include "base/cleanup.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Any, if both have it: what leaves one end must be for the other. The packet path knows it
 * (datapath/route.bpf.h). */
#define MAC "02:00:00:00:00:01"

int xlvs_veth_ip(int family, const char *lines, struct xlvs_error *reterr)
{
	char command[64];
	FILE *ip;

	snprintf(command, sizeof(command), "exec ip -%d -%s - %s", family, "batch",
		 reterr ? "" : "2>/dev/null");
	ip = popen(command, "we");
	if (!ip)
		return xlvs_refuse(reterr, -EIO, "ip(8) cannot be run: %s", strerror(errno));
	fputs(lines, ip);
	if (pclose(ip))
		return xlvs_refuse(reterr, -EIO, "ip(8) refused; the same with \"off\" cleans up");
	return 0;
}

int xlvs_veth_setting(const char *interface, const char *name, const char *value,
		      struct xlvs_error *reterr)
{
	XLVS_AUTO_FCLOSE FILE *file = NULL;
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/%s", interface, name);
	file = fopen(path, "we");
	if (!file || fputs(value, file) < 0 || fflush(file))
		return xlvs_refuse(reterr, -EIO, "%s: %s", path, strerror(errno));
	return 0;
}

static int set_offload(const char *interface, uint32_t command, uint32_t value,
		       struct xlvs_error *reterr)
{
	XLVS_AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ethtool_value words = {.cmd = command, .data = value};
	struct ifreq request = {.ifr_data = (char *)&words};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &request))
		return xlvs_refuse(reterr, -EIO, "%s: offloads cannot be set: %s", interface,
				   strerror(errno));
	return 0;
}

int xlvs_veth_make(const char *near, const char *far, unsigned int mtu_bytes,
		   struct xlvs_error *reterr)
{
	static const uint32_t off[] = {ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SSG};
	char lines[512];
	int r;

	snprintf(lines, sizeof(lines),
		 "link add %s mtu %u address " MAC " type veth peer name %s mtu %u address " MAC
		 "\n"
		 "link set %s arp off addrgenmode none\n"
		 "link set %s arp off addrgenmode none\n",
		 near, mtu_bytes, far, mtu_bytes, near, far);
	r = xlvs_veth_ip(4, lines, reterr);
	for (size_t i = 0; r == 0 && i < sizeof(off) / sizeof(off[0]); i++)
		r = set_offload(near, off[i], 0, reterr);
	if (r == 0)
		r = xlvs_veth_setting(far, "rp_filter", "0", reterr);
	return r;
}

int xlvs_veth_up(const char *near, const char *far, struct xlvs_error *reterr)
{
	char lines[128];

	snprintf(lines, sizeof(lines), "link set %s up\nlink set %s up\n", near, far);
	return xlvs_veth_ip(4, lines, reterr);
}
