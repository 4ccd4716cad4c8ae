// SPDX-License-Identifier: GPL-2.0-or-later
/* The rule for local addresses comes first in every network namespace; marked packets to a local
 * VIP never get past it. It gives way by one place: another one like it is there before it goes.
 * What comes out of the far end skips the rules for marks, or it would go round for ever. */
#include "cli/mark_netfilter.h"

#include "base/cleanup.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define NEAR  "xlvs-mark0"
#define FAR   "xlvs-mark1"
#define TABLE "5827" /* of routes, ours alone */
/* Any, if both have it: what leaves one end must be for the other. */
#define MAC "02:00:00:00:00:01"

static const int families[] = {4, 6};

/* Run ip(8) on these lines, silently without `reterr`. */
static int run_ip(int family, const char *lines, struct xlvs_error *reterr)
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
		return xlvs_refuse(reterr, -EIO,
				   "ip(8) refused; xlvs mark netfilter off cleans up");
	return 0;
}

static int write_setting(const char *path, const char *value, struct xlvs_error *reterr)
{
	XLVS_AUTO_FCLOSE FILE *file = fopen(path, "we");

	if (!file || fputs(value, file) < 0 || fflush(file))
		return xlvs_refuse(reterr, -EIO, "%s: %s", path, strerror(errno));
	return 0;
}

/* No end of a checksum, and no large packet, is left to the far end, which has no means to: the
 * kernel finishes both before a packet crosses. */
static int switch_off_offloads(struct xlvs_error *reterr)
{
	static const uint32_t commands[] = {ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SSG};
	XLVS_AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		struct ethtool_value value = {.cmd = commands[i]};
		struct ifreq request = {.ifr_name = NEAR};

		request.ifr_data = (char *)&value;
		if (fd < 0 || ioctl(fd, SIOCETHTOOL, &request))
			return xlvs_refuse(reterr, -EIO, NEAR ": offloads stay on: %s",
					   strerror(errno));
	}
	return 0;
}

static int make_pair(struct xlvs_error *reterr)
{
	int r = run_ip(4,
		       "link add " NEAR " mtu 65535 address " MAC " type veth peer name " FAR
		       " mtu 65535 address " MAC "\n"
		       "link set " NEAR " arp off addrgenmode none\n"
		       "link set " FAR " arp off addrgenmode none\n"
		       "link set " NEAR " up\n"
		       "link set " FAR " up\n",
		       reterr);

	if (r == 0)
		r = switch_off_offloads(reterr);
	if (r == 0)
		r = write_setting("/proc/sys/net/ipv4/conf/" FAR "/rp_filter", "0", reterr);
	for (size_t i = 0; r == 0 && i < sizeof(families) / sizeof(families[0]); i++)
		r = run_ip(families[i],
			   "rule add pref 1 lookup local\n"
			   "rule add pref 0 iif " FAR " goto 1\n"
			   "rule del pref 0 lookup local\n"
			   "route add default dev " NEAR " table " TABLE "\n",
			   reterr);
	return r;
}

static int parse_mark(const char *word, struct xlvs_error *reterr)
{
	unsigned long mark;
	char *end;

	errno = 0;
	mark = strtoul(word, &end, 0);
	if (errno || *end || *word < '0' || *word > '9' || !mark || mark > UINT32_MAX)
		return xlvs_refuse(reterr, -EINVAL, "a mark is a number from 1 to 4294967295");
	return 0;
}

/* A rule that is there already is replaced. */
static int add_rule(int family, const char *mark, struct xlvs_error *reterr)
{
	char line[128];

	snprintf(line, sizeof(line), "rule del pref 0 fwmark %s lookup " TABLE "\n", mark);
	run_ip(family, line, NULL);
	snprintf(line, sizeof(line), "rule add pref 0 fwmark %s lookup " TABLE "\n", mark);
	return run_ip(family, line, reterr);
}

int xlvs_mark_netfilter_on(int n_marks, char **marks, struct xlvs_mark_pair *ret_pair,
			   struct xlvs_error *reterr)
{
	int r = 0;

	for (int i = 0; r == 0 && i < n_marks; i++)
		r = parse_mark(marks[i], reterr);
	if (r == 0 && !if_nametoindex(NEAR))
		r = make_pair(reterr);
	for (int i = 0; r == 0 && i < 2 * n_marks; i++)
		r = add_rule(families[i % 2], marks[i / 2], reterr);
	if (r < 0)
		return r;
	*ret_pair = (struct xlvs_mark_pair){
		.near_ifindex = if_nametoindex(NEAR),
		.far_ifindex = if_nametoindex(FAR),
	};
	return 0;
}

static int remove_rules(int family, struct xlvs_error *reterr)
{
	int r = run_ip(family, "rule add pref 0 lookup local\n", reterr);

	if (r < 0)
		return r;
	while (run_ip(family, "rule del pref 0 lookup " TABLE "\n", NULL) == 0)
		;
	run_ip(family, "rule del pref 0 iif " FAR "\n", NULL);
	return run_ip(family, "rule del pref 1 lookup local\n", reterr);
}

int xlvs_mark_netfilter_off(struct xlvs_error *reterr)
{
	int r = 0;

	if (!if_nametoindex(NEAR))
		return xlvs_refuse(reterr, -ENOENT, "netfilter's marks are not let in");
	for (size_t i = 0; r == 0 && i < sizeof(families) / sizeof(families[0]); i++)
		r = remove_rules(families[i], reterr);
	return r < 0 ? r : run_ip(4, "link del " NEAR "\n", reterr);
}
