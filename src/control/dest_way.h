/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The attributes of a destination that say how packets get there: tunnel, the option that tells
 * the client's address, segment size. Requests and answers carry them alike. */
#ifndef XLVS_CONTROL_DEST_WAY_H
#define XLVS_CONTROL_DEST_WAY_H

#include "model/spec.h"

struct nl_msg;
struct nlattr;

/* Append them to the open nest; non-zero if there is no room. */
int xlvs_dest_way_put(struct nl_msg *message, const struct xlvs_dest_spec *spec);

/* Read them, as far as they are there; spec->method is known already. `attrs` go up to
 * XLVS_DEST_ATTR_MAX and are checked. */
void xlvs_dest_way_get(struct nlattr **attrs, struct xlvs_dest_spec *spec);

#endif
