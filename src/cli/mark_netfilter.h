/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way of packets that netfilter marked into the packet path: policy routing sends them out by
 * the near end of a veth pair, at whose far end the packet path runs. Done with ip(8). */
#ifndef XLVS_CLI_MARK_NETFILTER_H
#define XLVS_CLI_MARK_NETFILTER_H

#include <stdint.h>

#include "base/error.h"

struct xlvs_mark_pair {
	uint32_t near_ifindex;
	uint32_t far_ifindex;
};

/* Make the pair if it is not there, and a rule for each mark that has none. -EINVAL a word that is
 * no mark, -EIO what ip(8) refused, and then what it did before stays. */
int xlvs_mark_netfilter_on(int n_marks, char **marks, struct xlvs_mark_pair *ret_pair,
			   struct xlvs_error *reterr);

/* Take away the pair and all rules. -ENOENT when it is not there. */
int xlvs_mark_netfilter_off(struct xlvs_error *reterr);

#endif
