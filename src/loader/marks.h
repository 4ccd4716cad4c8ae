/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mark rules in the maps, for the plan under way: each rule's element, and the image of all of them
 * that the packet path searches. Like everything a plan does, visible once it is committed. */
#ifndef XLVS_LOADER_MARKS_H
#define XLVS_LOADER_MARKS_H

#include <stdint.h>

#include "base/error.h"

struct xlvs_loader;
struct xlvs_model;

int xlvs_marks_put(struct xlvs_loader *loader, const struct xlvs_model *model, uint32_t id);
int xlvs_marks_delete(struct xlvs_loader *loader, uint32_t id);
/* -ENOMEM, -ENOSPC. */
int xlvs_marks_publish(struct xlvs_loader *loader, const struct xlvs_model *model,
		       struct xlvs_error *reterr);

/* Into the model what a former daemon left, and the published image's chunks are taken. *ret_number
 * tells which rule, or chunk, contradicts the others when -EINVAL is returned. -ENOMEM. */
int xlvs_marks_adopt(struct xlvs_loader *loader, struct xlvs_model *model, uint32_t *ret_number);

#endif
