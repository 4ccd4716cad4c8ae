/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What outlives the daemon in a file system: the program, which holds every map, and the map of
 * the expiry's timer, which ticks only while a process or a pin holds it.
 *
 * The pins are a help, not the truth. The packet path is attached by netlink and stays attached,
 * maps and all, whatever becomes of the pins; a daemon that finds none finds the program on the
 * interfaces. They keep the expiry going while no daemon is there, and the connections when no
 * interface is. So it does no harm that a bpffs mounted inside `ip netns exec` dies with the
 * command: mounted before, outside of it, /run/xlvs/bpf is seen inside and stays. */
#ifndef XLVS_LOADER_PINS_H
#define XLVS_LOADER_PINS_H

#include <stdint.h>

struct xlvs_pins {
	uint64_t netns_cookie;
	char directory[64]; /* of this network namespace; empty when nothing can be pinned */
};

/* Find the place, mount the file system if it is not, and sweep what vanished network namespaces
 * left behind. Where that cannot be done there will be no pins. -errno when the network
 * namespace is not known. */
int xlvs_pins_open(struct xlvs_pins *pins);

/* The program pinned for this network namespace: an fd, or -ENOENT. */
int xlvs_pins_program(const struct xlvs_pins *pins);

/* Pin these instead of whatever is pinned; there is a pinned program at every instant. */
int xlvs_pins_put(const struct xlvs_pins *pins, int program_fd, int clock_fd);

void xlvs_pins_remove(const struct xlvs_pins *pins);

#endif
