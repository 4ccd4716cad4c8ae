/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The maps as kernel objects: made with the program, or taken over from the one that runs, held by
 * it and mapped into memory. */
#ifndef XLVS_LOADER_MAPS_H
#define XLVS_LOADER_MAPS_H

#include "base/error.h"
#include "loader/settings.h"

struct xlvs_loader;

/* Before the program is loaded: sizes for maps that it will bring along, and a map of our own. */
int xlvs_maps_create(struct xlvs_loader *loader, const struct xlvs_sizes *sizes,
		     struct xlvs_error *reterr);

/* Before the program is loaded: make it use the maps of another one. -EPROTONOSUPPORT when they are
 * not what this xlvsd works with. */
int xlvs_maps_reuse(struct xlvs_loader *loader, int program_fd, struct xlvs_error *reterr);

/* Once the program is loaded: it holds every map, and loader->memories shows them. */
int xlvs_maps_open(struct xlvs_loader *loader, struct xlvs_error *reterr);
void xlvs_maps_close(struct xlvs_loader *loader);

#endif
