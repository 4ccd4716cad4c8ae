/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet path's object file, as libbpf's skeleton of it; it does not include what it needs. */
#ifndef XLVS_LOADER_SKELETON_H
#define XLVS_LOADER_SKELETON_H

#include "abi/config.h"

#include "datapath/xlvs.skel.h"

#endif
