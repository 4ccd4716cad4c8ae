/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local addresses of services as the packet path reads them, see abi/local.h. */
#ifndef XLVS_LOADER_LOCALS_H
#define XLVS_LOADER_LOCALS_H

#include "base/error.h"
#include "loader/loader.h"

/* Operation of a plan: publish a service's addresses as the model has them. -ENOSPC. */
int xlvs_locals_publish(struct xlvs_loader *loader, const struct xlvs_model *model,
			uint32_t service, struct xlvs_error *reterr);

/* Take over what a former daemon published for this service. -EINVAL. */
int xlvs_locals_adopt(struct xlvs_loader *loader, struct xlvs_model *model, uint32_t service);

#endif
