/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What IPVS can do and this director cannot yet: one row each, in one place, named in the refusal.
 * Asked after every check of the kernel's, so that what is wrong anyhow is refused as there. */
#ifndef XLVS_MODEL_REFUSE_H
#define XLVS_MODEL_REFUSE_H

#include "base/error.h"
#include "model/spec.h"

/* 0 or -EOPNOTSUPP. */
int xlvs_refuse_service(const struct xlvs_service_spec *spec, struct xlvs_error *reterr);
int xlvs_refuse_dest(const struct xlvs_service_spec *service, const struct xlvs_dest_spec *spec,
		     struct xlvs_error *reterr);

#endif
