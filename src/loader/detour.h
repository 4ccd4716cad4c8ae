/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The detour: a veth pair of the director's own, for packets that XDP cannot finish
 * (abi/detour.h). It stays when the daemon ends and goes with a clean stop. */
#ifndef XLVS_LOADER_DETOUR_H
#define XLVS_LOADER_DETOUR_H

struct xlvs_loader;

void xlvs_detour_remove(struct xlvs_loader *loader);

#endif
