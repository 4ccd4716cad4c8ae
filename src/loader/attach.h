/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Putting the program on interfaces. By netlink and not by bpf_link: a link lives while a process
 * or a pin holds it, and where xlvsd was started by `ip netns exec` its pins may die with it; a
 * program attached by netlink stays until it is taken off. Replacing it is as free of gaps, and
 * just as conditional: only the program that was expected is replaced. */
#ifndef XLVS_LOADER_ATTACH_H
#define XLVS_LOADER_ATTACH_H

#include <stdint.h>

#include "base/error.h"

struct xlvs_loader;

/* Wherever a former program on the same maps runs, run this one. */
int xlvs_attach_replace_all(struct xlvs_loader *loader, struct xlvs_error *reterr);
/* Take the program at an interface's egress off, if there is one. */
void xlvs_attach_leave_egress(uint32_t ifindex);

#endif
