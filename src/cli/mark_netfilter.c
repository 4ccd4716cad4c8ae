// SPDX-License-Identifier: GPL-2.0-or-later
/* The rule for local addresses comes first in every network namespace; marked packets to a local
 * VIP never get past it. It gives way by one place: another one like it is there before it goes.
 * What comes out of the far end skips the rules for marks, or it would go round for ever. */
#include "cli/mark_netfilter.h"

#include "cli/veth.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

#define NEAR  "xlvs-mark0"
#define FAR   "xlvs-mark1"
#define TABLE "5827" /* of routes, ours alone */
enum {
	MTU_BYTES = 65535,
};

static const int families[] = {4, 6};

static int make_pair(struct xlvs_error *reterr)
{
	int r = xlvs_veth_make(NEAR, FAR, MTU_BYTES, reterr);

	if (r == 0)
		r = xlvs_veth_up(NEAR, FAR, reterr);
	for (size_t i = 0; r == 0 && i < sizeof(families) / sizeof(families[0]); i++)
		r = xlvs_veth_ip(families[i],
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
	xlvs_veth_ip(family, line, NULL);
	snprintf(line, sizeof(line), "rule add pref 0 fwmark %s lookup " TABLE "\n", mark);
	return xlvs_veth_ip(family, line, reterr);
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
	int r = xlvs_veth_ip(family, "rule add pref 0 lookup local\n", reterr);

	if (r < 0)
		return r;
	while (xlvs_veth_ip(family, "rule del pref 0 lookup " TABLE "\n", NULL) == 0)
		;
	xlvs_veth_ip(family, "rule del pref 0 iif " FAR "\n", NULL);
	return xlvs_veth_ip(family, "rule del pref 1 lookup local\n", reterr);
}

int xlvs_mark_netfilter_off(struct xlvs_error *reterr)
{
	int r = 0;

	if (!if_nametoindex(NEAR))
		return xlvs_refuse(reterr, -ENOENT, "netfilter's marks are not let in");
	for (size_t i = 0; r == 0 && i < sizeof(families) / sizeof(families[0]); i++)
		r = remove_rules(families[i], reterr);
	return r < 0 ? r : xlvs_veth_ip(4, "link del " NEAR "\n", reterr);
}
