/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every service must satisfy, however it comes into a model. */
#ifndef XLVS_MODEL_SERVICE_H
#define XLVS_MODEL_SERVICE_H

#include "base/error.h"
#include "model/spec.h"

/* The number of its scheduler, or -ENOENT (scheduler or persistence engine), -EINVAL. */
int xlvs_service_check(const struct xlvs_service_spec *spec, struct xlvs_error *reterr);

#endif
